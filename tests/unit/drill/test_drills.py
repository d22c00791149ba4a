"""Drills on a real server: each finds what was done to it, and the server's end is a finding and no error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import deployable_run
import drill_rows
import psutil
import pytest
from drilled import practised, prepared, published_run

from playbook import drill
from playbook.chain import outcome
from playbook.drill import observing, soak, starving
from playbook.drill.drills import DRILLS
from playbook.drill.ground import Ground
from playbook.drill.practising import Practised
from playbook.errors import ParameterError, VersionChanged
from playbook.records import record
from playbook.serve import serve
from playbook.serve.cores import split_cpus
from playbook.serve.handle import Handle
from playbook.serve.spec import ServerSpec
from playbook.tfserving import versions

LYING = Path(__file__).parents[2] / "helpers" / "lying_server.py"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with the default model published in it."""
    return published_run(tmp_path_factory.mktemp("run"))


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
        prepared(run_dir, "swop")


def test_no_drill_is_skipped_and_said(run_dir: Path) -> None:
    results = practised(run_dir)
    assert results["drills"] == []
    assert "no drill was asked for" in drill.verdict(results)


def test_what_the_time_does_not_carry_is_named(run_dir: Path) -> None:
    results = practised(run_dir, "swap", "kill", drill_minutes=0.05)
    assert results["drills"] == []
    assert [one["drill"] for one in results["left_out"]] == ["swap", "kill"]
    assert all("drill_minutes (0.05) were spent" in one["why"] for one in results["left_out"])


def test_drills_none_of_which_can_begin_fail_the_run_and_one_beside_others_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = deployable_run.make(tmp_path / "run", server="binary")
    monkeypatch.setenv("PATH", "")  # so that there is no tensorflow_model_server
    results = practised(nowhere, "swap", "kill")
    assert [one["drill"] for one in results["left_out"]] == ["swap", "kill"]
    (failure,) = results["failures"]
    assert failure.startswith("nothing that was asked for could be held; the first, swap: ")
    assert drill.verdict(results).startswith(failure)
    record.save(nowhere, "drill", params={}, results=results, verdict="")
    assert outcome.outcome(nowhere).code == outcome.FAILED
    exercise = prepared(nowhere, "swap", "kill")
    held_one = Practised([drill_rows.row()], results["left_out"], results["left_out"])
    assert drill.results(exercise, held_one)["failures"] == []


def test_another_version_than_export_wrote_is_not_drilled(tmp_path: Path) -> None:
    run = deployable_run.make(tmp_path / "run", server="embedded")
    shutil.copytree(run / "models" / "digits" / "3", run / "models" / "digits" / "4")
    with pytest.raises(VersionChanged, match=r"hold version 3, which export wrote, and version 4 is the newest there"):
        practised(run, "swap", "kill")


def held(run_dir: Path, name: str, remedied: bool, number: int, **changes) -> dict:
    """The row of one drill, held one way."""
    exercise = prepared(run_dir, name, remedies=True, **changes)
    (way,) = [way for kind, way in DRILLS[name].ways(exercise) if kind == remedied]
    return observing.hold(exercise, DRILLS[name], way, remedied, number)


def test_a_version_that_cannot_be_loaded_costs_nothing_and_the_old_one_serves_on(run_dir: Path) -> None:
    row = held(run_dir, "corrupt", True, 10)
    assert (row["lost"], row["wrong"]) == (0, 0)
    assert row["seen"].startswith("version 2 was END, the old one served on")


def test_a_server_that_hangs_for_good_loses_all_that_could_not_wait(run_dir: Path) -> None:
    row = held(run_dir, "hang", False, 11, timeout_s=1.0)
    assert set(row["lost_by_code"]) <= {"timeout", "unsent"}
    assert row["lost"] > 0.5 * row["requests"]
    assert row["recovery_s"] is None


def test_a_drain_before_sigterm_loses_no_request(run_dir: Path) -> None:
    row = held(run_dir, "sigterm", True, 12, drill_s=6.0)
    assert (row["lost_by_code"], row["wrong"]) == ({}, 0)
    assert "the old server had no connection after" in row["seen"]


def test_stalled_clients_keep_their_connections_and_cost_the_others_nothing(run_dir: Path) -> None:
    row = held(run_dir, "slow_clients", False, 13)
    assert row["lost"] == 0
    assert row["seen"] == "200 clients stalled in mid-request; the server had closed 0 of them"


def test_a_server_that_runs_elsewhere_is_left_alone_unless_allowed_and_then_only_put_under_load(run_dir: Path) -> None:
    attached = run_dir.parent / "attached"
    shutil.copytree(run_dir, attached, ignore=shutil.ignore_patterns("logs", "servers"))
    spec = ServerSpec("digits", (attached / "models" / "digits").resolve(), cpus=split_cpus()[0])
    with serve.running(spec, attached) as handle:
        served = {**asdict(handle), "server": "attach", "pid": None, "cpus": []}
        record.save(attached, "serve", params={}, results=served, verdict="up")
        refused = practised(attached, "slow_clients", "kill")
        assert refused["drills"] == []
        assert "drill_attached: true allows" in drill.verdict(refused)
        results = practised(attached, "slow_clients", "kill", drill_attached=True)
        assert [row["drill"] for row in results["drills"]] == ["slow_clients"]
        assert results["drills"][0]["lost"] == 0
        assert [one["drill"] for one in results["left_out"]] == ["kill"]
        assert "runs elsewhere" in results["left_out"][0]["why"]
        assert handle.process() is not None


def test_a_remedy_that_only_grpc_has_is_held_over_grpc_alone_and_said_for_rest(run_dir: Path) -> None:
    for name in ("slow_clients", "oversized"):
        ways = {
            protocol: [kind for kind, _ in DRILLS[name].ways(prepared(run_dir, remedies=True, protocol=protocol))]
            for protocol in ("rest", "grpc")
        }
        assert ways == {"rest": [False], "grpc": [False, True]}
        assert "REST has none there" in DRILLS[name].how


def test_half_the_processor_is_taken_at_a_rate_that_it_does_not_carry_and_the_row_says_which(run_dir: Path) -> None:
    slow = replace(prepared(run_dir), capacity_rps=10_000.0, client_rps=50_000.0)
    assert starving.busy(slow, run_dir)["rate_rps"] == 6000.0
    assert starving._at(slow).startswith("; 6,000/s were due, 60.0 times the promised rate")
    assert starving.busy(replace(slow, client_rps=1000.0), run_dir)["rate_rps"] == 800.0  # what can be sent
    full = replace(slow, rate_rps=9000.0)
    assert (starving.busy(full, run_dir)["rate_rps"], starving._at(full)) == (9000.0, "")


def test_half_the_processor_is_taken_and_given_back(run_dir: Path) -> None:
    if why := starving.cannot(prepared(run_dir)):
        pytest.skip(why)
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        process = psutil.Process(busy.pid)
        home = Path(f"/proc/{busy.pid}/cgroup").read_text()
        handle = Handle("binary", "digits", "", "", "", "", [], [0], pid=busy.pid)
        exercise = prepared(run_dir)
        place = Ground(exercise, exercise.spec, exercise.spec.model_base_path, "drill", handle)
        before = process.cpu_times().user
        said = starving.throttle(place)
        used_s = process.cpu_times().user - before
        assert Path(f"/proc/{busy.pid}/cgroup").read_text() == home
        busy.kill()
    assert said.startswith("0.5 of 1 cores for 1.6 s, stopped by the quota for ")
    assert 0.1 < used_s < 0.6 * 1.6 + 0.1
    assert not list(Path("/sys/fs/cgroup").glob(f"*/playbook-drill-{os.getpid()}"))


def test_half_the_processor_is_taken_by_the_files_of_cgroup_version_2(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine has version 1 or 2; the files of version 2 are laid out here as its kernel documentation tells."""
    (tmp_path / "cgroup.subtree_control").write_text("cpuset cpu io memory pids")
    group, home = tmp_path / f"playbook-drill-{os.getpid()}", tmp_path / "system.slice"
    for folder in (group, home):
        folder.mkdir()
        (folder / "cgroup.procs").write_text("")
    (group / "cpu.stat").write_text("usage_usec 9\nnr_periods 16\nnr_throttled 8\nthrottled_usec 800000\n")
    monkeypatch.setattr(starving, "ROOT", tmp_path)
    monkeypatch.setattr(starving, "_home", lambda pid, first: tmp_path / ("no" if first else "system.slice"))
    monkeypatch.setattr(starving, "_remove", lambda folder: None)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as busy:
        handle = Handle("binary", "digits", "", "", "", "", [], [0, 1], pid=busy.pid)
        exercise = prepared(run_dir)
        place = Ground(exercise, exercise.spec, exercise.spec.model_base_path, "drill", handle)
        said = starving.throttle(place)
        busy.kill()
    assert said.startswith("1 of 2 cores for 1.6 s, stopped by the quota for 0.8 s")
    assert (group / "cpu.max").read_text() == "100000 100000"
    assert (group / "cgroup.procs").read_text() == (home / "cgroup.procs").read_text() == str(busy.pid)
    (tmp_path / "cgroup.subtree_control").write_text("memory")
    assert "offers no cpu controller" in starving.cannot(exercise)


@pytest.fixture
def leaking(run_dir: Path) -> Iterator[Handle]:
    """A server that answers rightly and keeps a kilobyte of every request."""
    command = [sys.executable, str(LYING), str(run_dir), "leak", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        port = process.stdout.readline().strip()
        yield Handle("binary", "digits", "", f"http://127.0.0.1:{port}", "", "", [], [], pid=process.pid)
        process.stdin.close()


def test_a_server_that_keeps_a_kilobyte_of_every_request_is_found(run_dir: Path, leaking: Handle) -> None:
    """Held longer where it was not enough, as its sentence then says: a busy machine makes the memory unsteady."""
    exercise = prepared(run_dir, target_rate_rps=800.0)
    for number, seconds in enumerate((8.0, 16.0, 32.0)):
        kept = soak.hold(replace(exercise, soak_s=seconds), leaking, number)
        if kept["answer"] != soak.OPEN:
            break
    assert kept["answer"] == soak.LEAK, kept["words"]
    assert 700 < kept["bytes_per_request"] < 1600
    assert kept["wrong"] == 0
    assert "A LEAK of" in kept["words"]
    assert kept["ended"] is None
    threading.Timer(0.7, psutil.Process(leaking.pid).kill).start()
    ended = soak.hold(replace(exercise, soak_s=1.5), leaking, 3)
    assert "has ended while it was needed" in ended["ended"]
    assert drill.results(exercise, Practised(soak=ended))["failures"] == [f"in the soak: {ended['ended'].rstrip('.')}"]


def test_the_embedded_server_is_not_accused(run_dir: Path) -> None:
    results = practised(run_dir, target_rate_rps=800.0, soak_minutes=8.0 / 60)
    assert results["soak"]["answer"] != soak.LEAK, results["soak"]
    assert results["soak"]["answered"] > 4000
    assert "Soak of 0.13" in results["soak"]["words"]
