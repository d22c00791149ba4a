"""A part of a Dockerfile, as documents show one: the flags that its CMD gives to a server's image named elsewhere."""

from __future__ import annotations

import re
import shlex

from playbook.lint.checks.command import BINARY
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.reading import Reading
from playbook.lint.checks.shell_form import is_lone_flag, shell_form
from playbook.lint.checks.start import is_server
from playbook.lint.forms.dockerfile import Instruction, last_of
from playbook.lint.forms.text import Text, Word

_MODULE = re.compile(r"python[\d.]*[\"',\s]+-m[\"',\s]+(tensorflow_serving[\w.]*)(?s:.*)--model_")


def read_part(steps: list[Instruction], text: Text) -> Reading | None:
    """What a Dockerfile without FROM gives the server by its CMD; None where it gives none of its flags.

    Of one that has Python run the server as a module, that there is no such module.
    """
    runs = [(step, found[1]) for step in steps if step.word in ("RUN", "CMD", "ENTRYPOINT")
            and (found := _MODULE.search(step.rest))]  # fmt: skip
    if runs:
        reading = Reading()
        reading.counts["images"] += 1
        for step, module in runs:
            reading.report("no-module", text.path, text.line(step.line), word=module)
        return reading
    cmd = last_of(steps, "CMD")
    if cmd is None or any(step.word in ("FROM", "ENTRYPOINT") for step in steps):
        return None
    words, line = cmd.words(), text.line(cmd.line)
    try:
        flags = words if words is not None else [Word(word, cmd.line) for word in shlex.split(cmd.rest)]
    except ValueError:
        return None
    if not flags or not flags[0].startswith("--") or not is_server("", flags):
        return None
    lost = Reading()
    if words is None:
        lost.counts["command lines"] += 1
        rule, said = shell_form(cmd.rest)
        lost.report(rule, text.path, line, **said)
        if not is_lone_flag(cmd.rest):
            return lost
    placed = [Word(word, text.line(word.line), word.raw) for word in flags]
    reading = launch(Start(text.path, line, "", [Word(BINARY)], placed, partial=True))
    reading.findings += lost.findings
    return reading
