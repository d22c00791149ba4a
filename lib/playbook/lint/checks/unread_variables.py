"""Variables of a start that look like settings and that nobody reads, and those that only repeat what flags say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from playbook.lint.checks.command import ENTRYPOINT_SCRIPT, Command, entrypoint_flags, is_official, is_server_word
from playbook.lint.checks.environment import OURS_ALONE, READ_BY_PLATFORM, flag_meant, instead_of, is_told, is_unread
from playbook.lint.checks.reading import Reading
from playbook.lint.checks.start import Start, is_script, tells_model
from playbook.lint.checks.start_checks import is_replaced
from playbook.lint.forms.text import Word, is_unknown, place_of

_OF_FLAGS = {"MODEL_NAME": "--model_name", "MODEL_BASE_PATH": "--model_base_path"}
_LIST, _LISTED = "--model_config_file", "its models are listed in a file"
_BATCHES = ("--enable_batching", "--enable_batching=true", "--enable_batching=1")
_QUOTED = re.compile(r"""(["'])[^"'\s]+\1""")


def check_variables(start: Start, referenced: str, reading: Reading) -> dict[str, Word]:
    """Variables that look like settings and that nothing reads: told, and returned with their values."""
    unread: dict[str, Word] = {}
    said: list[tuple[Word, str, str]] = []
    known = is_official(start.image) or start.own_image
    by_script = start.implied is None and (start.entry is None or is_script(start.entry))
    if not known and (start.entry is None or not any(is_server_word(word) for word in start.entry)):
        return unread
    for name, value in start.environment.items() if not _is_opaque(start, by_script) else ():
        ours = is_official(start.image) or start.implied is not None or bool(OURS_ALONE.match(name))
        ours = ours or name != name.strip() or name.startswith("--")
        ours = ours and not (start.managed and name in READ_BY_PLATFORM)
        ours = ours and name not in start.inherited and not is_told(name, value, start.args)
        if not (ours and is_unread(name, referenced, by_script)):
            continue
        if name in _OF_FLAGS and (given := _given_beside(name, value, start, reading.commands)):
            said.append((value, name, given))
        elif flag := _repeated(name, value, reading.commands):
            words = {"names": name, "given": f"{flag} says the same", "verb": "is", "it": "it", "why": ""}
            reading.report("env-beside-flag", *place_of(value, start.path, start.line), **words)
        else:
            path, line = place_of(value, start.path, start.line)
            script = "the image's script reads MODEL_NAME and MODEL_BASE_PATH alone"
            why = script if by_script else "the image's script is replaced, and nothing else asks for it"
            told = "" if by_script else _told_otherwise(name, reading.commands)
            batches = any(word in _BATCHES for each in reading.commands for word in each.words)
            hint = told or instead_of(name, value, batches)
            reading.report("env-nobody-reads", path, line, name=name, why=why, hint=hint)
            unread[name] = value
    if said:
        names, one = " and ".join(name for _, name, _ in said), len(said) == 1
        given = said[0][2] if one or said[0][2] == _LISTED else "the flags say the same"
        words = {"names": names, "given": given, "verb": "is" if one else "are", "it": "it" if one else "them",
                 "why": ", as the image's script is replaced"}  # fmt: skip
        reading.report("env-beside-flag", *place_of(said[0][0], start.path, start.line), **words)
    return unread


def _is_opaque(start: Start, by_script: bool) -> bool:
    """True for a start by a program that is not here, which may read any variable."""
    words = re.sub("[\"']", "", " ".join([*(start.entry or ()), *start.args])).split()
    told = by_script or start.implied is not None or any(is_server_word(word) for word in words)
    if by_script and is_replaced(start) and "/usr/bin/" + ENTRYPOINT_SCRIPT not in start.scripts:
        return True
    return bool(start.entry) and not told and not start.scripts


def _given_beside(name: str, value: Word, start: Start, commands: Sequence[Command]) -> str:
    """How the server is told the same by its flags; "" where it is told something else, or nothing."""
    if commands and all(any(word.startswith(_LIST + "=") for word in each.words) for each in commands):
        return _LISTED
    flag, bare = _OF_FLAGS[name], value.rstrip("/")
    told = [_last(flag, each) for each in commands]
    below = f"{bare}/{start.environment.get('MODEL_NAME', '')}".rstrip("/")
    same = [each.rstrip("/") in (bare, below) or bare == "/models" or is_unknown(each) for each in told]
    return f"{flag} says the same" if told and all(told) and all(same) else ""


def _repeated(name: str, value: Word, commands: Sequence[Command]) -> str:
    """The flag that gives every server here what a variable that nobody reads was to give; "" where none does."""
    flag = f"--{flag_meant(name)}"
    written = [word for each in commands for word in each.words if word.startswith(flag + "=")]
    open_ended = any(isinstance(word, Word) and "$" in word.written for word in written)
    same = bool(value and commands) and all(_last(flag, each) == value for each in commands)
    return flag if same and not open_ended else ""


def _told_otherwise(name: str, commands: Sequence[Command]) -> str:
    """What to do where a flag gives another value than the variable beside it; "" where none does."""
    flag = _OF_FLAGS.get(name, "")
    told = next((value for each in commands if flag and (value := _last(flag, each))), "")
    return f"{flag}={told} alone counts: give it the value that is meant, and drop the variable." if told else ""


def _last(flag: str, command: Command) -> str:
    return next((word.partition("=")[2] for word in reversed([*command.words]) if word.startswith(flag + "=")), "")


def without_quotes(start: Start, args: Sequence[str], reading: Reading) -> Start:
    """The start with the script's two variables as they are meant, where they hold quotes, which is said.

    No flag may name the model, which then wins.
    """
    quoted = {
        name: value for name, value in start.environment.items() if name in _OF_FLAGS and _QUOTED.fullmatch(value)
    }
    if not quoted or tells_model([*args]):
        return start
    base = entrypoint_flags({name: str(value) for name, value in start.environment.items()})["model_base_path"]
    bare = {name: value.with_text(value[1:-1]) for name, value in quoted.items()}
    for name, value in quoted.items():
        words = {"name": name, "value": value, "bare": bare[name], "base": base}
        reading.report("variable-quoted", *place_of(value, start.path, start.line), **words)
    return replace(start, environment={**start.environment, **bare})
