"""A server that dies or hangs under the moving load is an error of the stage, and no finding about adapting."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import duckdb
import pytest
from published_run import published

from playbook.adapt import demonstration, earlier
from playbook.adapt.controller import Pace, Target, adapt
from playbook.adapt.demonstration import Choice, Demonstration
from playbook.adapt.governor import Governor, Rules
from playbook.adapt.policies import Wish
from playbook.errors import ServerDied, ServerHung
from playbook.promise import Promise
from playbook.records import attempts, journal, record
from playbook.serve.cores import split_cpus
from playbook.serve.spec import ServerSpec
from playbook.stress.load import Load
from playbook.tfserving.config import Config
from playbook.tune.workbench import Workbench

BASE = Config(enable_batching=True, max_batch_size=16, num_batch_threads=1, rest_api_num_threads=33)
WIDE = Config(enable_batching=True, max_batch_size=64, num_batch_threads=1, rest_api_num_threads=33)
PROMISE = Promise(500.0)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with the default model published in it."""
    run = tmp_path_factory.mktemp("run")
    published(run)
    return run


def prepared(run_dir: Path, *choices: Choice, moving_s: float = 4.0, timeout_s: float = 10.0) -> Demonstration:
    server, client = split_cpus()
    spec = ServerSpec("digits", (run_dir / "models" / "digits").resolve(), cpus=server)
    load = Load(client_cpus=client, timeout_s=timeout_s)
    return Demonstration(run_dir, spec, load, PROMISE, Pace(every_s=0.3, for_s=moving_s), choices, 100.0)


def signal_soon(monkeypatch: pytest.MonkeyPatch, number: int, name: str, after_s: float = 1.5) -> list[int]:
    """Send a signal to the server of one choice, some time after its load began; returns the pids it went to."""
    held, sent = demonstration._held, []

    def hold(server, choice, *rest):
        if choice.name == name:
            sent.append(server.handle.pid)
            threading.Timer(after_s, os.kill, (server.handle.pid, number)).start()
        return held(server, choice, *rest)

    monkeypatch.setattr(demonstration, "_held", hold)
    return sent


def test_a_server_that_dies_fails_the_stage_and_what_was_held_before_stays(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal_soon(monkeypatch, signal.SIGKILL, "second")
    with pytest.raises(ServerDied, match="has ended while it was needed"):
        demonstration.play(prepared(run_dir, Choice("first", BASE), Choice("second", WIDE)))
    kept = duckdb.read_parquet(str(record.data_dir(run_dir) / "adapt_seconds.parquet")).df()
    assert set(kept["contender"]) == {"first"}
    assert kept["offered"].sum() > 100
    assert (record.data_dir(run_dir) / "requests" / "adapt_second" / "requests.parquet").exists()


def test_a_server_that_dies_while_a_policy_changes_it_fails_the_stage(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal_soon(monkeypatch, signal.SIGKILL, "policy", 1.0)
    sizes = iter(range(24, 100_000, 8))
    grow = lambda seen, now: Wish(Config(**{**vars(BASE), "max_batch_size": next(sizes)}), "grow")  # noqa: E731
    governor = lambda: Governor(grow, PROMISE, Rules(confirm=1, cool_down_s=0.0))  # noqa: E731
    began = time.monotonic()
    with pytest.raises(ServerDied):
        demonstration.play(prepared(run_dir, Choice("policy", BASE, governor)))
    assert time.monotonic() - began < 40  # and not the 60 s that a version may take


def test_a_server_that_hangs_fails_the_stage_in_words(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = signal_soon(monkeypatch, signal.SIGSTOP, "stopped")
    try:
        with pytest.raises(ServerHung, match=r"hangs: it answered nothing from second .* its status neither"):
            demonstration.play(prepared(run_dir, Choice("stopped", BASE), moving_s=8.0, timeout_s=2.0))
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def test_a_change_is_given_up_at_once_when_the_server_has_ended(run_dir: Path, tmp_path: Path) -> None:
    server, client = split_cpus()
    spec = ServerSpec("digits", (run_dir / "models" / "digits").resolve(), cpus=server)
    with Workbench(spec, run_dir, Load(client_cpus=client)) as bench:
        running = bench.start("gone", BASE, live=True)
        governor = Governor(lambda seen, now: Wish(WIDE, "because"), PROMISE, Rules(confirm=1, cool_down_s=0.0))
        decide = governor.decide

        def kill_then_decide(*seen):
            os.kill(running.handle.pid, signal.SIGKILL)
            running.handle.process().wait(5) if running.handle.process() else None
            return decide(*seen)

        governor.decide = kill_then_decide
        began = time.monotonic()
        adapted = adapt(Target(running.handle, running.base_path), governor, BASE, Pace(every_s=0.3), tmp_path)
        took_s = time.monotonic() - began
    assert adapted.ended.startswith("the server has ended")
    assert took_s < 20


def test_a_demonstration_that_was_ended_goes_on_behind_the_choices_it_has_played(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = prepared(run_dir, Choice("narrow", BASE), Choice("wide", WIDE), moving_s=3.0)
    with monkeypatch.context() as patched:
        signal_soon(patched, signal.SIGKILL, "wide", 1.0)
        with pytest.raises(ServerDied):
            demonstration.play(given)
    journal.note(run_dir, "adapt", "x", None, 1, "of the choice that was cut short")
    attempts.begin(run_dir, "adapt")
    assert [row for row in journal.read(run_dir) if row["why"].startswith("of the choice")] == []
    held, names = demonstration._held, []
    monkeypatch.setattr(demonstration, "_held", lambda server, choice, *rest: (
        names.append(choice.name), held(server, choice, *rest))[1])  # fmt: skip
    narrow, wide = demonstration.play(given)
    assert names == ["wide"]
    assert narrow.summary["warnings"][-1] == earlier.WORDS
    assert earlier.WORDS not in (wide.summary.get("warnings") or [])
    assert int(narrow.seconds["offered"].sum()) == narrow.summary["requests"] > 0
    other = prepared(run_dir, Choice("narrow", WIDE), moving_s=3.0)
    assert earlier.read(run_dir, earlier.key_of(other)).played == {}, "it is another choice of the same name"
