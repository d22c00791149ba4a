"""Two stages of the chain with something broken: what is said, what is kept, what is left running."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest
from command import PLAYBOOK, SMOKE, playbook

from playbook.records import record, run_folder, runs
from playbook.serve import serve

pytestmark = pytest.mark.timeout(900)  # a machine that does other things too makes the chain slow, not wrong


@pytest.fixture
def base(exported: Path, tmp_path: Path) -> tuple[Path, str]:
    """An outputs folder in which a run stands that exported and did no more, to build on without exporting again."""
    run = shutil.copytree(exported, tmp_path / "outputs" / "20260101T000000Z-smoke")
    note = {"run_id": run.name, "params_name": "smoke", "params": {}, "verbs": [], "started_utc": "2026-01-01"}
    (run / "run.json").write_text(json.dumps(note))
    return run.parent, run.name


def test_a_taken_port_fails_the_serve_stage_by_name(base) -> None:
    outputs, run_id = base
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = playbook(
            "run", SMOKE, "--only", "serve", "--resume", run_id, "--outputs", outputs, "--set", f"rest_api_port={port}"
        )
    assert done.returncode == 1
    assert "Stage 'serve' failed in cell" in done.stderr
    assert f"rest_api_port {port} is taken" in done.stderr


def test_a_run_whose_model_is_gone_is_refused_before_anything_starts(base) -> None:
    outputs, run_id = base
    shutil.rmtree(outputs / run_id / "models" / "digits")
    done = playbook(
        "run", SMOKE, "--only", "serve", "--resume", run_id, "--outputs", outputs, "--set", "start_timeout_s=3.0"
    )
    assert done.returncode == 2
    assert f"{run_id} was to be built on, and its model is not there" in done.stderr


@pytest.fixture
def running_chain(base) -> Iterator[Callable[[Path], subprocess.Popen]]:
    """Starts serve and stress with long windows, in the background."""
    outputs, run_id = base
    process = subprocess.Popen(
        [
            *[PLAYBOOK, "run", str(SMOKE), "--only", "serve", "--only", "stress", "--resume", run_id],
            *["--outputs", str(outputs), "--set", "concurrency=[1, 2, 2, 2, 2]", "--set", "duration_s=2.0"],
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
        process.communicate()
    serve.stop_all(runs.newest_first(outputs)[0])


def expected(condition: Callable[[], Any], timeout_s: float = 200.0) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if seen := condition():
            return seen
        time.sleep(0.05)
    raise AssertionError("not seen in time")


def begun(outputs: Path, run_id: str) -> Path:
    """The run that builds on `run_id`, once it is there."""
    return expected(lambda: next((r for r in runs.newest_first(outputs) if r.name != run_id), None))


def with_a_level(outputs: Path, run_id: str) -> Path:
    """The same, once stress has held its first level."""
    run = begun(outputs, run_id)
    expected(lambda: run_folder.kept_levels(run))
    return run


def test_a_server_killed_during_stress_is_told_and_what_was_measured_is_kept(base, running_chain) -> None:
    outputs, run_id = base
    run = with_a_level(outputs, run_id)
    os.kill(serve.Handle.load(run).pid, signal.SIGKILL)
    _, errors = running_chain.communicate(timeout=200)
    assert running_chain.returncode == 1
    assert "Stage 'stress' failed in cell" in errors
    assert "has ended while it was needed" in errors
    kept = run_folder.kept_levels(run)
    assert kept[0]["requests"] > 0
    rows = duckdb.sql(f"SELECT count(*) FROM '{run}/data/requests/stress_000/requests.parquet'").fetchall()[0][0]
    assert rows == kept[0]["requests"]
    assert (run / "record.md").exists()


def test_a_server_that_hangs_during_stress_is_told_and_what_was_measured_is_kept(base, running_chain) -> None:
    outputs, run_id = base
    run = with_a_level(outputs, run_id)
    os.kill(serve.Handle.load(run).pid, signal.SIGSTOP)
    _, errors = running_chain.communicate(timeout=200)
    assert running_chain.returncode == 1
    assert "Stage 'stress' failed in cell" in errors
    assert "ServerHung" in errors
    assert "answered nothing" in errors
    assert run_folder.kept_levels(run)[0]["requests"] > 0
    assert serve.Handle.load(run).process() is None


def test_sigterm_ends_the_chain_the_kernel_and_the_server(base, running_chain) -> None:
    outputs, run_id = base
    run = begun(outputs, run_id)
    expected(lambda: record.has(run, "serve") and (run / "data" / "requests").exists())
    children = psutil.Process(running_chain.pid).children(recursive=True)
    running_chain.send_signal(signal.SIGTERM)
    _, errors = running_chain.communicate(timeout=100)
    assert running_chain.returncode == 130
    assert "Interrupted" in errors
    expected(lambda: not [child for child in children if child.is_running() and child.status() != "zombie"], 10)
    assert serve.Handle.load(run).process() is None
