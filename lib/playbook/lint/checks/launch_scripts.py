"""Scripts that a container or a process runs: the server lines in them, and what was cut off from one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from playbook.lint.checks.command import (
    ENTRYPOINT_SCRIPT,
    Mount,
    after_binary,
    entrypoint_flags,
    is_official,
    is_server_word,
)
from playbook.lint.checks.cut_off import behind_prompt, cut_off
from playbook.lint.checks.empty_values import check_empty
from playbook.lint.checks.launch_lines import append_line, check_doubled, named_as_program, script_named
from playbook.lint.checks.reading import Reading
from playbook.lint.checks.start import Start, tells_model
from playbook.lint.checks.start_checks import check_tools
from playbook.lint.checks.torn_lines import Torn
from playbook.lint.forms.script_writes import Writes
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.shell_calls import by_bash, is_shell
from playbook.lint.forms.simple import Simple
from playbook.lint.forms.text import Text, Word, expand

_HANDED = {"$@", "$*", "${@}"}
_AS_OURS = re.compile(r"--model_base_path[= ][\"']?\$\{?MODEL_BASE_PATH\}?/\$\{?MODEL_NAME\b")  # the image's script's
_BRINGERS = ("cp", "mv", "ln", "tar", "unzip", "wget", "curl", "git", "gsutil", "aws", "gcloud", "az", "mc", "rclone",
             "python", "python3", "bash", "sh", "source", ".", "tee", "dd", "rsync", "scp")  # fmt: skip
# programs that may listen, too
_LISTENERS = ("python", "python3", "gunicorn", "uvicorn", "hypercorn", "uwsgi", "flask", "streamlit", "jupyter", "node",
              "npm", "yarn", "java", "nginx", "envoy", "haproxy", "caddy", "httpd", "apache2ctl", "service",
              "systemctl", "supervisord", "s6-svscan", "prometheus")  # fmt: skip


def _variables(start: Start) -> dict[str, str]:
    """What a shell of the container finds set: the image's own two variables, where the start does not set them."""
    own = {"MODEL_NAME": "model", "MODEL_BASE_PATH": "/models"}
    own = own if is_official(start.image) and not start.open_environment else {}
    return {**own, **{name: str(value) for name, value in start.environment.items()}}


def by_shell(start: Start, script: Word, rest: list[Word], reading: Reading) -> None:
    """A start by `sh -c '...'`: the server lines of its script, with the files that it writes."""
    handed = re.search(r"\$[@*0-9]|\$\{[@*0-9]", script.written)
    starts = any(is_server_word(word) or word.startswith("--") or ENTRYPOINT_SCRIPT in word for word in rest)
    values = _variables(start)
    commands = list(simple_commands(script.written, values, script.line or start.line or 1))
    if starts and not handed:
        word = script.partition(" ")[0]
        reading.report("shell-args-split", start.path, script.line or start.line, count=len(rest) + 1, word=repr(word))
        last = commands.pop() if commands else Simple()  # which the words were to be of: they are judged as meant
        commands.append(replace(last, words=[*last.words, *(each.with_text(expand(each, values)) for each in rest)]))
    start = _with_written(start, commands, Writes())
    _commands(start, commands, [], reading)
    check_tools(start, commands, reading)
    _empty(start, Text(script.written, start.path), commands, values, reading)


def _with_written(start: Start, commands: Sequence[Simple], writes: Writes) -> Start:
    """The start, its container holding the files that these commands of it write."""
    for command in commands:
        writes.add(command, start.path)
        if command.fed and command.target:
            writes.files[str(command.target)] = Text(command.fed, start.path, command.fed_line)
    whole = start.place.absolute  # a container of the image starts in /
    made = tuple(Mount(whole(name), files={"": text}) for name, text in writes.files.items())
    made += tuple(Mount(whole(str(each.target))) for each in commands
                  if each.target and str(each.target) not in writes.files)  # fmt: skip
    hidden = start.place.hidden_mounts or any(_brings_files(each.words) for each in commands)
    return replace(start, place=replace(start.place, mounts=(*made, *start.place.mounts), hidden_mounts=hidden))


def _empty(start: Start, text: Text, commands: list[Simple], values: Mapping[str, str], reading: Reading) -> None:
    """What is said of variables without a value in a script's one server line."""
    for command in commands if len(reading.commands) == 1 else ():
        if any(map(is_server_word, command.words)):
            reading.findings += check_empty(start, text, after_binary(command.words), values)


def _commands(start: Start, commands: Sequence[Simple], args: list[Word], reading: Reading) -> None:
    """The server lines of a script, and what was to belong to one and was cut off."""

    def read(words: list[Word]) -> Reading:
        result = Reading()
        _shell_command(start, words, args, result)
        return result

    torn = Torn()
    for command in commands:
        if any(is_server_word(word) for word in torn.words) and cut_off(command.words):
            torn.add(command.words, start.path, reading)
            continue
        reading.add(torn.rest(read))
        torn = Torn(list(command.words), understood=True)
        if any(is_server_word(word) for word in torn.words) and behind_prompt(torn.words):
            prompt, program = torn.words[:2]
            reading.report("prompt-in-script", start.path, command.line, word=prompt, command=program)
        reading.add(read(torn.words))
    reading.add(torn.rest(read))
    if any(each.words and each.words[0].rpartition("/")[2] in _LISTENERS for each in commands):
        reading.commands = [replace(command, beside=True) for command in reading.commands]


def _brings_files(words: list[Word]) -> bool:
    """True for a command of a script that may put files anywhere."""
    return (bool(words) and words[0].rpartition("/")[2] in _BRINGERS) or any(word in _BRINGERS for word in words[1:2])


def by_text(start: Start, text: Text, args: list[Word], reading: Reading) -> None:
    """A script whose text is known: its server lines, `"$@"` filled with the arguments."""
    inside = replace(start, path=text.path, published=_placed(start.published, start, text))
    args = [*_placed(args, start, text)]
    values = _variables(start)
    commands = list(simple_commands(text.content, values, text.first_line))
    inside = _with_written(inside, commands, Writes(escapes=not by_bash(text.content)))
    _commands(inside, commands, args, reading)
    check_tools(inside, commands, reading)
    _empty(inside, text, commands, values, reading)
    if _AS_OURS.search(text.content):
        check_doubled(start, args, reading)
    if not reading.commands:
        reading.passed = f"no server line in {text.path}"


def _placed(words: Sequence[Word], start: Start, text: Text) -> tuple[Word, ...]:
    """Words of a start that go into a script of another file: they say where they stand."""
    if text.path == start.path:
        return tuple(words)
    return tuple(Word(word, word.line, word.raw, path=word.path or start.path) for word in words)


def _shell_command(start: Start, words: list[Word], args: list[Word], reading: Reading) -> None:
    if words and words[0].startswith("--") and is_official(start.image):  # for the image's own script, no shell's
        environment = {name: str(value) for name, value in start.environment.items()}
        return append_line(start, reading, words, entrypoint_flags(environment))
    named = named_as_program(replace(start, entry=None, args=words), reading)
    words = named.args
    if not any(is_server_word(word) for word in words) or words[0] in ("echo", "printf"):
        called = words[1:] if words and (words[0] == "exec" or is_shell(words[0])) else words
        script = script_named(start, called[0]) if called else None
        if script is not None:
            others = {path: text for path, text in start.scripts.items() if text is not script}  # it may call itself
            return by_text(replace(start, scripts=others), script, called[1:], reading)
        place = next((nth for nth, word in enumerate(words) if word.endswith(ENTRYPOINT_SCRIPT)), None)
        if place is not None and words[0] not in ("chmod", "cp", "mv", "ls", "cat"):
            environment = {name: str(value) for name, value in start.environment.items()}
            append_line(start, reading, words[place + 1 :], entrypoint_flags(environment))
        return None
    behind = after_binary(words)
    if start.place.dockerfile and args and _HANDED & {*behind}:  # what the image's own script gives stands in front
        pairs = [word.removeprefix("--").partition("=") for word in behind if word.startswith("--")]
        append_line(start, reading, args, {name: value or "true" for name, _, value in pairs})
        return None
    filled = [word for each in behind for word in (args if each in _HANDED else [each])]
    told = start.place.built and not args and bool(_HANDED & {*behind}) and not tells_model(filled)  # when it is run
    append_line(replace(start, partial=start.partial or told), reading, filled, {})
    return None
