"""What a container or a process runs: entrypoint, arguments and environment turned into server command lines."""

from __future__ import annotations

from dataclasses import replace

from playbook.lint.checks.command import (
    OFFICIAL,
    after_binary,
    is_server_word,
)
from playbook.lint.checks.environment import filled_in
from playbook.lint.checks.launch_entrypoint import by_entrypoint
from playbook.lint.checks.launch_lines import append_line, named_as_program, script_named
from playbook.lint.checks.launch_scripts import by_shell, by_text
from playbook.lint.checks.pasted import as_meant
from playbook.lint.checks.reading import Reading
from playbook.lint.checks.start import Start, is_run_with_flags, is_script, is_server
from playbook.lint.checks.start_checks import (
    OTHER_PROGRAMS,
    check_entry,
    check_key,
    check_literals,
    check_program,
    with_literals,
)
from playbook.lint.checks.unread_variables import check_variables
from playbook.lint.forms.shell_calls import is_shell, script_of
from playbook.lint.forms.text import Word, line_of


def launch(start: Start) -> Reading:
    """The server command lines of a start, with findings on how it is started."""
    start, pasted = as_meant(start)
    reading, written = Reading(findings=pasted), start
    start = _filled(start) if start.kubernetes else start
    start = with_literals(start)
    start = named_as_program(start, reading)
    start = check_entry(start, reading)
    words = [*(start.entry or ()), *start.args]
    if start.entry and len(words) > 1 and is_shell(words[0]) and not words[1].startswith("-"):
        start, words = replace(start, entry=words[1:2], args=words[2:]), words[1:]  # a shell that runs a script
    first = start.entry[0] if start.entry else Word("")
    if is_server_word(first.partition(" ")[0]) and " --" in first:
        binary, _, rest = first.partition(" --")
        line = line_of(first) or start.line
        reading.report("flags-in-one-word", start.path, line, flag=binary, other="--" + rest.partition("=")[0])
        meant = [Word(part, line, first.raw, str(first), first.path) for part in first.split()]  # its flags are judged
        start = replace(start, entry=meant[:1], args=[*meant[1:], *(start.entry or [])[1:], *start.args])
        words = [*(start.entry or ()), *start.args]
    as_written = [*(written.entry or ()), *written.args]
    referenced = " ".join([start.reading, *as_written, *words, *(text.content for text in start.scripts.values())])
    if start.entry is None or is_script(start.entry):
        by_entrypoint(replace(start, entry=start.entry and start.entry[:1], args=words[1:] if start.entry else words),
                       reading)  # fmt: skip
    elif len(words) == 1 and is_shell(words[0]):
        reading.passed = "it starts a shell, in which somebody types"
        return reading
    elif (script := script_of(words)) is not None:
        by_shell(start, *script, reading)
    elif not words:
        by_entrypoint(replace(start, entry=None), reading)
    elif words[0].rpartition("/")[2] in OTHER_PROGRAMS and not any(is_server_word(word) for word in words):
        check_program(start, words[0], reading)
        return reading
    elif any(is_server_word(word) for word in words) or words[0].startswith("-") or _flagged(words):
        bare = start.place.built and [*words] == start.entry and len(words) == 1
        told = bare and (OFFICIAL not in start.image or is_run_with_flags(start))  # its flags, when it is run
        append_line(replace(start, partial=start.partial or told), reading, after_binary(words), {})
    elif (text := script_named(start, words[0])) is not None:
        by_text(start, text, words[1:], reading)
    elif is_server("", [word for word in words[1:] if word.startswith("--")]):
        append_line(replace(start, partial=True), reading, words[1:], {})  # a script that hands them on
    else:
        reading.passed = f"it starts {words[0]}, which is not here"
    check_literals(written, reading)
    check_key(start, reading)
    unread = check_variables(start, referenced, reading)
    reading.commands = [replace(command, unread=unread) for command in reading.commands]
    return reading


def _filled(start: Start) -> Start:
    """A pod's start with each `$(NAME)` filled in from its environment, as Kubernetes does."""
    entry = filled_in(start.entry, start.environment) if start.entry is not None else None
    return replace(start, entry=entry, args=filled_in(start.args, start.environment))


def _flagged(words: list[Word]) -> bool:
    """True for a program that is not here, by a name alone, with flags of the server behind it."""
    return "/" not in words[0] and is_server("", [word for word in words[1:] if word.startswith("-")])
