"""Which records of a run were made from one that has been replaced since: marks in `stale.json`, one a record.

A rerun in the scratch run, or of a record that was set aside, replaces what later records were built on. They are kept
and marked; a rerun of theirs takes the mark away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from playbook.records import whole_file

FILE = "stale.json"
#: What each verb's record is made from, directly or through another; `?` where it does without.
READS: dict[str, tuple[str, ...]] = {
    "export": (),
    "serve": ("export",),
    "warmup": ("export", "serve"),
    "stress": ("export", "serve"),
    "analyze": ("export", "serve", "stress"),
    "tune": ("export",),
    "prove": ("export", "serve?", "stress?", "tune?"),
    "adapt": ("export", "tune?"),
    "drill": ("export", "serve?", "stress?", "tune?", "prove?"),
    "deploy": ("export", "serve?", "stress?", "tune?", "prove?"),
}
#: Verbs that cannot do without one record of several; where none is there, the last is what to make.
_ONE_OF = {"deploy": ("prove", "tune", "stress")}
_SAME_MODEL = {  # what of a record the later ones build on; all of it where nothing is named
    "export": ("fingerprint", "signature"),
    "serve": ("server", "model_name", "configuration"),
}


def missing(run_dir: Path, verb: str) -> list[str]:
    """The verbs whose records this one cannot work without and the run lacks, in the order to make them."""
    one_of = _ONE_OF.get(verb, ())
    needed = [name for name in READS.get(verb, ()) if not name.endswith("?")]
    if one_of and not any(_there(run_dir, name) for name in one_of):
        needed += [*(name for name in READS[one_of[-1]] if name not in needed), one_of[-1]]
    return [name for name in needed if not _there(run_dir, name)]


def replaced(run_dir: Path, verb: str, before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> None:
    """Note that a verb was recorded: its own mark goes; records made from other results of it are marked.

    Args:
        run_dir: The run folder.
        verb: Whose record was written.
        before: The `results` that stood there; None when there were none.
        now: The `results` written.
    """
    marks = {name: mark for name, mark in told(run_dir).items() if name != verb}
    if before is not None and not _alike(verb, before, now):
        at_utc = datetime.now(timezone.utc).isoformat(timespec="seconds")
        for name, sources in READS.items():
            if verb in [source.rstrip("?") for source in sources] and _there(run_dir, name):
                marks[name] = {"because_of": verb, "at_utc": at_utc}
    path = Path(run_dir) / FILE
    if marks:
        whole_file.write_text(path, json.dumps(marks, indent=1) + "\n")
    else:
        path.unlink(missing_ok=True)


def told(run_dir: Path) -> dict[str, dict[str, str]]:
    """Marks by verb: `because_of` which record, replaced `at_utc`; none when nothing is stale."""
    try:
        marks = json.loads((Path(run_dir) / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return {name: mark for name, mark in marks.items() if _there(run_dir, name)}


def words(run_dir: Path) -> list[str]:
    """A sentence for each record that is stale."""
    return [
        f"{verb}.json is stale: {mark['because_of']}.json, which it was made from, was replaced at {mark['at_utc']}. "
        f"Run {verb} again."
        for verb, mark in told(run_dir).items()
    ]


def _there(run_dir: Path, verb: str) -> bool:
    return (Path(run_dir) / f"{verb}.json").exists()


def _alike(verb: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    names = _SAME_MODEL.get(verb) or (before.keys() | now.keys())
    return all(before.get(name) == now.get(name) for name in names)
