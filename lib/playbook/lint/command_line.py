"""The command `playbook lint`: what it prints, what it mends, and the code it exits with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial

from playbook.errors import ParameterError
from playbook.lint import output, standard_input
from playbook.lint.linter import examine
from playbook.lint.report import Report
from playbook.lint.rules import page


def run(
    words: Sequence[str],
    form: str,
    fix: bool,
    explain: str | None,
    allow_nothing: bool,
    say: Callable[[str], object],
    ask: Callable[[str], bool],
    beside: bool = False,
) -> int:
    """Lint paths or flags; returns the exit code.

    Raises:
        ParameterError: nothing to lint, no such rule, or no such format.
    """
    if explain is not None:
        say(page.explain(explain))
        return 0
    if not words:
        raise ParameterError("Nothing to lint: name folders, files, or flags that begin with --.")
    piped = len(words) == 1 and words[0] in standard_input.NAMES
    if piped and fix:
        raise ParameterError("--fix writes files: name them, as what comes by a pipe has no place to be written to.")
    look = partial(examine, words, beside=beside)
    report = standard_input.examine_text(sys.stdin.read()) if piped else look()
    if fix:
        report = _mended(report, look, say, ask)
    say(output.render(report, form))
    code = output.exit_code(report)
    return 0 if allow_nothing and code == output.NOTHING_READ else code


def _mended(
    report: Report, look: Callable[..., Report], say: Callable[[str], object], ask: Callable[[str], bool]
) -> Report:
    """Show the fixes as a diff, write them (asking first where somebody can answer), and lint again."""
    from playbook.lint import fixes

    changes = fixes.settled(report, lambda instead: look(instead=instead))
    if not changes:
        say("Nothing that has one right answer.")
        return report
    say(fixes.diff(changes))
    if sys.stdin.isatty() and not ask(f"Write these changes to {len(changes)} files?"):
        return report
    fixes.write(changes)
    say(f"Mended {len(changes)} file{'s' * (len(changes) != 1)}. What is left:")
    return look()
