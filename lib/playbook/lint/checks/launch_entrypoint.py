"""Starts by the image's own entrypoint: what its script makes of arguments and environment."""

from __future__ import annotations

from dataclasses import replace

from playbook.lint.checks.command import (
    ENTRYPOINT_SCRIPT,
    OFFICIAL,
    after_binary,
    entrypoint_flags,
    has_own_tag,
    is_server_word,
)
from playbook.lint.checks.launch_lines import append_line, check_doubled, script_named
from playbook.lint.checks.launch_scripts import by_shell, by_text
from playbook.lint.checks.over_entrypoint import named_over
from playbook.lint.checks.reading import Reading
from playbook.lint.checks.shell_form import is_lone_flag, shell_form
from playbook.lint.checks.start import Start
from playbook.lint.checks.start_checks import (
    is_of_image,
    is_replaced,
)
from playbook.lint.checks.unread_variables import without_quotes
from playbook.lint.forms.letters import DASHES
from playbook.lint.forms.shell_calls import script_of
from playbook.lint.forms.text import UNKNOWN, Word, line_of, place_of


def by_entrypoint(start: Start, reading: Reading) -> None:
    """A start by the image's own entrypoint, or by a script in its place."""
    args = start.args
    own = start.scripts.get("/usr/bin/" + ENTRYPOINT_SCRIPT)
    written = script_named(start, start.entry[0]) if start.entry else own
    if written is not None:
        return by_text(start, written, args, reading)
    if args and is_server_word(args[0].partition(" ")[0]) and " --" in args[0]:
        binary, _, rest = args[0].partition(" --")
        flag = "--" + rest.partition("=")[0]
        reading.report("flags-in-one-word", start.path, line_of(args[0]) or start.line, flag=binary, other=flag)
        args = [*(Word(part, args[0].line, args[0].raw) for part in args[0].split()), *args[1:]]
    first, script = next(iter(args), ""), script_of(args)
    scripted = OFFICIAL in start.image and "-devel" not in start.image and not has_own_tag(start.image)
    if not scripted and any(is_server_word(word) for word in args):  # perhaps behind another program
        return append_line(start, reading, after_binary(args), {})
    if script is not None and not scripted:
        return by_shell(start, *script, reading)
    if OFFICIAL in start.image and not scripted:
        named = {"MODEL_NAME", "MODEL_BASE_PATH"} & start.environment.keys()
        if "-devel" in start.image and (named or any(word.startswith("--") for word in args[:1])):
            reading.report("devel-image", *place_of(start.image, start.path, start.line), image=start.image)
            return by_entrypoint(replace(start, image=start.image.replace("-devel", "")), reading)  # as it is meant
        reading.passed = "an image to build the server in: it starts a shell"
        return None
    if script is not None:
        rule, said = shell_form(script[0])
        reading.report(rule, start.path, line_of(args[0]) or start.line, **said)
        args = [script[0]] if is_lone_flag(script[0]) else []
    elif first and not first.startswith(("-", "$", *DASHES)) and not is_of_image(start, args[0]):
        reading.report(
            "cmd-over-entrypoint", start.path, line_of(args[0]) or start.line, **named_over(args[0], start.place)
        )
    if is_replaced(start):
        reading.passed = "the image's script is replaced by one that is not here"
        flags = [word for word in args if word.startswith("--")]
        return append_line(replace(start, partial=True), reading, flags, {}) if flags else None
    start = without_quotes(start, args, reading)
    environment: dict[str, str] = {**start.environment}
    if start.open_environment:
        environment.setdefault("MODEL_NAME", UNKNOWN)
    check_doubled(start, args, reading)
    implied = dict(start.implied) if start.implied is not None else entrypoint_flags(environment)
    append_line(start, reading, after_binary(args), implied)
    return None
