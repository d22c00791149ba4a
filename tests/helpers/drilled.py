"""A run folder to drill, and the drills of a notebook run on it, at a rate and a limit that any machine keeps."""

from __future__ import annotations

from pathlib import Path

from published_run import published

from playbook import drill
from playbook.chain import params
from playbook.drill.exercise import Exercise
from playbook.records import record
from playbook.records.runs import NOTEBOOK_DIR


def published_run(run: Path) -> Path:
    """The default model published in this folder, with the record of export."""
    published(run)
    exported = {"model_name": "digits", "base_path": "models/digits", "version": 1}
    record.save(run, "export", params={}, results=exported, verdict="exported")
    return run


def prepared(run_dir: Path, *names: str, **changes) -> Exercise:
    """The notebook's own defaults but for the drills, a low rate and a wide limit."""
    defaults = {name: value for name, (_, value) in params.declared(NOTEBOOK_DIR / "75_drill.ipynb").items()}
    ours = {"run_dir": str(run_dir), "target_rate_rps": 100.0, "p99_limit_ms": 400.0, "drills": list(names)}
    return drill.prepare({**defaults, **ours, "drill_s": 4.0, **changes})


def practised(run_dir: Path, *names: str, **changes) -> dict:
    """The results of drill.json."""
    exercise = prepared(run_dir, *names, **changes)
    return drill.results(exercise, drill.practise(exercise))
