"""Command lines that a script puts together in a variable, step by step: the last step is what is run."""

from __future__ import annotations

from collections.abc import Iterable

from playbook.lint.checks.command import Command
from playbook.lint.checks.reading import Reading


def without_steps(reading: Reading, run: Iterable[Command]) -> Reading:
    """What a variable's text holds, without the command lines that one which is run begins with."""
    kept = [each for each in reading.commands if not any(_goes_on(each, other) for other in run)]
    reading.counts["command lines"] -= len(reading.commands) - len(kept)
    reading.commands = kept
    return reading


def _goes_on(step: Command, other: Command) -> bool:
    count = len(step.words)
    return step.path == other.path and count < len(other.words) and [*other.words[:count]] == [*step.words]
