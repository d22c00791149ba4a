"""A run that ended early, finished as it was begun: with its own parameters, on what it left behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from playbook.chain import unfinished
from playbook.errors import ParameterError
from playbook.records import record, runs, secrets

LONGEST_LIST = 5


def parameters(run_dir: Path, given: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters a run was begun with; those of now may not differ. `--set` of then need not be given again.

    Args:
        run_dir: Its folder; run.json tells what it was begun with.
        given: The parameters file, as it is now: all of it counts, also what is gone from it.
        overrides: `--set`, as given now.

    Raises:
        ParameterError: a parameter is another now; shows which, and how to run with it.
    """
    note = runs.note(run_dir)
    begun: dict[str, Any] = note.get("params") or {}
    now = secrets.taken({**given, **(note.get("set") or {}), **overrides})
    if "set" not in note:  # of a playbook that did not tell the file's from the others
        now = {**now, **begun, **secrets.taken(overrides)}
    secrets.recall(run_dir)
    differing = [name for name in {**begun, **now} if begun.get(name, _NONE) != now.get(name, _NONE)]
    if differing:
        raise ParameterError(_refusal(run_dir, begun, now, differing))
    return begun


class _Nothing:
    def __repr__(self) -> str:
        return "not given"


_NONE = _Nothing()


def _refusal(run_dir: Path, begun: Mapping[str, Any], now: Mapping[str, Any], differing: list[str]) -> str:
    name = Path(run_dir).name
    shown = [
        f"  {key}: {begun.get(key, _NONE)!r} then, {now.get(key, _NONE)!r} now" for key in differing[:LONGEST_LIST]
    ]
    more = [f"  and {len(differing) - LONGEST_LIST} more"] if len(differing) > LONGEST_LIST else []
    return "\n".join(
        [
            f"A run has one set of parameters, and {name} was begun with others:",
            *shown,
            *more,
            "Nothing was started. Finish it with those it was begun with, or make a new run that builds on what it "
            f"has: --resume {name} --from VERB.",
        ]
    )


def left(run_dir: Path, verbs: Iterable[str]) -> list[str]:
    """The verbs among these that the run was to have and that are not done; where it has them all, those it was not to
    have, unless a page is all that is left to do.

    Raises:
        RecordUnreadable: a record of a newer playbook.
    """
    verbs = list(verbs)
    planned, again = runs.note(run_dir).get("verbs", []), aside(run_dir, verbs)
    missing = [verb for verb in verbs if not record.has(run_dir, verb) or verb in again]
    rest = [] if unfinished.is_any(run_dir) else missing
    return [verb for verb in missing if verb in planned] or rest


def aside(run_dir: Path, verbs: Iterable[str]) -> list[str]:
    """The verbs among these whose record does not count: it is half written, or stands without its notebook.

    Raises:
        RecordUnreadable: a record of a newer playbook.
    """
    lost = unfinished.without_notebook(run_dir)
    return [verb for verb in verbs if record.is_broken(run_dir, verb) or verb in lost]
