"""The ledger adds up to the nanosecond and finds the known delay of every stage of a scripted server."""

import contextlib
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import loadgen
from playbook.analyze import ledger
from playbook.monitor import monitor, series
from playbook.monitor.series import Delta, Window
from playbook.promise import Promise
from playbook.records import run_folder, store
from playbook.records.run_folder import Rows

SERVER = Path(__file__).parents[2] / "helpers" / "staged_server.py"
DELAYS_US = {"http": 400.0, "shell": 500.0, "queue": 800.0, "run": 1200.0}


@contextlib.contextmanager
def staged(*delays_us):
    command = [sys.executable, str(SERVER), *map(str, delays_us)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port, metrics_port = process.stdout.readline().split()
        yield f"http://127.0.0.1:{port}/v1/models/digits:predict", f"http://127.0.0.1:{metrics_port}/metrics"
    finally:
        process.stdin.close()
        process.wait(timeout=10)


def measured(folder, delays_us, seconds):
    """Rows of one client in a closed loop, the server's window over it, and the true stages in us over that window."""
    bodies = folder / "bodies"
    bodies.mkdir(parents=True)
    (bodies / "00000.body").write_bytes(b'{"instances": [[0.0]]}')
    with staged(*delays_us) as (url, metrics_url):
        handle = SimpleNamespace(metrics_url=metrics_url, pid=None, container_id=None)
        level = loadgen.Level(url, "rest", bodies, concurrency=1, duration_s=seconds, ramp_up_s=0.2, check_share=0.0)
        with monitor.watching(handle, folder, every_s=0.2, pids={}):
            loadgen.hold(level, folder / "data" / "requests" / "stress_000")
    columns = store.request_columns(folder, 0)
    rows = Rows(*(columns[name] for name in ("scheduled_ns", "sent_ns", "done_ns", "ok")))
    names = [*series.NAMES, ":scripted:stage_usecs"]
    window = series.read(folder, names).window(int(rows.scheduled_ns.min()), int(rows.done_ns.max()))
    count = window.get(series.REQUESTS).value
    return rows, window, {n: window.get(":scripted:stage_usecs", stage=n).value / count for n in (*DELAYS_US, "turn")}


def think_us(rows, window):
    """The client's own time between an answer and its next request."""
    inside = rows.between(window.start_ns, window.end_ns)
    return float((inside.sent_ns[1:] - inside.done_ns[:-1]).mean()) / 1e3


def compared(floor_us, rows, window, true_us):
    """The ledger, and each component in us: (seen, known)."""
    found = ledger.build(rows, window, "digits", floor_us)
    # The way back and forth as the server's clock saw it, less the client's own time and floor: on a quiet machine
    # about nothing, on a busy one the time neither was let run.
    way_us = true_us["turn"] - think_us(rows, window) - floor_us
    wanted = {
        "network_http": true_us["http"] + way_us,
        "server_shell": true_us["shell"],
        "batch_queue": true_us["queue"],
        "graph_run": true_us["run"] * 0.75,
        "padding": true_us["run"] * 0.25,
        "unexplained": 0.0,
    }
    return found, {stage: (found.mean_ns[stage] / 1e3, us) for stage, us in wanted.items()}


def within(pairs):
    return all(abs(seen - us) <= max(50.0, 0.05 * us) for seen, us in pairs.values())


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Measured once, again (twice at most) only where a busy machine came between."""
    folder = tmp_path_factory.mktemp("ledger")
    floor_rows, _, _ = measured(folder / "floor", (0, 0, 0, 0), 1.0)
    floor_us = float(np.median(floor_rows.latency_ms)) * 1e3
    for attempt in range(3):
        found = floor_us, *measured(folder / f"known{attempt}", DELAYS_US.values(), 2.0)
        if within(compared(*found)[1]):
            break
    return found


def test_every_component_is_within_5_percent_or_50_us_of_the_known_delay(known):
    found, pairs = compared(*known)
    assert within(pairs), pairs
    assert found.requests > 100
    assert found.batch_rows == 8
    assert found.padding_share == 0.25


def test_the_parts_add_up_to_the_mean_to_the_nanosecond(known):
    floor_us, rows, window, _ = known
    for floor in (None, floor_us, 1e9):
        for server in (window, None):
            found = ledger.build(rows, server, "digits", floor)
            assert sum(found.mean_ns.values()) == found.total_ns
    inside = rows.between(window.start_ns, window.end_ns)
    found = ledger.build(rows, window, "digits", floor_us)
    assert found.total_ns == round(float(inside.latency_ms.mean()) * 1e6)


def test_bucketed_percentiles_hold_the_known_delay(known):
    _, rows, window, true_us = known
    told = ledger.build(rows, window, "digits").bucketed_us
    for stage, true in (
        ("server", sum(true_us[name] for name in ("shell", "queue", "run"))),
        ("batch_queue", true_us["queue"]),
    ):
        low, high = told[stage]["p50"]
        assert low < true < high * 1.05, stage


def arrays(latency_ms, ok=None):
    due = np.arange(len(latency_ms), dtype=np.int64) * 1_000_000
    done = due + (np.asarray(latency_ms) * 1e6).astype(np.int64)
    return Rows(due, due + 1000, done, np.ones(len(due), bool) if ok is None else np.asarray(ok))


def window_of(**deltas):
    names = {"request": series.REQUEST, "runtime": series.RUNTIME, "queue": series.QUEUE}
    labels = '{"API": "predict", "model_name": "digits"}'
    return Window(0, 10**12, 5, 0, {(names[name], labels): delta for name, delta in deltas.items()}, True)


def test_failed_requests_do_not_enter_and_none_at_all_is_no_ledger():
    found = ledger.build(arrays([2.0, 900.0, 2.0], [True, False, True]), None)
    assert (found.requests, found.total_ns) == (2, 2_000_000)
    assert ledger.build(arrays([1.0], [False]), None) is None


def test_without_metrics_the_servers_side_stays_one_part():
    found = ledger.build(arrays([2.0] * 10), None, floor_us=100.0)
    assert found.mean_ns == {"send_lag": 1000, "client": 100_000, "network_http": 1_899_000, "unexplained": 0}
    assert "no server metrics" in found.notes[0]


def test_a_server_without_runtime_or_graph_times_is_split_as_far_as_it_goes():
    request = Delta(sum=15_000.0, count=10.0)
    shell = ledger.build(arrays([2.0] * 10), window_of(request=request), "digits")
    assert shell.mean_ns["server_shell"] == 1_500_000
    assert "holds the model's run too" in shell.notes[0]
    run = ledger.build(arrays([2.0] * 10), window_of(request=request, runtime=Delta(sum=9_000.0, count=10.0)), "digits")
    assert run.mean_ns["graph_run"] == 900_000
    assert sum(run.mean_ns.values()) == run.total_ns


def test_a_server_that_claims_more_than_passed_is_shown_as_unexplained():
    found = ledger.build(arrays([2.0] * 10), window_of(request=Delta(sum=30_000.0, count=10.0)), "digits")
    assert found.mean_ns["network_http"] == 0
    assert found.mean_ns["unexplained"] < 0
    assert sum(found.mean_ns.values()) == found.total_ns


def test_sums_of_six_digits_are_remarked_on_when_they_are_coarse():
    coarse = Delta(sum=15_000.0, count=10.0, sum_step=1e6)
    assert "in steps of 1e+06 us" in ledger.build(arrays([2.0] * 10), window_of(request=coarse), "digits").notes[0]


def test_a_counter_reset_inside_the_window_is_bridged():
    points = [series.Point(n, value=v) for n, v in ((0, 90.0), (1, 100.0), (2, 5.0), (3, 20.0))]
    delta, resets = series.difference(points)
    assert (delta.value, resets) == (10 + 5 + 15, 1)


def test_a_quantile_lies_in_its_bucket():
    delta = Delta(count=100.0, le=(10.0, 20.0, math.inf), buckets=[50.0, 99.0, 100.0])
    assert delta.quantile(0.5) == (0.0, 10.0)
    assert delta.quantile(0.9) == (10.0, 20.0)
    assert delta.quantile(0.999) == (20.0, math.inf)
    assert Delta().quantile(0.5) is None


def test_a_run_folder_gives_a_ledger_for_each_level(tmp_path):
    import fake_run

    from playbook.analyze import analysis

    run = run_folder.read(fake_run.make(tmp_path / "run"))
    found = analysis.results(run, Promise(3.0))["ledger"]
    assert [entry["level"] for entry in found] == [0, 1, 2, 3]
    for entry in found:
        assert sum(entry["mean_ns"].values()) == entry["total_ns"]
        assert entry["mean_ns"]["server_shell"] == pytest.approx(fake_run.SHELL_US * 1e3, rel=0.01)
        assert entry["mean_ns"]["network_http"] == pytest.approx(fake_run.NET_US * 1e3, rel=0.05)
