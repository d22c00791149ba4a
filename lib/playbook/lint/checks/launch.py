"""What a container or a process runs: entrypoint, arguments and environment turned into server command lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from playbook.lint.checks.command import (
    ENTRYPOINT_SCRIPT,
    OFFICIAL,
    Command,
    Mount,
    after_binary,
    entrypoint_flags,
    has_own_tag,
    is_known,
    is_server_word,
)
from playbook.lint.checks.cut_off import cut_off
from playbook.lint.checks.environment import filled_in
from playbook.lint.checks.misnamed import named_rightly
from playbook.lint.checks.pasted import as_meant
from playbook.lint.checks.reading import Reading
from playbook.lint.checks.start import Start, is_anothers, is_script, is_server, tells_model
from playbook.lint.checks.start_checks import (
    OTHER_PROGRAMS,
    check_entry,
    check_literals,
    check_program,
    check_variables,
    is_replaced,
)
from playbook.lint.forms.letters import DASHES
from playbook.lint.forms.script_writes import Writes
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.shell_calls import is_shell, script_of
from playbook.lint.forms.simple import Simple
from playbook.lint.forms.text import UNKNOWN, Text, Word, line_of, place_of

_HANDED = {"$@", "$*", "${@}"}
_AS_OURS = re.compile(r"--model_base_path[= ][\"']?\$\{?MODEL_BASE_PATH\}?/\$\{?MODEL_NAME\b")  # the image's script's
_BRINGERS = ("cp", "mv", "ln", "tar", "unzip", "wget", "curl", "git", "gsutil", "aws", "gcloud", "az", "mc", "rclone",
             "python", "python3", "bash", "sh", "source", ".", "tee", "dd", "rsync", "scp")  # fmt: skip


def launch(start: Start) -> Reading:
    """The server command lines of a start, with findings on how it is started."""
    start, pasted = as_meant(start)
    reading, written = Reading(findings=pasted), start
    start = _filled(start) if start.kubernetes else start
    start = _named_rightly(start, reading)
    words = [*(start.entry or ()), *start.args]
    start = check_entry(start, reading)
    if start.entry and len(words) > 1 and is_shell(words[0]) and not words[1].startswith("-"):
        start, words = replace(start, entry=words[1:2], args=words[2:]), words[1:]  # a shell that runs a script
    first = start.entry[0] if start.entry else ""
    if is_server_word(first.partition(" ")[0]) and " --" in first:
        binary, _, rest = first.partition(" --")
        line = line_of(first) or start.line
        reading.report("flags-in-one-word", start.path, line, flag=binary, other="--" + rest.partition("=")[0])
        reading.counts["command lines"] += 1
        return reading
    as_written = [*(written.entry or ()), *written.args]
    referenced = " ".join([start.reading, *as_written, *words, *(text.content for text in start.scripts.values())])
    if start.entry is None or is_script(start.entry):
        _by_entrypoint(replace(start, entry=start.entry and start.entry[:1], args=words[1:] if start.entry else words),
                       reading)  # fmt: skip
    elif len(words) == 1 and is_shell(words[0]):
        reading.passed = "it starts a shell, in which somebody types"
        return reading
    elif (script := script_of(words)) is not None:
        _by_shell(start, *script, reading)
    elif not words:
        _by_entrypoint(replace(start, entry=None), reading)
    elif words[0].rpartition("/")[2] in OTHER_PROGRAMS and not any(is_server_word(word) for word in words):
        check_program(start, words[0], reading)
        return reading
    elif any(is_server_word(word) for word in words) or words[0].startswith("-") or _flagged(words):
        bare = start.place.built and [*words] == start.entry and len(words) == 1
        told = bare and OFFICIAL not in start.image  # its flags, when it is run
        _append(replace(start, partial=start.partial or told), reading, after_binary(words), {})
    elif (text := _script(start, words[0])) is not None:
        _by_text(start, text, words[1:], reading)
    elif is_server("", [word for word in start.args if word.startswith("--")]):
        _append(replace(start, partial=True), reading, start.args, {})  # a script that hands them on
    else:
        reading.passed = f"it starts {words[0]}, which is not here"
    check_literals(written, reading)
    check_variables(start, referenced, reading)
    return reading


def _named_rightly(start: Start, reading: Reading) -> Start:
    """The start with the program's own name where its package's stands for it, which is said."""
    words = [*(start.entry or ()), *start.args]
    words, hits = named_rightly(words, start.path, start.line)
    if not hits:
        return start
    reading.findings += hits
    entries = len(start.entry or ())
    return replace(start, entry=words[:entries] if start.entry is not None else None, args=words[entries:])


def _filled(start: Start) -> Start:
    """A pod's start with each `$(NAME)` filled in from its environment, as Kubernetes does."""
    entry = filled_in(start.entry, start.environment) if start.entry is not None else None
    return replace(start, entry=entry, args=filled_in(start.args, start.environment))


def _flagged(words: list[Word]) -> bool:
    """True for a program that is not here, by a name alone, with flags of the server behind it."""
    return "/" not in words[0] and is_server("", [word for word in words[1:] if word.startswith("-")])


def _script(start: Start, word: str) -> Text | None:
    name = word.rpartition("/")[2]
    return next((text for path, text in start.scripts.items() if path == word or path.rpartition("/")[2] == name), None)


def _append(start: Start, reading: Reading, words: Sequence[str], implied: Mapping[str, str]) -> None:
    line = next((line_of(word) for word in words if line_of(word)), start.line)
    command = Command(words, start.path, line, start.cpus, start.cpu_limit, implied, start.place)
    own = start.entry is None and not (start.own_image or is_known(start.image))
    partial = start.partial or own or [*words] == [UNKNOWN]
    others = start.entry is None and not start.own_image and is_anothers(start.image)  # with an entrypoint of its own
    published = () if others else start.published
    reading.commands.append(replace(command, published=published, managed=start.managed, partial=partial))
    reading.counts["command lines"] += 1


def _by_entrypoint(start: Start, reading: Reading) -> None:
    args = start.args
    own = start.scripts.get("/usr/bin/" + ENTRYPOINT_SCRIPT)
    written = _script(start, start.entry[0]) if start.entry else own
    if written is not None:
        return _by_text(start, written, args, reading)
    first, script = next(iter(args), ""), script_of(args)
    scripted = OFFICIAL in start.image and "-devel" not in start.image and not has_own_tag(start.image)
    if not scripted and any(is_server_word(word) for word in args):  # perhaps behind another program
        return _append(start, reading, after_binary(args), {})
    if script is not None and not scripted:
        return _by_shell(start, *script, reading)
    if OFFICIAL in start.image and not scripted:
        named = {"MODEL_NAME", "MODEL_BASE_PATH"} & start.environment.keys()
        if "-devel" in start.image and (named or any(word.startswith("--") for word in args[:1])):
            reading.report("devel-image", *place_of(start.image, start.path, start.line), image=start.image)
            return _by_entrypoint(replace(start, image=start.image.replace("-devel", "")), reading)  # as it is meant
        reading.passed = "an image to build the server in: it starts a shell"
        return None
    if script is not None:
        reading.report("cmd-shell-form", start.path, line_of(args[0]) or start.line)
        args = []
    elif first and not first.startswith(("-", "$", *DASHES)):
        reading.report("cmd-over-entrypoint", start.path, line_of(args[0]) or start.line, word=repr(str(first)))
        if (meant := _script(start, first)) is not None:
            return _by_text(start, meant, args[1:], reading)
    if is_replaced(start):
        reading.passed = "the image's script is replaced by one that is not here"
        flags = [word for word in args if word.startswith("--")]
        return _append(replace(start, partial=True), reading, flags, {}) if flags else None
    environment: dict[str, str] = {**start.environment}
    if start.open_environment:
        environment.setdefault("MODEL_NAME", UNKNOWN)
    _doubled(start, args, reading)
    implied = dict(start.implied) if start.implied is not None else entrypoint_flags(environment)
    _append(start, reading, after_binary(args), implied)
    return None


def _doubled(start: Start, args: list[Word], reading: Reading) -> None:
    """MODEL_BASE_PATH that names the model itself, where the script's base path is in force."""
    base, name = start.environment.get("MODEL_BASE_PATH"), start.environment.get("MODEL_NAME")
    if not base or not name or start.implied is not None or base.rstrip("/").rpartition("/")[2] != name:
        return
    if not tells_model(args):
        parent = base.rstrip("/").rpartition("/")[0] or "/"
        path, line = place_of(base, start.path, start.line)
        reading.report("base-path-doubled", path, line, base=base, path=f"{base}/{name}", parent=parent)


def _by_shell(start: Start, script: Word, rest: list[Word], reading: Reading) -> None:
    handed = re.search(r"\$[@*0-9]|\$\{[@*0-9]", script.written)
    starts = any(is_server_word(word) or word.startswith("--") or ENTRYPOINT_SCRIPT in word for word in rest)
    if starts and not handed:
        word = script.partition(" ")[0]
        reading.report("shell-args-split", start.path, script.line or start.line, count=len(rest) + 1, word=repr(word))
        return
    values = {name: str(value) for name, value in start.environment.items()}
    commands = list(simple_commands(script.written, values, script.line or start.line or 1))
    writes = Writes()
    for command in commands:
        writes.add(command, start.path)
        if command.fed and command.target:
            writes.files[str(command.target)] = Text(command.fed, start.path, command.fed_line)
    whole = start.place.absolute  # a container of the image starts in /
    made = tuple(Mount(whole(name), files={"": text}) for name, text in writes.files.items())
    made += tuple(Mount(whole(str(each.target))) for each in commands
                  if each.target and str(each.target) not in writes.files)  # fmt: skip
    hidden = start.place.hidden_mounts or any(_brings_files(each.words) for each in commands)
    start = replace(start, place=replace(start.place, mounts=(*made, *start.place.mounts), hidden_mounts=hidden))
    _commands(start, commands, [], reading)


def _commands(start: Start, commands: Iterable[Simple], args: list[Word], reading: Reading) -> None:
    """The server lines of a script, and what was to belong to one and was cut off."""
    started = False
    for command in commands:
        if started and cut_off(command.words):
            reading.report("line-not-continued", start.path, command.line, word=command.words[0])
            continue
        started = any(is_server_word(word) for word in command.words)
        _shell_command(start, list(command.words), args, reading)


def _brings_files(words: list[Word]) -> bool:
    """True for a command of a script that may put files anywhere."""
    return (bool(words) and words[0].rpartition("/")[2] in _BRINGERS) or any(word in _BRINGERS for word in words[1:2])


def _by_text(start: Start, text: Text, args: list[Word], reading: Reading) -> None:
    """A script whose text is known: its server lines, `"$@"` filled with the arguments."""
    inside = replace(start, path=text.path, published=_placed(start.published, start, text))
    args = [*_placed(args, start, text)]
    values = {name: str(value) for name, value in start.environment.items()}
    _commands(inside, simple_commands(text.content, values, text.first_line), args, reading)
    if _AS_OURS.search(text.content):
        _doubled(start, args, reading)
    if not reading.commands:
        reading.passed = f"no server line in {text.path}"


def _placed(words: Sequence[Word], start: Start, text: Text) -> tuple[Word, ...]:
    """Words of a start that go into a script of another file: they say where they stand."""
    if text.path == start.path:
        return tuple(words)
    return tuple(Word(word, word.line, word.raw, path=word.path or start.path) for word in words)


def _shell_command(start: Start, words: list[Word], args: list[Word], reading: Reading) -> None:
    named = _named_rightly(replace(start, entry=None, args=words), reading)
    words = named.args
    if not any(is_server_word(word) for word in words) or words[0] in ("echo", "printf"):
        place = next((nth for nth, word in enumerate(words) if word.endswith(ENTRYPOINT_SCRIPT)), None)
        if place is not None and words[0] not in ("chmod", "cp", "mv", "ls", "cat"):
            environment = {name: str(value) for name, value in start.environment.items()}
            _append(start, reading, words[place + 1 :], entrypoint_flags(environment))
        return
    behind = after_binary(words)
    if start.place.dockerfile and args and _HANDED & {*behind}:  # what the image's own script gives stands in front
        pairs = [word.removeprefix("--").partition("=") for word in behind if word.startswith("--")]
        _append(start, reading, args, {name: value or "true" for name, _, value in pairs})
        return
    filled = [word for each in behind for word in (args if each in _HANDED else [each])]
    told = start.place.built and not args and bool(_HANDED & {*behind}) and not tells_model(filled)  # when it is run
    _append(replace(start, partial=start.partial or told), reading, filled, {})
