"""Run folders: one a run, named by UTC time and parameters, found again by name or by age."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from playbook.errors import ParameterError, RecordUnreadable
from playbook.records import names, record, secrets, whole_file

ROOT = Path(__file__).resolve().parents[3]
NOTEBOOK_DIR = ROOT / "notebooks"
NOTEBOOKS = {
    "export": "10_export",
    "serve": "20_serve",
    "warmup": "30_warmup",
    "stress": "40_stress",
    "analyze": "50_analyze",
    "tune": "60_tune",
    "prove": "65_prove",
    "adapt": "70_adapt",
    "drill": "75_drill",
    "deploy": "80_deploy",
}
SCRATCH_CHANNEL = "PLAYBOOK_SCRATCH"  # a folder in the place of the scratch run: the tests' own
NEWEST_CHANNEL = "PLAYBOOK_RUN_DIR"  # the run of a notebook whose run_dir is left empty
OUTPUTS = "../outputs"  # seen from the notebooks folder, where every kernel works
EXAMPLE = "example"  # the committed record: shown when named, never taken for the user's own
DATA = {  # what of data/ is of each verb, to be taken over with its record or put aside without one
    "export": ("reference.npz",),
    "warmup": ("warmup*",),
    "stress": ("levels.json", "requests/stress_*", "metrics", "resources", "events"),
    "tune": ("trials*", "requests/tune_*"),
    "prove": ("prove_levels.json", "requests/prove_*"),
    "adapt": ("changes*", "adapt_*", "requests/adapt_*"),
    "drill": ("requests/drill_*",),
    "deploy": ("requests/deploy_*",),
}


def create(
    outputs: Path,
    params_path: Path,
    values: dict[str, Any],
    verbs: Iterable[str] = (),
    base: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Path:
    """Make the folder of a new run and write its run.json.

    Two runs within the same second get names of their own. `verbs` are those it is to have: what `--resume` finishes.
    `base` is the run whose earlier stages it builds on; `overrides` are those of the values that no file gave.

    Raises:
        ParameterError: the outputs folder cannot be written to, or a name among the values cannot be one.
    """
    names.check("params file", Path(params_path).name)
    names.check_all(values)
    now = datetime.now(timezone.utc)
    name = f"{now:%Y%m%dT%H%M%SZ}-{Path(params_path).stem}"
    outputs = Path(outputs).resolve()
    for attempt in range(1, 100):
        run_dir = outputs / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            run_dir.mkdir(parents=True)
            break
        except FileExistsError:
            if not outputs.is_dir():
                raise ParameterError(f"--outputs {outputs} is a file; a folder was expected.") from None
        except OSError as error:
            raise ParameterError(
                f"A run folder was to be made in {outputs}, and that is not writable ({error.strerror}). "
                "Choose another place with --outputs."
            ) from error
    note = {
        "schema_version": record.SCHEMA_VERSION,
        "run_id": run_dir.name,
        "params_name": Path(params_path).stem,
        "params": secrets.taken(values),
        "set": secrets.taken(overrides or {}),
        "verbs": list(verbs),
        "command": shlex.join(secrets.masked(["playbook", *sys.argv[1:]])),
        "started_utc": now.isoformat(timespec="seconds"),
    }
    if base:
        note["builds_on"] = base
    whole_file.write_text(run_dir / "run.json", json.dumps(note, indent=2) + "\n")
    secrets.keep(run_dir)
    return run_dir


def note(run_dir: Path) -> dict[str, Any]:
    """The run.json of a run.

    Raises:
        RecordUnreadable: missing or not JSON.
    """
    path = Path(run_dir) / "run.json"
    try:
        return record.parse(path, path.read_bytes())
    except OSError as error:
        raise RecordUnreadable(f"{path} was expected as the note of a run and cannot be read: {error}.") from error


def is_there(run_dir: Path) -> bool:
    """Whether a run folder still stands: a file that is written makes its folder anew, unnoticed."""
    return (Path(run_dir) / "run.json").exists()


def newest_first(outputs: Path) -> list[Path]:
    """Every run folder below `outputs` by when it was started, the newest first; the committed example comes last."""
    return sorted((path.parent for path in Path(outputs).glob("*/run.json")), key=_age, reverse=True)


def _age(run_dir: Path) -> tuple[bool, str, str]:
    try:
        started = str(note(run_dir).get("started_utc") or "")
    except RecordUnreadable:
        started = ""
    return run_dir.name != EXAMPLE, started, run_dir.name


def find(outputs: Path, run_id: str, whole: bool = False) -> Path:
    """The folder of a run: its id, a part of it that only one has (unless `whole`), or `latest`, which is never the
    committed example.

    Raises:
        ParameterError: none or several; names what there is.
    """
    runs = newest_first(Path(outputs).resolve())  # a notebook runs elsewhere
    runs += [run for run in own(Path(outputs).resolve()) if run not in runs]  # of a session in the lab, without a note
    mine = [run for run in runs if run.name != EXAMPLE]
    if run_id == "latest" and mine:
        return mine[0]
    parts = [] if whole or run_id == "latest" else [run for run in runs if run_id in run.name]
    matches = [run for run in runs if run.name == run_id] or parts
    if len(matches) == 1:
        return matches[0]
    known = ", ".join(run.name for run in (matches or runs)[:5]) or "no run at all"
    count = "several" if matches else "none"
    raise ParameterError(f"A run named {run_id!r} was expected in {outputs}; {count} fit. There is: {known}.")


def own(outputs: Path) -> list[Path]:
    """Run folders with a record of the user's own, the one recorded last first: the scratch run too, never the
    committed example."""
    folders = {path.parent for verb in record.VERBS for path in Path(outputs).glob(f"*/{verb}.json")}
    kept = [folder for folder in folders if folder.name != EXAMPLE]
    return sorted(kept, key=lambda folder: (_recorded(folder), folder.name), reverse=True)


def meant(run_dir: str) -> str:
    """The run folder that a notebook's `run_dir` means, from the notebooks folder: empty is the newest run of the
    user's own with load levels (the scratch run where there is none); the tests put their own in the scratch run's
    place."""
    scratch = f"{OUTPUTS}/{record.SCRATCH}"
    if not run_dir:
        mine = [run for run in own(Path(OUTPUTS)) if record.has(run, "stress")]
        return os.environ.get(NEWEST_CHANNEL) or (f"{OUTPUTS}/{mine[0].name}" if mine else scratch)
    return os.environ.get(SCRATCH_CHANNEL, run_dir) if run_dir == scratch else run_dir


def _recorded(run_dir: Path) -> float:
    return max(path.stat().st_mtime for verb in record.VERBS for path in run_dir.glob(f"{verb}.json"))


def base_for(outputs: Path, params_path: Path, verbs: Iterable[str]) -> Path:
    """The newest run of these parameters, the committed example aside, that has recorded all of `verbs`; where export
    is among them, its model must be there too.

    Raises:
        ParameterError: there is none.
    """
    needed = list(verbs)
    for run in newest_first(outputs):
        same = note(run).get("params_name") == Path(params_path).stem
        if same and run.name != EXAMPLE and all(record.has(run, verb) for verb in needed):
            if "export" in needed and not has_model(run):
                continue
            return run
    raise ParameterError(
        f"No run of {Path(params_path).name} in {outputs} has recorded {', '.join(needed)}. Run the whole chain first."
    )


def has_model(run_dir: Path) -> bool:
    """Whether the model that a run exported lies in it: the committed example comes without."""
    base_path = record.load(run_dir, "export")["results"].get("base_path")
    return bool(base_path) and any((Path(run_dir) / base_path).glob("*/saved_model.pb"))


def inherit(run_dir: Path, base: Path, verbs: Iterable[str]) -> None:
    """Take over what earlier verbs of another run left: a record is never written twice, so it is copied.

    Raises:
        NotWritten: the disk is full, or a file of it is too large.
    """
    for verb in verbs:
        name = NOTEBOOKS[verb]
        paths = [base / f"{verb}.json", *base.glob(f"{name}.*"), *base.glob(f"{name}_files")]
        paths += [base / "models"] if verb == "export" else []
        paths += [path for pattern in DATA.get(verb, ()) for path in (base / "data").glob(pattern)]
        for path in paths:
            target = run_dir / path.relative_to(base)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                whole_file.copy_folder(path, target)
            elif path.exists():
                with whole_file.writing(target) as part:
                    shutil.copy2(path, part)
