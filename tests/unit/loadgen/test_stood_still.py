"""A server that stands still while requests are out is told from a slow one, and a level against a hung one ends.

The servers are real processes: SIGSTOP stops one as a debugger, a full swap or a paused container would.
"""

from __future__ import annotations

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import harness
import numpy as np
import psutil
import published_run
import pytest

from loadgen import Level, ServerUnreachable, hold
from loadgen.rows import RESET, TIMEOUT, Recorder, RequestRows, pack
from loadgen.scripted.script import Script
from loadgen.scripted.server import running
from loadgen.silence import Silence
from loadgen.verdict.stood_still import silences
from loadgen.workers.runner import run_here
from playbook.tfserving.mix import Mix
from playbook.tfserving.requests import write_mix

S = 10**9
ZERO = 1000 * S  # when the window of made rows begins


def body(folder):
    folder.mkdir(exist_ok=True)
    (folder / "00000.body").write_text(json.dumps({"instances": [1.0]}))
    return folder / "00000.body"


class Stopper:
    """Stops a process once the level has answers, and lets it go on after `for_s` seconds (None: never)."""

    def __init__(self, process, for_s=None):
        self.process, self.for_s = process, for_s
        self.stopped_s = None

    def __call__(self, progress):
        if self.stopped_s is None and progress["requests"] > 20 and progress["elapsed_s"] > 0.3:
            self.process.send_signal(signal.SIGSTOP)
            self.stopped_s = time.monotonic()
            if self.for_s:
                pool = ThreadPoolExecutor(1)
                pool.submit(self._go_on)
                pool.shutdown(wait=False)

    def _go_on(self):
        time.sleep(self.for_s)
        self.process.send_signal(signal.SIGCONT)


def stopped(protocol, folder, for_s=None, is_alive=None, **changes):
    """Hold a level whose server is stopped in mid-window; its summary, and seconds from the stop to its end."""
    with running(protocol, Script(delay_s=0.005)) as server:
        stop = Stopper(server.process, for_s)
        load = {"concurrency": 4, "duration_s": 30.0, "ramp_up_s": 0.2, "metrics_url": server.metrics_url, **changes}
        level = Level(server.url, protocol, body(folder), **load)
        try:
            summary = hold(level, folder, stop, is_alive=is_alive)
        finally:
            server.process.send_signal(signal.SIGCONT)
        return summary, time.monotonic() - stop.stopped_s


OPEN = {"arrival": "poisson", "rate_rps": 100.0, "concurrency": None}
CASES = {
    "rest": ("rest", {}),
    "grpc": ("grpc", {}),
    "open": ("rest", OPEN),
    "two workers": ("rest", {"processes": 2}),
    "short time-out": ("rest", {"timeout_s": 1.0}),
    "asked": ("rest", {"is_alive": lambda: False}),
    "asked in vain": ("rest", {"is_alive": lambda: time.sleep(60)}),
    "asked and refused": ("grpc", {"is_alive": lambda: 1 / 0, "processes": 2}),
    "goes on": ("rest", {"for_s": 3.3, "duration_s": 5.5}),
    "goes on, asked": ("grpc", {"for_s": 3.3, "duration_s": 5.5, "is_alive": lambda: True}),
    "alive all the same": ("rest", {"for_s": 6.0, "duration_s": 8.0, "is_alive": lambda: True}),
}
GOES_ON = {"goes on": 3.3, "goes on, asked": 3.3, "alive all the same": 6.0}


@pytest.fixture(scope="module")
def levels(tmp_path_factory):
    """Every case, all at the same time: summary and seconds from the stop to the end."""
    with ThreadPoolExecutor(len(CASES)) as pool:
        jobs = {
            name: pool.submit(stopped, protocol, tmp_path_factory.mktemp("level"), **changes)
            for name, (protocol, changes) in CASES.items()
        }
        return {name: job.result() for name, job in jobs.items()}


@pytest.mark.parametrize("name", [name for name in CASES if name not in GOES_ON])
def test_a_server_that_hangs_ends_the_level_within_five_seconds(name, levels):
    summary, took_s = levels[name]
    assert summary["hung"]
    (span,) = summary["stood_still"]
    assert 2.9 <= span["to_s"] - span["from_s"] <= 5.0
    assert took_s < 7.0, "the level stayed on, or something waited for the hung server"
    assert "stood_still" in summary["failed_checks"]
    said = f"stood still from {span['from_s']:.1f} to {span['to_s']:.1f} s, where the level was ended"
    assert said in " ".join(summary["warnings"])
    assert summary["duration_s"] < 12
    assert summary["answered_inside"] > 0


@pytest.mark.parametrize("name", GOES_ON)
def test_a_server_that_goes_on_leaves_an_invalid_level_that_says_when_it_stood_still(name, levels):
    summary, _ = levels[name]
    assert not summary["hung"]
    assert summary["duration_s"] == CASES[name][1]["duration_s"]
    (span,) = summary["stood_still"]
    assert span["to_s"] - span["from_s"] == pytest.approx(GOES_ON[name], abs=0.5)
    assert not summary["valid"]
    assert f"stood still from {span['from_s']:.1f} to {span['to_s']:.1f} s: no answer" in " ".join(summary["warnings"])


def test_a_load_generator_that_stood_still_does_not_accuse_the_server(tmp_path):
    """A paused virtual machine, a debugger, Ctrl-Z: neither side ran, and only one of them can say so."""
    paused = []

    def pause(progress):
        if not paused and progress["requests"] > 20 and progress["elapsed_s"] > 0.2:
            workers = [one for one in psutil.Process().children() if "loadgen.workers.worker" in one.cmdline()]
            paused.extend([*workers, *(child for one in workers for child in one.children())])
            for signum, then_s in ((signal.SIGSTOP, 3.4), (signal.SIGCONT, 0.0)):
                for one in paused:
                    one.send_signal(signum)
                time.sleep(then_s)

    with running("rest", Script(delay_s=0.005)) as server:
        level = Level(server.url, bodies=body(tmp_path), concurrency=4, duration_s=4.5, ramp_up_s=0.1)
        summary = hold(level, tmp_path, pause)
    span = max(summary["client_stood_still"], key=lambda one: one["to_s"] - one["from_s"])
    assert span["to_s"] - span["from_s"] >= 3.3
    assert summary["stood_still"] == []
    assert not summary["hung"]
    assert summary["failed_checks"][0] == "client_stood_still"
    assert "the load generator itself stood still from" in summary["warnings"][0]


def test_a_server_hung_before_the_first_request_is_found_where_somebody_can_ask(tmp_path):
    with running("rest") as server:
        server.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        level = Level(server.url, bodies=body(tmp_path), concurrency=2, duration_s=20.0, ramp_up_s=0.1)
        summary = hold(level, tmp_path, is_alive=lambda: False)
    assert time.monotonic() - began < 9
    assert summary["hung"]
    assert summary["stood_still"][0]["to_s"] >= 2.9
    assert summary["failed_checks"][:2] == ["stood_still", "too_many_errors"]


def test_a_server_that_hangs_between_two_levels_is_found_by_its_page(tmp_path):
    with running("rest") as server:
        level = Level(server.url, bodies=body(tmp_path), concurrency=2, duration_s=0.3, ramp_up_s=0.1)
        level = level.with_(metrics_url=server.metrics_url)

        def then_stopped(asked, tell):
            held = run_here(asked, tell)
            server.process.send_signal(signal.SIGSTOP)
            return held

        ended = hold(level, tmp_path, is_alive=lambda: False, runner=then_stopped)
        assert ended["hung"]
        assert ended["errors"] == 0
        with pytest.raises(ServerUnreachable, match="answered nothing before the level, its status neither"):
            hold(level, tmp_path, is_alive=lambda: False)
        server.process.send_signal(signal.SIGCONT)


def test_a_scripted_freeze_is_told_from_when_to_when(tmp_path):
    script = Script(freeze_s=3.2, period_s=6.2)
    with running("rest", script) as server:
        time.sleep(max(0.0, server.epoch_ns / S + 3.25 - time.monotonic()))
        level = Level(server.url, bodies=body(tmp_path), concurrency=2, duration_s=3.5, ramp_up_s=0.1)
        summary = hold(level, tmp_path)
    (span,) = summary["stood_still"]
    freezes_s = (server.epoch_ns + 6.2 * S - summary["start_ns"]) / S
    assert span["from_s"] == pytest.approx(freezes_s, abs=0.3)
    assert span["to_s"] == pytest.approx(freezes_s + 3.2, abs=0.3)


def test_the_embedded_server_stopped_for_three_seconds_makes_the_level_invalid(tmp_path):
    base_path = published_run.published(tmp_path / "run")
    (tmp_path / "bodies").mkdir()
    bodies = write_mix(tmp_path / "bodies", tmp_path / "run", Mix(), "rest", "digits")
    with harness.Server(tmp_path, "--model_name=digits", f"--model_base_path={base_path}") as server:
        url = f"{server.url}/v1/models/digits:predict"
        level = Level(url, bodies=bodies, concurrency=4, duration_s=5.0, ramp_up_s=0.2)
        summary = hold(level, tmp_path, Stopper(server.process, 3.2))
    (span,) = summary["stood_still"]
    assert span["to_s"] - span["from_s"] == pytest.approx(3.2, abs=0.5)
    assert "stood_still" in summary["failed_checks"]
    assert summary["answers"]["wrong"] == 0
    assert not summary["hung"]


def made(*requests):
    """Rows of requests given as (sent s, done s) or (sent s, done s, kind)."""
    codes = [pack(*kind) if kind else pack(0, 200) for _, _, *kind in requests]
    words = [
        [*(ZERO + int(at * S) for at in (s, s, d)), code] for (s, d, *_), code in zip(requests, codes, strict=True)
    ]
    return RequestRows(np.array(words, dtype="<i8"), np.zeros(len(words), np.int16))


QUICK = [(t / 10, t / 10 + 0.05) for t in range(20)]


def test_time_without_a_request_out_is_no_silence():
    assert silences(made(*QUICK, (7.0, 7.05)), ZERO) == []
    assert silences(made(*QUICK, (7.0, 10.05)), ZERO) == [{"from_s": 7.0, "to_s": 10.05}]


def test_how_long_a_silence_may_be_depends_on_the_slowest_answer_before_it():
    slow = [*QUICK, (2.0, 3.0)]  # one answer took 1 s: 5 s may pass
    assert silences(made(*slow, (3.0, 7.9)), ZERO) == []
    assert silences(made(*slow, (3.0, 8.1)), ZERO) == [{"from_s": 3.0, "to_s": 8.1}]


def test_a_cold_first_answer_does_not_stretch_the_silence_that_a_warm_server_may_keep():
    cold = [(0.0, 1.9), (0.5, 1.9)]  # sent before anything was answered
    warm = [(1.9 + t, 2.0 + t) for t in (0.0, 0.1)]
    assert silences(made(*cold, (2.1, 6.0)), ZERO) == [], "only cold answers are known: 9.5 s may pass"
    assert silences(made(*cold, *warm, (2.1, 6.0)), ZERO) == [{"from_s": 2.1, "to_s": 6.0}]
    recorder = Recorder()
    silence, now_ns = Silence(recorder), time.monotonic_ns()
    for sent_s, done_s in (*cold, *warm):
        recorder.start(now_ns, now_ns)
        recorder.finish(now_ns, now_ns + int(sent_s * S), now_ns + int(done_s * S), pack(0, 200))
    silence.look(now_ns + 3 * S)
    assert silence.limit_s == 3.0


def test_before_the_first_answer_nothing_is_a_silence_unless_the_server_was_found_hung():
    late = made((0.0, 4.0), (0.0, 8.0))
    assert silences(late, ZERO) == []
    none = made((0.0, 4.0, TIMEOUT), (0.5, 4.5, TIMEOUT))
    assert silences(none, ZERO) == []
    assert silences(none, ZERO, hung=True) == [{"from_s": 0.0, "to_s": 4.5}]


def test_requests_given_up_are_no_sign_of_life_and_dropped_connections_are():
    given_up = [(2.0 + t, 3.0 + t, TIMEOUT) for t in range(5)]
    assert silences(made(*QUICK, *given_up), ZERO) == [{"from_s": 2.0, "to_s": 7.0}]
    assert silences(made(*QUICK, *given_up, (2.0, 4.0, RESET)), ZERO) == [{"from_s": 4.0, "to_s": 7.0}]


def test_a_silence_over_before_the_window_is_not_of_this_level():
    assert silences(made(*QUICK, (2.0, 6.0), (6.0, 6.1)), ZERO + 7 * S) == []
    assert silences(made(*QUICK, (2.0, 6.0), (6.0, 6.1)), ZERO + 5 * S) == [{"from_s": -3.0, "to_s": 1.0}]


def test_a_pause_that_later_answers_show_to_be_usual_is_none():
    """A batch of one row, then batches of 32: each takes as long as the first pause."""
    batches = [(0.15 + 4.8 * n, 0.15 + 4.8 * (n + 1)) for n in range(3) for _ in range(32)]
    assert silences(made((0.0, 0.15), *batches), ZERO) == []
    assert silences(made((0.0, 0.15), *batches[:32], (4.95, 5.1), (5.1, 5.25)), ZERO) != []
