"""What a killed attempt of a verb left: put aside before the verb begins again, so that no query mixes two attempts.

What the next attempt goes on from stays: whole levels of stress, choices of adapt, trials of tune. Nothing measured is
thrown away: it goes to `data/attempts/<verb>-<number>/` (rows of the journal to `adapt-changes-<number>.json` beside
it), where no table looks.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import psutil

from playbook.records import journal, record, run_folder, whole_file
from playbook.records.runs import DATA

FOLDER = "attempts"  # in data/
BOOT = ".boot"  # in the run folder: since which start of the machine its attempts are
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
SERIES = ("metrics", "resources", "events")  # by time, and of every verb that watched: never mixed up
STUDY = "trials*"  # tune goes on from its trials
JOURNAL = "changes*"  # of all verbs


def begin(run_dir: Path, verb: str) -> list[Path]:
    """Make a run folder ready for a verb that has no record in it; returns the files that were put aside.

    The scratch run is left as it is: there a notebook may be run again and again.
    """
    run_dir = Path(run_dir)
    if record.is_scratch(run_dir) or record.has(run_dir, verb):
        return []
    whole_file.sweep_below(run_dir)
    if verb == "export":
        shutil.rmtree(run_dir / "models", ignore_errors=True)  # a version that no record knows, or half of one
    data = run_dir / "data"
    patterns = [pattern for pattern in DATA.get(verb, ()) if pattern not in (*SERIES, STUDY, JOURNAL)]
    left = [path for pattern in patterns for path in sorted(data.glob(pattern))]
    kept = goes_on_from(run_dir, verb)
    if verb == "adapt":
        _changes_aside(run_dir, json.loads(note_of(run_dir, verb).read_text())["until_ns"] if kept else 0)
    aside = _aside(data, verb, [path for path in left if path not in kept])
    _note_boot(run_dir)
    return aside


def goes_on_from(run_dir: Path, verb: str) -> set[Path]:
    """The files of an earlier attempt that the next one goes on from; none from before the machine was started anew.

    Times in them are CLOCK_MONOTONIC, which begins with the machine.
    """
    data = Path(run_dir) / "data"
    note = note_of(run_dir, verb)
    if verb == "adapt" and not before_this_boot(note):
        return {note, *(data / folder for folder in json.loads(note.read_text())["kept"])}
    if verb != "stress" or before_this_boot(data / run_folder.LEVELS):
        return set()
    whole = run_folder.kept_levels(run_dir, verb)
    return {data / run_folder.LEVELS, *(data / "requests" / f"{verb}_{level['level']:03d}" for level in whole)}


def note_of(run_dir: Path, verb: str) -> Path:
    """Where a verb notes what it has done so far: what the next attempt goes on from."""
    return Path(run_dir) / "data" / f"{verb}_attempt.json"


def _changes_aside(run_dir: Path, since_ns: int) -> None:
    """Changes that a killed adapt made of a choice it did not finish: of another attempt than what comes."""
    taken = journal.take(run_dir, "adapt", since_ns)
    if taken:
        number = 1 + len(list((run_dir / "data" / FOLDER).glob("adapt-changes-*.json")))
        path = run_dir / "data" / FOLDER / f"adapt-changes-{number}.json"
        whole_file.write_text(path, json.dumps(taken, default=str, indent=1))


def levels_aside(run_dir: Path, verb: str, first: int) -> list[Path]:
    """Put the rows of a verb's levels from number `first` on aside: the attempt that goes on holds others there."""
    data = Path(run_dir) / "data"
    folders = sorted((data / "requests").glob(f"{verb}_[0-9]*"))
    return _aside(data, verb, [path for path in folders if int(path.name.rpartition("_")[2]) >= first])


def before_this_boot(path: Path) -> bool:
    """Whether a file in data/ was written before the machine was started, or is not there.

    By the boot that the run folder names; where it names none, by the file's age, which a clock that is set changes.
    """
    noted = path.parent.parent / BOOT
    try:
        if (this := _this_boot()) and noted.exists():
            path.stat()
            return noted.read_text() != this
        return path.stat().st_mtime < psutil.boot_time()
    except OSError:
        return True


def _this_boot() -> str:
    """What Linux calls the time since this machine was started; empty where nobody tells."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _note_boot(run_dir: Path) -> None:
    if (this := _this_boot()) and run_dir.is_dir():
        whole_file.write_text(run_dir / BOOT, this)


def _aside(data: Path, verb: str, paths: list[Path]) -> list[Path]:
    if not paths:
        return []
    number = 1 + len(list((data / FOLDER).glob(f"{verb}-*")))
    moved = []
    for path in paths:
        target = data / FOLDER / f"{verb}-{number}" / path.relative_to(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        moved.append(path.rename(target))
    return moved
