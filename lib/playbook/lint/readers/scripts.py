"""Shell text around a server: its command lines, `docker run`, files written by here-documents, and the order of it."""

from __future__ import annotations

import re
from dataclasses import replace

from playbook.lint.checks.blanked import Blanked
from playbook.lint.checks.command import BINARY, NAMED, OFFICIAL, is_server_word
from playbook.lint.checks.containers import check_image
from playbook.lint.checks.cut_off import behind_prompt, cut_off
from playbook.lint.checks.exports import check_exports
from playbook.lint.checks.late_files import Order
from playbook.lint.checks.misnamed import module_named, named_rightly, whole_line
from playbook.lint.checks.own_images import names_own
from playbook.lint.checks.pasted import mended_line
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.checks.rewriting import check_rewriting
from playbook.lint.checks.torn_lines import Torn
from playbook.lint.forms.script_writes import Writes
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.shell_calls import by_bash
from playbook.lint.forms.simple import Simple
from playbook.lint.forms.text import ENGINES, Text, Word
from playbook.lint.forms.told_commands import set_aside, told
from playbook.lint.forms.units import unit_as_shell
from playbook.lint.readers.cluster_changes import read_config_maps, read_helm, read_kubectl
from playbook.lint.readers.cluster_cli import (
    compose_arguments,
    read_azure,
    read_cluster_run,
    read_compose_run,
    read_singularity,
)
from playbook.lint.readers.committed import copied_by, follow, goes_on, torn_change
from playbook.lint.readers.docker_astray import IN_QUOTES, cut_by_blank
from playbook.lint.readers.docker_cli import read_docker_run
from playbook.lint.readers.docker_options import check_copy
from playbook.lint.readers.docker_words import lacks_image, run_arguments
from playbook.lint.readers.foreground import Foreground
from playbook.lint.readers.grown_lines import without_steps
from playbook.lint.readers.server_commands import calls_script, read_process, read_script_call, starts_server
from playbook.lint.readers.sourced import sourced_variables
from playbook.lint.readers.written import read_written
from playbook.lint.rules.findings import Finding, finding

# programs that take the server's name for something else than a command
# fmt: off
_NOT_RUN = (
    "echo", "printf", "grep", "egrep", "which", "pkill", "pgrep", "killall", "apt-get", "apt", "ls", "#",
    "bazel", "bazelisk", "cp", "mv", "ln", "install", "strip", "chmod", "chown", "rm", "file", "ldd", "find",
    "cat", "test", "[", "[[", "tar", "scp", "rsync", "sed", "awk", "ps", "kill", "pip", "pip3",
)
# fmt: on
_DEPTH = 3
_IMAGE = re.compile(rf"(\w+://)?(docker\.io/)?{OFFICIAL}(:[\w.-]+)?")
_MAY_CONCERN = re.compile(
    r"tensorflow|TF_SERVING_|model_config|batch|prometheus_config|--model_|rest_api_|--port|server_key|"
    r"MODEL_NAME[= ]|per_process_|\bserving_base\b|\btf[-_]?serv"
)
_SERVES = re.compile(r"tensorflow[-_/](model[-_])?serv|MODEL_NAME[= ]|--model_|serving_base|\btf[-_]?serv")
_UNIT = re.compile(r"(?m)^\s*(ExecStart\s*=|\[program:)")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*\+?=")


def read_script(document: Document, depth: int = 0) -> Reading:
    """Server command lines of shell text, and what is said of its order."""
    reading, text = Reading(), document.text
    if not (_MAY_CONCERN.search(text.content) or names_own(document.around, text.content) or goes_on(document)):
        return reading
    values = {**document.around.exported, **{name: str(value) for name, value in sourced_variables(document).items()}}
    named, shown = set[Word](), list[Simple]()
    around = document.around.sources.texts.get(text.file, text) if text.file is not None else text
    serves = bool(_SERVES.search(around.content)) or names_own(document.around, text.content)
    writes, order, torn = Writes(not by_bash(text.content)), Order(), Torn()
    foreground = Foreground(text.content)
    blanked, read_as_meant = Blanked(text.content), lambda words: _read_command(Simple(words), document, depth)
    commands = [*simple_commands(text.content, values, text.first_line)]
    writes.parts(commands)
    for command in commands:
        command.words, pasted = _as_meant(command, document)
        reading.findings += pasted
        if serves and _goes_on(torn, command.words):
            torn.add(command.words, text.path, reading)
            continue
        reading.add(torn.rest(read_as_meant))
        torn = Torn(command.words)
        if blanked.add(command.words):
            continue
        whole = replace(command, fed="") if writes.takes(command) else command
        read = _read_command(whole, document, depth)
        reading.findings += blanked.used(command.words, text.path) if read.understood else ()
        order.add(command, read.commands)
        foreground.add(command, bool(read.commands))
        reading.add(read.without(*IN_QUOTES) if command.unclosed and pasted else read)
        torn.understood = bool(read.commands)
        if starts_server(command.words) and read.understood and behind_prompt(command.words) and _is_script(text):
            prompt, program = command.words[:2]
            reading.report("prompt-in-script", text.path, command.line, word=prompt, command=program)
        named |= {word.with_text(word.partition("=")[2]) for word in command.words[:2] if re.match(r"\w+=", word)}
        writes.add(command, text.path)
        shown.append(command)
    reading.add(torn.rest(read_as_meant))
    for name, written in writes.files.items():
        reading.add(_written(name, written, document, depth))
    for other in set_aside(shown, text.path):
        reading.add(without_steps(read_script(Document(other, document.around), _DEPTH), reading.commands))
    for tells in told(shown, text.path) if not reading.understood and depth == 0 else ():
        if re.search(rf"{NAMED}\s+-|{ENGINES}\s.*\brun\b", tells.content):
            reading.add(read_script(Document(tells, document.around), _DEPTH))
    if not reading.understood:
        _images(named, text.path, reading)
    if depth == 0:
        reading.findings += [*check_rewriting(text), *check_exports(shown, text.path)]
        reading.findings += [*order.late(text.content, document.around.sources)]
        reading.findings += foreground.findings(text.path) if _is_script(text) else ()
    return reading


def _is_script(text: Text) -> bool:
    """True for a text that is run as it stands; a document shows what somebody types."""
    return text.path.endswith((".sh", ".bash")) or text.content.startswith("#!")


def _as_meant(command: Simple, document: Document) -> tuple[list[Word], list[Finding]]:
    """A command's words at all of its blanks, and what is said of blanks that are none and of a quote left open."""
    path, words = document.text.path, command.words
    if not any(BINARY in word or OFFICIAL in word for word in words):
        return words, []
    words, hits = mended_line(words, path)
    if command.unclosed is not None:
        hits.append(finding("quote-not-closed", path, command.unclosed))
    return words, hits


def _goes_on(torn: Torn, words: list[Word]) -> bool:
    """True for words that were meant as the rest of the command before them, which starts a server."""
    before, _ = named_rightly(torn.so_far, "", None)
    return ((starts_server(before) or lacks_image(before)) and cut_off(words)) or cut_by_blank(torn.words, words)


def _images(named: set[Word], path: str, reading: Reading) -> None:
    """Images that variables name, in a text that says no more of them."""
    for image in sorted(word for word in named if _IMAGE.fullmatch(word)):
        reading.counts["images"] += 1
        reading.findings += check_image(str(image), path, image.line)


def _read_command(command: Simple, document: Document, depth: int) -> Reading:
    reading, words = Reading(), command.words
    if command.fed:
        reading.add(_fed(command, document, depth))
    if not words or words[0].rpartition("/")[2] in _NOT_RUN:
        return reading
    reading.findings += follow(words, document)
    reading.findings += check_copy(copied_by(words), document.text.path)
    reading.findings += torn_change(words, document.text.path)
    if run_arguments(words) is not None:
        return _joined(reading, read_docker_run(words, document))
    if _is_python(words) and "-c" in words[1:-1]:
        code = words[words.index(Word("-c")) + 1]
        text = Text(code.written, document.text.path, code.line or 1, document.text.file)
        return _joined(reading, document.read_as("python", text))
    if (beside := _beside(words, document)) is not None:
        return _joined(reading, beside)
    inner = [
        word
        for word in words
        if " " in word.strip()
        and re.search(rf"{NAMED}|{ENGINES} run", word)
        and not (is_server_word(word) and word.startswith("<"))
    ]  # its folder is to be filled in
    if (whole := whole_line(words, document.text.path)) is not None:
        reading.findings.append(whole[0])
        return _joined(reading, read_process(whole[1], document))
    if inner and depth < _DEPTH:
        for word in inner:
            text = Text(word.written, document.text.path, word.line or 1, document.text.file)
            reading.add(read_script(Document(text, document.around), depth + 1))
        return reading
    if _is_python(words):
        reading.findings += module_named(words, document.text.path, command.line)
    words, hits = named_rightly(words, document.text.path, command.line, document.text.content)
    reading.findings += hits
    if (contained := read_singularity(words, document)) is not None:
        return _joined(reading, contained)
    if (cluster := read_cluster_run(words, document)) is not None:
        return _joined(reading, cluster)
    if any(is_server_word(word) for word in words) and not all(_ASSIGNED.match(word) for word in words):
        return _joined(reading, read_process(words, document))
    if calls_script(words):
        return _joined(reading, read_script_call(words, document))
    if (inside := compose_arguments(words)) is not None:
        return _joined(reading, read_compose_run(inside, document))
    image = next((word for word in words[1:] if _IMAGE.fullmatch(word)), None)
    if image is not None and not any(word.startswith("--model_") for word in words):  # another program's word for it
        reading.counts["images"] += 1
        reading.findings += check_image(str(image), document.text.path, image.line)
    return reading


def _beside(words: list[Word], document: Document) -> Reading | None:
    """What other programs' commands start or make for a server; None for a command of none of them."""
    readings = (read(words, document) for read in (read_azure, read_config_maps, read_kubectl, read_helm))
    return next((reading for reading in readings if reading is not None), None)


def _is_python(words: list[Word]) -> bool:
    """True for a command that runs Python."""
    named = next((word for word in words if word not in ("sudo", "exec", "nohup") and "=" not in word), "")
    return bool(re.fullmatch(r"python[\d.]*", named.rpartition("/")[2]))


def _joined(reading: Reading, other: Reading) -> Reading:
    reading.add(other)
    return reading


def _fed(command: Simple, document: Document, depth: int) -> Reading:
    """A here-document: a config file, YAML that is applied, or a script, written or run elsewhere."""
    name = str(command.target or next((word for word in command.words[1:] if "/" in word or "." in word), ""))
    text = Text(command.fed, document.text.path, command.fed_line, document.text.file)
    if _is_python(command.words):
        return document.read_as("python", text)
    return _written(name, text, document, depth)


def _written(name: str, text: Text, document: Document, depth: int) -> Reading:
    """What is written into a file or fed to a program; where no other reader knows it, a script."""
    reading = read_written(name, replace(text, seen=True), document)
    if reading.understood or reading.findings or depth >= _DEPTH:
        return reading
    starts = _UNIT.search(text.content) or re.search(rf"{NAMED}|{OFFICIAL}", text.content)
    if starts and name.endswith(".py"):
        return document.read_as("python", text)
    if not starts or name.endswith(".md"):
        return reading
    content = unit_as_shell(text.content) if _UNIT.search(text.content) else text.content
    return read_script(Document(replace(text, content=content), document.around), depth + 1)
