"""What is said of a Dockerfile's build itself: a base that is no name, files out of reach, a server that it loses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.command import BINARY, ENTRYPOINT_SCRIPT, is_server_word
from playbook.lint.checks.reading import Document
from playbook.lint.forms.dockerfile import Instruction, continued, last_of
from playbook.lint.forms.shell import simple_commands
from playbook.lint.readers.image_context import check_context
from playbook.lint.rules.findings import Finding, finding

_TORN = re.compile(r"\s*tensorflow(?:\s+/\s*|/\s+)serving(?:\s*:\s*[\w.-]+)?")
# public images that are known to hold no model server
_BARE = re.compile(r"(?:docker\.io/)?(?:library/)?(?:alpine|busybox|centos|debian|fedora|nvidia/cuda|python|"
                   r"tensorflow/tensorflow|ubuntu)(?::[\w.-]+)?(?:@sha256:\w+)?")  # fmt: skip
# how a step may bring one all the same
_MAY_BRING = re.compile(r"model[-_]serv|(?<!-)\b(?:bazel|conda|curl|dpkg|git|make|mamba|wget|yum|dnf)\b|\.sh\b|\btar\b")
_OF_PROGRAMS = re.compile(r"/(?:usr|bin|sbin|opt)?(?:/.*)?|\.?/?")
_OTHER_CONTEXT = r"(?:-f|--file|dockerfile\s*[:=])[\s=]*[\"']?\S*/{name}"  # built from a folder above its own


def check_build(steps: list[Instruction], final: list[Instruction], document: Document) -> Iterator[Finding]:
    """Findings of the build; `final` are the steps of the stage that becomes the image."""
    text = document.text
    yield from check_context(steps, document)
    for step in steps:
        if step.word == "FROM" and (torn := _TORN.match(step.rest)):
            words = {"word": torn[0].strip(), "right": re.sub(r"\s+", "", torn[0]),
                     "effect": "Docker takes its second word for something else, and builds nothing"}  # fmt: skip
            yield finding("image-name-broken", text.path, text.line(step.line), **words)
        for line, word in _within(step):
            yield finding("instruction-in-run", text.path, text.line(line), word=word)
        if step.word in ("COPY", "ADD") and not step.fed:
            yield from _outside(step, document)
            yield from _fetched(step, document)
            yield from _flattened(step, document)
            yield from _bare(step, document)
    if _lacks_server(final):
        yield finding("image-without-server", text.path, text.line(final[0].line), image=final[0].rest.split()[0])
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


def _fetched(step: Instruction, document: Document) -> Iterator[Finding]:
    """Sources that Docker does not fetch: COPY takes none from elsewhere, ADD those of http and git alone."""
    plain = [word for word in re.split(r"[\s\[\],\"]+", step.rest) if word and not word.startswith("--")]
    for source in plain[:-1]:
        scheme = source.partition("://")[0].lower() if "://" in source else ""
        fetched = step.word == "ADD" and scheme in ("http", "https", "git", "ssh")
        if source.startswith("~/") or (scheme and not fetched):
            line = step.line + step.rest[: step.rest.find(source)].count("\n")
            yield finding("copy-of-url", document.text.path, document.text.line(line), word=step.word, source=source)


def _flattened(step: Instruction, document: Document) -> Iterator[Finding]:
    """`COPY model/* .../1/`: a folder that an asterisk matches is not copied itself."""
    words = [word for word in step.rest.split() if not word.startswith("--")]
    target = words[-1] if words else ""
    for source in words[:-1]:
        if re.fullmatch(r"[\w./${}-]+/\*", source) and re.search(r"/\d+/?$", target) and "--parents" not in step.rest:
            yield finding("copy-flattens", document.text.path, document.text.line(step.line), word=step.word,
                          source=source, folder=source.removesuffix("*"), target=target)  # fmt: skip


def _bare(step: Instruction, document: Document) -> Iterator[Finding]:
    """`COPY .../Format-Serving /models/m`: what TFX's Trainer exports is a SavedModel, and no folder of versions."""
    words = [word for word in step.rest.split() if not word.startswith("--")]
    target = words[-1].rstrip("/") if len(words) == 2 else ""
    if (
        words[:1]
        and words[0].rstrip("/").endswith("/Format-Serving")
        and re.fullmatch(r"/models/(?!\d+$)[^/]+", target)
    ):
        remedy = f"{words[0]} is a SavedModel itself: copy it to {target}/1/."
        yield finding("no-version", document.text.path, document.text.line(step.line), path=target, remedy=remedy)


def _within(step: Instruction) -> Iterator[tuple[int, str]]:
    """Instructions in the middle of a RUN: a line's backslash made them words of its script."""
    lines = step.rest.split("\n") if step.word == "RUN" and not step.fed else []
    for nth, line in enumerate(lines):
        before = "\n".join(lines[:nth])
        if before.count("'") % 2 or before.count('"') % 2:  # a file that is written
            continue
        begun = re.match(r"\s*(RUN|COPY|ADD|ENV|CMD|ENTRYPOINT|WORKDIR|EXPOSE|USER)\s", line) if nth else None
        if begun:
            yield step.line + nth, begun[1]


def _lacks_server(steps: list[Instruction]) -> bool:
    """True for an image that is to start the server by its name alone, and that nothing can have brought it."""
    base = steps[0].rest.split()[:1] if steps and steps[0].word == "FROM" else []
    started = last_of(steps, "ENTRYPOINT") or last_of(steps, "CMD")
    if not base or not _BARE.fullmatch(base[0]) or started is None:
        return False
    words = started.words() or next((each.words for each in simple_commands(continued(started.rest))), [])
    return words[:1] == [BINARY] and not any(_may_bring(step) for step in steps)


def _may_bring(step: Instruction) -> bool:
    if step.word == "RUN":
        return bool(step.fed or _MAY_BRING.search(step.rest))
    if step.word in ("COPY", "ADD"):
        target = re.split(r"[\s\],\"]+", step.rest.strip(' ]"'))[-1]
        return bool(step.fed or BINARY in step.rest or _OF_PROGRAMS.fullmatch(target))
    return step.word == "ENV" and bool(re.match(r"PATH\b", step.rest))


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
