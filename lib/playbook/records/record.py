"""The record: one JSON file a verb, written once, Parquet in `data/` beside it; outputs/README.md tells the fields."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

import orjson

from playbook import stage_plan, stopwatch
from playbook.errors import RecordBroken, RecordExists, RecordUnreadable
from playbook.records import parquet, secrets, stale, whole_file
from playbook.records.agreement import differences
from playbook.records.environment import environment

SCHEMA_VERSION = 1
SCRATCH = "dev"  # outputs/dev may be rewritten, and is compared only by force
VERBS = ("export", "serve", "warmup", "stress", "analyze", "tune", "prove", "adapt", "drill", "deploy")


def save(
    run_dir: Path,
    verb: str,
    *,
    params: Mapping[str, Any],
    results: Mapping[str, Any],
    verdict: str,
    warnings: Iterable[str] = (),
) -> dict[str, Any]:
    """Write `<run_dir>/<verb>.json` and return what was kept.

    A second write raises, except in the scratch run `outputs/dev`. Missing values are None, never 0. `measured_s`
    (seconds in measurement windows and training) and `plan` (seconds told beforehand, and taken since) are added.

    Raises:
        RecordExists: the record stands already.
        NotWritten: the disk is full, the folder is read-only or gone.
        ValueError: a NaN or infinity in the content; nothing is written.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "verb": verb,
        "created_utc": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "params": secrets.masked(dict(params)),
        "environment": environment(),
        "measured_s": stopwatch.take(),
        "plan": stage_plan.take(),
        "results": secrets.masked(dict(results)),
        "warnings": secrets.masked(list(warnings)),
        "verdict": secrets.masked(verdict),
    }
    text = json.dumps(content, indent=2, allow_nan=False, default=_plain) + "\n"
    path = Path(run_dir) / f"{verb}.json"
    if path.exists() and not is_scratch(run_dir):
        raise RecordExists(f"{path} stands already, and a record is written once. Use another run folder.")
    for folder in (path.parent, path.parent / "data"):
        whole_file.sweep(folder)
    before = _stood(path)
    whole_file.write_text(path, text)
    kept = json.loads(text)
    stale.replaced(run_dir, verb, before, kept["results"])
    return kept


def _stood(path: Path) -> dict[str, Any] | None:
    """The results that stand at this place, or those set aside last; None when there are none to be read."""
    for old in (path, *reversed(aside(path.parent, path.stem))):
        try:
            return parse(old, old.read_bytes()).get("results") or {}
        except (OSError, RecordUnreadable):
            continue
    return None


class Verb(Protocol):
    """A verb's package, as far as its record needs it: what it says of its own results."""

    __name__: str

    def verdict(self, results: Mapping[str, Any]) -> str:
        """One sentence, and none beyond its data."""

    def warnings(self, results: Mapping[str, Any]) -> list[str]:
        """What a reader must know before believing the results."""


def keep(run_dir: Path, verb: Verb, params: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    """Write the record of a verb with the verdict and the warnings that its package makes of the results.

    Where the record stands already, the same results are fine and others are refused, but in the scratch run.

    Raises:
        RecordExists: the record says something else than these results.
        ValueError: a NaN or infinity in the content; nothing is written.
    """
    name = verb.__name__.rpartition(".")[2]
    if has(run_dir, name) and not is_scratch(run_dir):
        kept = load(run_dir, name)
        if different := differences(kept["results"], json.loads(json.dumps(dict(results), default=_plain))):
            raise RecordExists(
                f"{run_dir}/{name}.json stands already and says something else: {'; '.join(different[:3])}. A record "
                f"is written once: use another run folder, or set it aside (record.set_aside(run, '{name}')) and keep "
                "it anew: what was made from it is then marked stale."
            )
        return kept
    verdict, warnings = verb.verdict(results), verb.warnings(results)
    return save(run_dir, name, params=params, results=results, verdict=verdict, warnings=warnings)


def load(run_dir: Path, verb: str) -> dict[str, Any]:
    """Read `<run_dir>/<verb>.json`.

    Raises:
        RecordUnreadable: missing, not JSON, or written by a newer schema; names the file and what to run.
    """
    path = Path(run_dir) / f"{verb}.json"
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise RecordUnreadable(f"{path} was expected and is not there. Run the '{verb}' notebook first.") from None
    return parse(path, text)


def parse(path: Path | str, text: bytes | str) -> dict[str, Any]:
    """A record, or the note of a run, from its text; `path` is where it came from, for the message.

    Raises:
        RecordBroken: not JSON.
        RecordUnreadable: not a record, or written by a newer schema.
    """
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RecordBroken(f"{path} is not readable JSON ({error}). Remove it and run its notebook again.") from error
    version = content.get("schema_version", 0) if isinstance(content, dict) else type(content).__name__
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise RecordUnreadable(f"{path} has schema {version}, this playbook reads up to {SCHEMA_VERSION}. Upgrade it.")
    return content


def read_all(run_dir: Path) -> dict[str, dict[str, Any] | RecordUnreadable]:
    """Each verb's record of a run, in the order of the verbs, or the error that stands in its place."""
    records: dict[str, dict[str, Any] | RecordUnreadable] = {}
    for verb in VERBS:
        if has(run_dir, verb):
            try:
                records[verb] = load(run_dir, verb)
            except RecordUnreadable as error:
                records[verb] = error
    return records


def is_broken(run_dir: Path, verb: str) -> bool:
    """Whether the verb's record is there and half written: it counts as none. Raises as `load` for other faults."""
    try:
        load(run_dir, verb)
    except RecordBroken:
        return True
    except RecordUnreadable:
        if has(run_dir, verb):
            raise
    return False


def check_free(run_dir: Path, verb: str) -> None:
    """Return when the verb may still be recorded here: to find out afterwards costs the work.

    Raises:
        RecordExists: its record stands already.
    """
    if has(run_dir, verb) and not is_scratch(run_dir):
        raise RecordExists(
            f"{run_dir}/{verb}.json stands already, and a record is written once; nothing was started. Use another "
            f"run folder, or remove it to {verb} anew."
        )


def set_aside(run_dir: Path, verb: str) -> None:
    """Keep a record that no longer holds as `<verb>.<number>.json`, so that the verb can be recorded again."""
    if has(run_dir, verb):
        number = max((_number(path) for path in aside(run_dir, verb)), default=0) + 1
        (Path(run_dir) / f"{verb}.json").rename(Path(run_dir) / f"{verb}.{number}.json")


def aside(run_dir: Path, verb: str) -> list[Path]:
    """The records of a verb that were set aside, the oldest first."""
    return sorted(Path(run_dir).glob(f"{verb}.[0-9]*.json"), key=_number)


def _number(path: Path) -> int:
    """The number of a record that was set aside: `10` of `stress.10.json`; 0 where none stands there."""
    number = path.name.split(".")[1]
    return int(number) if number.isdecimal() else 0


def copy(source: Path, run_dir: Path, verb: str) -> None:
    """Take over a verb's record from another run folder as it is; nothing where it has none."""
    if has(source, verb):
        shutil.copy2(Path(source) / f"{verb}.json", Path(run_dir) / f"{verb}.json")


def has(run_dir: Path, verb: str) -> bool:
    """Whether the verb has been recorded in this run."""
    return (Path(run_dir) / f"{verb}.json").exists()


def is_scratch(run_dir: Path) -> bool:
    """Whether this is `dev`, the run folder that may be rewritten."""
    return Path(run_dir).resolve().name == SCRATCH


def data_dir(run_dir: Path) -> Path:
    """`<run_dir>/data`, made when missing."""
    path = Path(run_dir) / "data"
    path.mkdir(parents=True, exist_ok=True)
    return path


def write_parquet(path: Path, frame: Any) -> None:
    """Write a pandas DataFrame as one whole Parquet file: a reader sees all of it or none."""
    import duckdb

    with duckdb.connect() as db:
        db.register("frame", frame)
        parquet.copy(db, "frame", path)


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no place in a record: {value!r}")
