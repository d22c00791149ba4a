"""One model of the zoo through the chain, and what its records say, as a row of the benchmark's record."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import zoo_builders

from playbook.records import record, runs
from playbook.records.environment import environment

LONGEST_S = 1500
PLAYBOOK = [sys.executable, "-c", "from playbook.cli import main; main()"]
_TOLD = re.compile(r"^(\w+) +about +([\d.]+) (s|min)  ", re.M)
_WHOLE = re.compile(r"^In all about ([\d.]+) (s|min)\.$", re.M)
_DONE = re.compile(r"^(\w+) +(\d+\.\d) s  ", re.M)


def made(name: str, folder: Path) -> Path:
    """The model as a SavedModel, made in a process of its own."""
    command = [sys.executable, str(Path(zoo_builders.__file__)), name, str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=LONGEST_S)
    return folder / name


def run(model: Path, folder: Path) -> dict[str, Any]:
    """The plan, then the whole chain with the quick parameters: a row; `ending` says what was said last."""
    words = [str(runs.ROOT / "params" / "quick.yml"), "--outputs", str(folder / "out")]
    rows = {"rows_file": model.with_suffix(".jsonl")} if model.with_suffix(".jsonl").exists() else {}
    values = {"model": model, "model_name": model.name, **rows, **zoo_builders.SETTINGS[model.name]}
    words += [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
    busy = os.getloadavg()[0]
    planned = _said("plan", words)
    began = time.perf_counter()
    said = _said("run", words)
    whole_s = time.perf_counter() - began
    folders = sorted((folder / "out").glob("*-quick"))
    shared = {"model": model.name, **where(busy), "settings": zoo_builders.SETTINGS[model.name]}
    if not folders or not record.has(folders[-1], "deploy"):
        return {**shared, "whole_s": round(whole_s), "went_through": False, "ending": said[-600:]}
    return {**shared, "whole_s": round(whole_s), "went_through": True, **row(folders[-1], planned, said)}


def where(busy: float | None = None) -> dict[str, Any]:
    """When and where a row was measured, and the load of the machine before and after: who else was here."""
    before = os.getloadavg()[0] if busy is None else busy
    return {
        "when_utc": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "load_average": [round(before, 1), round(os.getloadavg()[1], 1)],
        "environment": environment(),
    }


def row(run_dir: Path, planned: str, said: str) -> dict[str, Any]:
    """What the plan told, what the stages took and what their records say."""
    before = {verb: _seconds(number, unit) for verb, number, unit in _TOLD.findall(planned)}
    took = {verb: float(seconds) for verb, seconds in _DONE.findall(said)}
    whole = _WHOLE.search(planned)
    stages = []
    for verb in runs.NOTEBOOKS:
        if record.has(run_dir, verb):
            kept = record.load(run_dir, verb)
            told = kept.get("plan") or {}
            stages.append(
                {"stage": verb, "planned_s": before.get(verb), "stage_s": took.get(verb)}
                | {"told_s": told.get("expected_s"), "took_s": told.get("took_s")}
                | {"left_out": told.get("left_out") or [], "verdict": kept["verdict"]}
            )
    tuned, proven = record.load(run_dir, "tune")["results"], record.load(run_dir, "prove")["results"]
    return {
        "planned_s": _seconds(*whole.groups()) if whole else None,
        "request_ms": record.load(run_dir, "stress")["results"]["request_ms"],
        "answer": proven["answer"],
        "why": record.load(run_dir, "prove")["verdict"],
        "gain": tuned["gain"],
        "gain_low": tuned["gain_low"],
        "gain_high": tuned["gain_high"],
        "tuned_words": (tuned["best"] or {}).get("words"),
        "skipped": tuned["skipped"],
        "simulator": simulator(run_dir),
        "stages": stages,
    }


def simulator(run_dir: Path) -> dict[str, Any] | None:
    """The median error of the rates that the simulator gave the measured trials; None without any.

    A trial's own rate is up to a step of its search too low: `zoo_grid` judges the simulator.
    """
    path = run_dir / "data" / "trials.parquet"
    if not path.exists():
        return None
    query = """
        SELECT count(*), median(abs(predicted_rate_rps / rate_rps - 1))
        FROM read_parquet(?) WHERE predicted_rate_rps > 0 AND rate_rps > 0"""
    with duckdb.connect() as db:
        count, rate = db.execute(query, [str(path)]).fetchall()[0]
    return {"trials": count, "rate_error": rate} if count else None


def _said(command: str, words: list[str]) -> str:
    done = subprocess.run(
        [*PLAYBOOK, command, *words], cwd=runs.ROOT, capture_output=True, text=True, timeout=LONGEST_S, check=False
    )
    return done.stdout + (done.stderr if done.returncode else "")


def _seconds(number: str, unit: str) -> float:
    return float(number) * (60 if unit == "min" else 1)
