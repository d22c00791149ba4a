"""What is said of a Dockerfile's build itself: a base that is no name, files out of reach, a server that it loses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.command import BINARY, ENTRYPOINT_SCRIPT, is_server_word
from playbook.lint.checks.reading import Document
from playbook.lint.forms.dockerfile import Instruction, continued
from playbook.lint.forms.shell import simple_commands
from playbook.lint.rules.findings import Finding, finding

_TORN = re.compile(r"\s*tensorflow(?:\s+/\s*|/\s+)serving(?:\s*:\s*[\w.-]+)?")
_OTHER_CONTEXT = r"(?:-f|--file|dockerfile\s*[:=])[\s=]*[\"']?\S*/{name}"  # built from a folder above its own


def check_build(steps: list[Instruction], final: list[Instruction], document: Document) -> Iterator[Finding]:
    """Findings of the build; `final` are the steps of the stage that becomes the image."""
    text = document.text
    for step in steps:
        if step.word == "FROM" and (torn := _TORN.match(step.rest)):
            words = {"word": torn[0].strip(), "right": re.sub(r"\s+", "", torn[0]),
                     "effect": "Docker takes its second word for something else, and builds nothing"}  # fmt: skip
            yield finding("image-name-broken", text.path, text.line(step.line), **words)
        if step.word in ("COPY", "ADD") and not step.fed:
            yield from _outside(step, document)
    lost = next((step for step in final if _ends_in_background(step)), None)
    if lost is not None and not any(step.word in ("CMD", "ENTRYPOINT") and _starts(step.rest) for step in final):
        yield finding("server-ends-with-build", text.path, text.line(lost.line))


def is_torn(rest: str) -> bool:
    """True for FROM's words where a blank stands inside the name of the server's image."""
    return bool(_TORN.match(rest))


def _outside(step: Instruction, document: Document) -> Iterator[Finding]:
    """Sources above the context, unless somebody builds from there or what BuildKit makes of them is here."""
    plain = [word for word in re.split(r"[\s\[\],\"]+", step.rest) if word and not word.startswith("--")]
    if "--from" in step.rest:
        return
    text, sources = document.text, document.around.sources
    for source in (each for each in plain[:-1] if re.match(r"(\./)?\.\.(/|$)", each)):
        inside = re.sub(r"^(\./)?(\.\./?)+", "", source) or "."
        folders = [folder for folder in (document.folder, sources.root) if folder is not None]
        named = text.path.rpartition("/")[2]
        elsewhere = re.compile(_OTHER_CONTEXT.format(name=re.escape(named)))
        built = any(elsewhere.search(other.content) for other in sources.texts.values())
        if not built and not any((folder / inside).exists() for folder in folders if inside != "."):
            line = step.line + step.rest[: step.rest.find(source)].count("\n")
            yield finding("copy-outside-context", text.path, text.line(line), word=step.word, source=source,
                          inside=inside)  # fmt: skip


def _ends_in_background(step: Instruction) -> bool:
    """True for a RUN whose last command is the server in the background, so that nothing in it asks the server."""
    script = continued(step.rest).rstrip()
    if step.word != "RUN" or step.fed or not re.search(r"(?<!&)&$", script):
        return False
    commands = [command.words for command in simple_commands(script) if command.words]
    words = [word for word in commands[-1] if word not in ("nohup", "exec", "sudo")] if commands else []
    return bool(words) and (is_server_word(words[0]) or words[0].endswith(ENTRYPOINT_SCRIPT))


def _starts(rest: str) -> bool:
    return BINARY in rest or ENTRYPOINT_SCRIPT in rest
