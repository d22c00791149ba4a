"""Lint of a Dockerfile: the image it makes, what that would run, and what is said of its steps."""

from __future__ import annotations

import re
from dataclasses import replace

from playbook.lint.checks.bitnami import check_bitnami, is_bitnami
from playbook.lint.checks.command import BINARY, ENTRYPOINT_SCRIPT, OFFICIAL, Mount, Place, is_official, is_server_word
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.containers import TOOLS, check_image
from playbook.lint.checks.image_tags import is_servers, wrong_tag
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.own_images import runs_server
from playbook.lint.checks.reading import Document, Image, Reading
from playbook.lint.forms.dockerfile import (
    KEYWORDS,
    Instruction,
    arguments_of,
    continued,
    environment,
    instructions,
    last_of,
    stages,
)
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.text import Text, Word, expand
from playbook.lint.readers.image_builds import check_build, is_torn
from playbook.lint.readers.image_files import copied, is_script_text, made, parted, scripts_named, workdir_of
from playbook.lint.readers.image_order import check_order, check_scopes, check_taken
from playbook.lint.readers.image_parts import read_part
from playbook.lint.readers.image_prints import read_printed
from playbook.lint.readers.image_steps import (
    check_step,
    check_steps,
    check_told_ports,
    fetches,
    form_of,
    serving_stage,
    volumes,
    waits,
)
from playbook.lint.rules.findings import Finding
from playbook.lint.rules.told import TOLD

_WITH_FLAGS = re.compile(rf"(?m)^(?!\s*#).*\b{BINARY}\b.*\s--(?!version|help)\w+")


def read_dockerfile(document: Document, target: str = "") -> Reading:
    """Command lines and findings of an image that serves; an empty reading, with the reason, for another.

    The last stage is the image, or the one that `target` names.
    """
    text, reading = document.text, Reading()
    steps = instructions(text.content)
    behind = next((step.line for step in steps if step.word not in KEYWORDS), 0)
    if behind and re.match(r"(echo|printf|cat|tee)\b", text.content.split("\n")[behind - 1]):  # a shell's
        reading.add(document.read_as("shell", _from_line(text, behind)))
        steps = [step for step in steps if step.line < behind]
    if not steps:
        reading.passed = "nothing but comments"
        return reading
    arguments = arguments_of(steps)
    final = stages(steps, target or serving_stage(steps))
    base = Word("")
    if final and final[0].word == "FROM" and final[0].rest:
        base = Word(expand(final[0].rest.split()[0], arguments), text.line(final[0].line))
    if OFFICIAL not in base and is_servers(base):  # nobody has such an image
        base = base.with_text(wrong_tag(base)[1])
    if is_torn(final[0].rest if final else ""):
        base = Word(OFFICIAL)  # as it is meant
    if is_bitnami(base) and BINARY not in text.content:
        values = {name: Word(value, text.line(value.line)) for name, value in environment(steps, arguments).items()}
        reading.findings += check_bitnami(base, values, text.path, text.line(final[0].line))
        reading.counts["images"] += 1
        return reading
    if OFFICIAL not in base and BINARY not in text.content and not _by_script(final, arguments, document):
        if (part := read_part(steps, text)) is not None:
            return part
        reading.passed = "the image does not serve"
        return reading
    shown = text.path
    for step in steps:
        if step.word == "RUN" and not step.fed and waits(step):
            reading.report("server-in-build", shown, text.line(step.line))
        if step.word == "FROM" and step.rest and is_servers(named := expand(step.rest.split()[0], arguments)):
            reading.findings += check_image(named, shown, text.line(step.line))
    reading.counts["images"] += 1
    if _is_base_alone(steps, document):
        return reading
    start = _start(final, base, arguments, document, reading)
    tools = {tool for tool in TOOLS for step in final if step.word == "RUN"
             and re.search(rf"(install|add)\b[^&|;]*\b{tool}\b", step.rest)}  # fmt: skip
    tools |= {tool for tool in TOOLS[-1:] for step in final if step.word != "HEALTHCHECK" and tool in step.rest}
    reading.findings += [*check_build(steps, final, document), *check_taken(steps, document)]
    reading.findings += check_order(final, is_official(base), document)
    reading.findings += check_scopes(steps, final, is_official(base) and "devel" not in base, document)
    reading.findings += [_moved(hit, text) for hit in check_steps(steps, final, base, shown)]
    reading.add(read_printed(final, document))
    for step in final:
        reading.findings += [_moved(hit, text) for hit in check_step(step, base, tools, shown)]
    if start is not None:
        launched = launch(start)
        if all(hit.rule != "entrypoint-replaced" for hit in reading.findings):  # said there: REST is off
            launched.findings += check_told_ports(final, start, launched.commands, text)
        reading.add(launched)
        lost = last_of(final, "CMD") if any(hit.rule == "cmd-shell-form" for hit in reading.findings) else None
        if lost is not None and (meant := _as_shell(lost, start, text)):
            again = launch(replace(start, args=meant, partial=False))
            reading.add(again.without("env-beside-flag", "read by nobody: "))  # its variables were judged above
        if any(step.broken for step in final):  # what the image would run is known, and it does not build
            reading.commands = [replace(command, published=()) for command in reading.commands]
    if not (reading.commands or reading.findings) and (line := _names_flags(final)):
        reading.report("not-understood", shown, text.line(line), name=BINARY, remedy=TOLD["not-understood"])
    return reading


def _names_flags(steps: list[Instruction]) -> int:
    """The line of a step that holds the server's command line, in whatever form; 0 where none does."""
    found = ((step, _WITH_FLAGS.search(step.rest)) for step in steps if step.word in ("RUN", "CMD", "ENTRYPOINT"))
    return next((step.line + step.rest[: match.start()].count("\n") for step, match in found if match), 0)


def _by_script(steps: list[Instruction], arguments: dict[str, str], document: Document) -> bool:
    """True for an image whose ENTRYPOINT or CMD is a script that lies here and starts the server."""
    values = {**arguments, **environment(steps, arguments)}
    mounts = copied(steps, values, document)
    return any(runs_server(text) for _, text in scripts_named(mounts, steps, values, document))


def _is_base_alone(steps: list[Instruction], document: Document) -> bool:
    """True for a document's block that shows what an image is built on, and nothing of what becomes of it."""
    file, texts = document.text.file, document.around.sources.texts
    part = file not in texts or texts[file].content != document.text.content
    return part and all(step.word in ("FROM", "ARG", "LABEL") for step in steps)


def _from_line(text: Text, line: int) -> Text:
    rest = "\n".join(text.content.split("\n")[line - 1 :])
    return Text(rest, text.path, text.line(line) or line, text.file)


def _moved(hit: Finding, text: Text) -> Finding:
    return replace(hit, line=text.line(hit.line))


def _start(
    steps: list[Instruction], base: str, arguments: dict[str, str], document: Document, reading: Reading
) -> Start | None:
    values = {name: Word(value, document.text.line(value.line))
              for name, value in environment(steps, arguments).items()}  # fmt: skip
    entry = last_of(steps, "ENTRYPOINT")
    cmd = last_of(steps, "CMD")
    known = {**arguments, **values}  # what a build's steps see
    steps = [parted(step, document.text.content) for step in steps]
    written = list(made(steps, known, document))
    mounts = [*copied(steps, known, document), *(Mount(path, files={"": text}) for path, text in written)]
    mounts += [Mount(path) for path in volumes(steps) if not any(m.rest_of(path) is not None for m in mounts)]
    scripts = {path: text for path, text in written if is_script_text(text)}
    scripts |= {mount.target: text for mount in mounts if mount.source is not None and mount.source.is_file()
                and (text := document.around.sources.file(mount.source)) is not None
                and is_script_text(text)}  # fmt: skip
    scripts = {**dict(scripts_named(mounts, steps, known, document)), **scripts}
    reading.configs += [
        (kind, text) for _, text in written if (kind := kind_of(text.content)) and not is_script_text(text)
    ]
    closed = is_official(base) and not any(fetches(step) for step in steps)
    packaged = any(step.word == "RUN" and re.search(r"install\b.*tensorflow-model-server", step.rest, re.DOTALL)
                   for step in steps)  # fmt: skip
    workdir = workdir_of(steps, known)
    place = Place(True, closed, tuple(mounts), document.folder, "" if packaged else base, built=True, workdir=workdir)
    start = Start(document.text.path, None, base, None, [], values, place, document.around.cpus, own_image=True,
                  scripts=scripts, reading=document.text.content)  # fmt: skip
    if (health := last_of(steps, "HEALTHCHECK")) is not None and health.rest.upper() != "NONE":
        start.health = Word(continued(health.rest), document.text.line(health.line))
    _fill(start, entry, cmd, document, reading, official=OFFICIAL in base)
    if start.entry == [] and (own := [path for path in scripts if path.endswith(ENTRYPOINT_SCRIPT)]):
        start.entry = [Word(own[0], start.line)]  # a base built as the official one runs it
    if document.folder is not None:
        entry_words = tuple(start.entry) if start.entry is not None else None
        named = frozenset(step.rest.partition("=")[0].strip() for step in steps if step.word == "ARG")
        image = Image(base, entry_words, tuple(start.args), values, tuple(mounts), closed, document.folder,
                      path=document.text.path, scripts=scripts, partial=start.partial, workdir=workdir,
                      arguments=named)  # fmt: skip
        document.around.images[str(document.folder.resolve())] = image
        if document.text.file is not None:
            document.around.images[str(document.text.file.resolve())] = image
    return start if start.entry is None or start.entry or start.args else None


def _fill(
    start: Start, entry: Instruction | None, cmd: Instruction | None, document: Document, reading: Reading,
    official: bool,
) -> None:  # fmt: skip
    """Put ENTRYPOINT and CMD together as Docker does."""
    text = document.text
    start.line = text.line(last.line if (last := cmd or entry) else 1)
    cmd_words = _words(cmd, text) if cmd else []
    if entry is None:
        start.entry = None if official else []
        if cmd is not None and official and cmd.words() is None and not cmd.rest.startswith("["):
            rule, words = form_of(cmd.rest)
            reading.report(rule, text.path, text.line(cmd.line), **words)
            lone = rule == "cmd-shell-word"  # what others were to say is lost, and said so
            cmd_words, start.partial = [Word(cmd_words[-1], start.line, True)] if lone else [], rule == "cmd-shell-form"
    else:
        start.entry = _words(entry, text)
        if entry.words() is None and not (entry.broken or entry.rest.startswith("[")):
            cmd_words = []  # the shell form of ENTRYPOINT takes no CMD
    start.args = cmd_words
    if start.entry == [] and cmd_words:
        start.entry, start.args = cmd_words, []
    _replaced(start, entry, text, reading)


def _as_shell(cmd: Instruction, start: Start, text: Text) -> list[Word]:
    """The server's flags of a CMD in shell form, as they were meant; none where another program stands there."""
    values = {name: str(value) for name, value in start.environment.items()}
    for command in simple_commands(continued(cmd.rest), values, text.line(cmd.line) or 1):
        words = command.words
        named = [place for place, word in enumerate(words) if is_server_word(word)]
        if named or (words[:1] and words[0].startswith("--")):
            return words[named[0] + 1 :] if named else words
    return []


def _replaced(start: Start, entry: Instruction | None, text: Text, reading: Reading) -> None:
    words = [*(start.entry or ()), *start.args]
    joined = expand(" ".join(words), start.environment)
    serves = OFFICIAL in start.image and any(is_server_word(word) for word in joined.split())
    if entry is None or not serves or ENTRYPOINT_SCRIPT in joined:
        return
    if "--rest_api_port" not in joined and "$@" not in joined:
        reading.report("entrypoint-replaced", text.path, text.line(entry.line), lost="rest_api_port falls back to 0")


def _words(step: Instruction, text: Text) -> list[Word]:
    words = step.words()
    if words is None and step.broken:
        items = re.findall(r'"((?:[^"\\]|\\.)*)"', step.rest)
        words = [Word(item, step.line_of(item), True) for item in items]
    if words is None and step.rest.startswith("[") and not step.broken:
        items = re.findall(r"[\"']([^\"']*)[\"']", step.rest)
        words = [Word(item, step.line + step.rest[: max(step.rest.find(item), 0)].count("\n"), True) for item in items]
    if words is not None:
        return [Word(word, text.line(word.line), word.raw) for word in words]
    line = text.line(step.line)
    return [Word("/bin/sh", line), Word("-c", line), Word(continued(step.rest), line)]
