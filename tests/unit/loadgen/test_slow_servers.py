"""What is said of a level does not depend on how long a request takes beside the window.

Every level runs against a scripted server, all at the same time; the rows are those the workers recorded.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pytest

from loadgen import Level, hold
from loadgen.scripted.script import Script
from loadgen.scripted.server import running
from loadgen.workers.runner import run_here

WINDOW_S = 1.0
CLIENTS = 4
TIMES = [0.0001, 0.001, 0.01, 0.1, 0.45, 0.9, 1.5, 3.0]  # of one request, in windows
ONE_BY_ONE = {"service_s": 0.25}  # with 8 clients each waits two windows: the queue of a large model on one core


def body(folder):
    (folder / "00000.body").write_text(json.dumps({"instances": [[0.0]]}))
    return folder / "00000.body"


def one(script, folder, **load):
    """Hold one level; its summary and all its rows."""
    kept = []

    def runner(level, on_progress=None):
        kept.extend(run_here(level, on_progress))
        return kept[0], kept[1]

    with running("rest", script) as server:
        level = Level(server.url, bodies=body(folder), duration_s=WINDOW_S, ramp_up_s=0.5, **load)
        metrics = level.with_(metrics_url=server.metrics_url)
        return hold(metrics, folder, runner=runner, p99_limit_ms=50.0), kept[0], folder


@pytest.fixture(scope="module")
def levels(tmp_path_factory):
    """Closed and open loops at every service time, by name."""
    cases = {("closed", t): (Script(delay_s=t), {"concurrency": CLIENTS}) for t in TIMES}
    cases |= {("open", t): (Script(delay_s=t), {"arrival": "poisson", "rate_rps": 40.0}) for t in TIMES}
    cases["one by one"] = (Script(**ONE_BY_ONE), {"concurrency": 8})
    folders = [tmp_path_factory.mktemp("level") for _ in cases]
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(one, script, f, **load) for (script, load), f in zip(cases.values(), folders, strict=True)]
        held = dict(zip(cases, [job.result() for job in jobs], strict=True))
    for name, (script, load) in cases.items():
        for _ in range(3):  # beside many others the generator may stand still: then the level is held again, alone
            if not _stood_still(name, held[name][0]):
                break
            held[name] = one(script, tmp_path_factory.mktemp("again"), **load)
    return held


def _stood_still(name, summary):
    """Whether the generator did not send or see what was due, or a window began with requests due before it."""
    kept_from_it = {"offered_rate", "little_law"} & {*summary["failed_checks"]}
    return bool(kept_from_it) or (name == "one by one" and summary["requests"] > 0)


NAMES = [*((loop, t) for loop in ("closed", "open") for t in TIMES), "one by one"]


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_throughput_counts_every_answer_that_came_inside_the_window(name, levels):
    summary, rows, _ = levels[name]
    start_ns, end_ns = summary["start_ns"], summary["start_ns"] + int(WINDOW_S * 1e9)
    came = (rows.kind == 0) & (rows.done_ns >= start_ns) & (rows.done_ns < end_ns)
    assert summary["throughput_rps"] == np.count_nonzero(came) / WINDOW_S
    due = (rows.scheduled_ns >= start_ns) & (rows.scheduled_ns < end_ns)
    assert summary["requests"] == np.count_nonzero(due)
    assert summary["errors"] == 0


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_the_file_of_rows_and_the_summary_add_up(name, levels):
    summary, _, folder = levels[name]
    end_ns = summary["start_ns"] + int(WINDOW_S * 1e9)
    counts = f"SELECT count(*), count(*) FILTER (done_ns < {end_ns}) FROM '{folder}/requests.parquet'"
    with duckdb.connect() as db:
        count, inside = db.execute(counts).fetchone()
    assert count == summary["requests"]
    assert inside + summary["answered_inside_due_before"] == summary["answered_inside"]
    assert summary["answered_inside"] == summary["throughput_rps"] * WINDOW_S


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_no_service_time_makes_a_level_of_a_sound_server_broken(name, levels):
    summary, _, _ = levels[name]
    ours = {"client_late", "client_cpu"}  # this machine may be busy with other things,
    if name in (("closed", 0.0001), ("closed", 0.001)):
        ours.add("not_steady")  # which a server as fast as the machine shows
    assert set(summary["failed_checks"]) <= ours, summary["warnings"]
    assert summary["balance"]["balanced"]
    law = summary["little"]
    assert law["rate_times_latency"] == pytest.approx(law["mean_in_flight"], rel=0.02, abs=0.05)


@pytest.mark.parametrize("seconds", [t for t in TIMES if t >= 0.01])
def test_a_closed_loop_of_slow_requests_keeps_all_its_clients_waiting_for_the_server(seconds, levels):
    summary, _, _ = levels["closed", seconds]
    assert summary["mean_in_flight"] == pytest.approx(CLIENTS, rel=0.1)


def test_a_queue_of_one_server_is_told_at_the_servers_own_rate(levels):
    """Each of 8 clients waits 2 s in a window of 1 s: four answers, and none of them to a request due inside."""
    summary, _, _ = levels["one by one"]
    assert summary["answered_inside"] in (3, 4, 5)
    assert summary["need_s"] == pytest.approx(1050 / 4, rel=0.35)


def test_where_nothing_was_due_inside_it_says_so_and_how_long_to_hold(levels):
    summary, _, _ = levels["closed", 3.0]
    assert (summary["requests"], summary["answered_inside"], summary["success_rate"]) == (0, 0, None)
    assert not summary["enough"]
    assert summary["need_s"] == pytest.approx(1050 / (CLIENTS / 3.0), rel=0.1)
    assert "no request was due inside the window of 1 s; hold it" in summary["warnings"][-1]
    assert not summary["claim"]["proven"] | summary["claim"]["refuted"]


def test_a_few_slow_answers_are_a_proof_that_the_limit_is_missed(levels):
    claim = levels["closed", 0.1][0]["claim"]
    assert claim["refuted"]
    assert "not met" in claim["text"]


def test_a_server_that_never_answers_in_time_is_not_taken_for_a_slow_one(tmp_path):
    summary, _, _ = one(Script(delay_s=5.0), tmp_path, concurrency=2, timeout_s=1.6)
    assert (summary["requests"], summary["throughput_rps"]) == (0, 0.0)
    assert summary["failed_checks"] == ["too_many_errors"]
    assert "2 timeout" in summary["warnings"][0]
