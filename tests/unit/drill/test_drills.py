"""Drills on a real server: each finds what was done to it, and the server's end is a finding and no error."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from published_run import published

from playbook import drill
from playbook.chain import params
from playbook.errors import ParameterError
from playbook.records import record
from playbook.records.runs import NOTEBOOK_DIR
from playbook.tfserving import versions


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with the default model published in it."""
    run = tmp_path_factory.mktemp("run")
    published(run)
    exported = {"model_name": "digits", "base_path": "models/digits"}
    record.save(run, "export", params={}, results=exported, verdict="exported")
    return run


def settings(run_dir: Path, *names: str, **changes) -> dict:
    """The notebook's own defaults at a rate that any machine carries; a limit that no idle server breaks."""
    defaults = {name: value for name, (_, value) in params.declared(NOTEBOOK_DIR / "75_drill.ipynb").items()}
    ours = {"run_dir": str(run_dir), "target_rate_rps": 100.0, "p99_limit_ms": 400.0, "drills": list(names)}
    return {**defaults, **ours, "drill_s": 4.0, **changes}


def practised(run_dir: Path, *names: str, **changes) -> dict:
    exercise = drill.prepare(settings(run_dir, *names, **changes))
    return drill.results(exercise, drill.practise(exercise))


def by_name(results: dict) -> dict:
    return {(row["drill"], row["remedied"]): row for row in results["drills"]}


def test_a_kill_loses_requests_a_swap_none_and_nothing_is_left_running(run_dir: Path) -> None:
    results = practised(run_dir, "swap", "kill", drill_s=6.0)
    rows = by_name(results)
    swap, kill = rows["swap", False], rows["kill", False]
    assert (swap["lost"], swap["wrong"]) == (0, 0)
    assert "version 2 answered" in swap["seen"]
    assert kill["lost"] > 0
    assert set(kill["lost_by_code"]) <= {"refused", "reset", "timeout", "short_reply"}
    assert kill["seconds_outside"] >= 1
    assert "AVAILABLE again" in kill["seen"]
    assert results["failures"] == []
    left = [p for p in psutil.process_iter(["cmdline"]) if str(run_dir) in " ".join(p.info["cmdline"] or [])]
    assert not [p for p in left if "model_server" in " ".join(p.info["cmdline"])]
    assert not list(run_dir.glob(".drill-*"))
    assert versions.numbers(run_dir / "models" / "digits") == [1], "the run's own model stays as it was"


def test_a_drill_that_there_is_not_is_refused_by_name(run_dir: Path) -> None:
    with pytest.raises(ParameterError, match="'swop'; the drills are swap, "):
        drill.prepare(settings(run_dir, "swop"))


def test_no_drill_is_skipped_and_said(run_dir: Path) -> None:
    results = practised(run_dir)
    assert results["drills"] == []
    assert "no drill was asked for" in drill.verdict(results)


def test_what_the_time_does_not_carry_is_named(run_dir: Path) -> None:
    results = practised(run_dir, "swap", "kill", drill_minutes=0.05)
    assert results["drills"] == []
    assert [one["drill"] for one in results["left_out"]] == ["swap", "kill"]
    assert all("drill_minutes (0.05) were spent" in one["why"] for one in results["left_out"])
