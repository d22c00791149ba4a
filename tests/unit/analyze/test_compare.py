"""Two runs are compared with confidence: no alarm when nothing changed, 5 % found, other inputs refused."""

import json
import re
import shutil
import sys

import fake_run
import numpy as np
import pandas as pd
import pytest

from playbook.analyze import bootstrap, compare, turns, verdicts
from playbook.cli import entry
from playbook.errors import RecordMismatch
from playbook.records import record, run_folder
from playbook.records.run_folder import Rows

SECONDS = 3.0


def rows_of(due_s, done_s):
    due, done = (np.asarray(some * 1e9).astype(np.int64) for some in (due_s, done_s))
    return Rows(due, due, done, np.ones(len(due), bool))


def open_loop(rng, rate, slow):
    """Poisson arrivals at a server that takes 0.4 ms (times `slow`) for each, one at a time."""
    due = np.sort(rng.random(rng.poisson(rate * SECONDS)) * SECONDS)
    service = rng.gamma(9, 0.4e-3 * slow / 9, len(due))
    free = np.concatenate([[0], np.cumsum(service[:-1] - np.diff(due))])
    return rows_of(due, due + free - np.minimum.accumulate(free) + service + 1e-4)


def closed_loop(rng, clients, slow):
    ends = np.cumsum(rng.gamma(9, 0.4e-3 * slow / 9, int(SECONDS / 0.4e-3 / slow * 1.2)))
    begins = np.concatenate([np.zeros(clients), ends[:-clients]])
    return rows_of(begins[ends < SECONDS], ends[ends < SECONDS])


def side(rng, slow):
    closed = {f"{n} clients": ({"arrival": "closed"}, closed_loop(rng, n, slow)) for n in (1, 4)}
    return closed | {f"{rate}/s": ({"arrival": "poisson"}, open_loop(rng, rate, slow)) for rate in (1250, 2000)}


def judged(rng, slow, seed):
    base, candidate = side(rng, 1.0), side(rng, slow)
    pairs = {name: (base[name][0], [base[name][1]], [candidate[name][1]]) for name in base}
    return verdicts.judge(pairs, 3.0, seed)


def significant(rows):
    return [row["name"] for row in rows if not row["low"] <= 1 <= row["high"]]


def test_false_alarms_are_at_most_5_percent_when_nothing_changed():
    """`make bench ARGS=records` does the same with 300 pairs, and with real runs of the embedded server."""
    rng = np.random.default_rng(21)
    alarms = [significant(judged(rng, 1.0, seed)) for seed in range(40)]
    assert sum(map(bool, alarms)) <= 0.05 * 40, [names for names in alarms if names]


def test_a_5_percent_slow_down_is_found_nine_times_in_ten():
    rng = np.random.default_rng(22)
    found = 0
    for seed in range(10):
        rows = judged(rng, 1.05, seed)
        found += any(verdicts.worse_by(row, 5.0) for row in rows)
        assert not any(row["low"] > 1 for row in rows)
    assert found >= 9


def turn_about(rng, slow, turns=80, drift=0.15):
    """Windows of two servers in turns on a machine whose speed wanders; what each window meets differs by 5 %."""
    speed, sides = np.exp(np.cumsum(rng.normal(0, drift, turns))), ([], [])
    for pace in speed:
        for side, factor in zip(sides, (1.0, slow), strict=True):
            ends = np.cumsum(rng.gamma(9, 0.4e-3 * pace * factor * np.exp(rng.normal(0, 0.05)) / 9, 400))
            side.append(rows_of(np.concatenate([np.zeros(4), ends[:-4]]), ends))
    return {"4 clients": ({"arrival": "closed"}, *sides)}


def test_in_turns_a_machine_that_wanders_hides_no_slow_down_and_makes_no_alarm():
    rng = np.random.default_rng(23)
    alarms = [significant(verdicts.judge(turn_about(rng, 1.0))) for _ in range(60)]
    slow = [verdicts.judge(turn_about(rng, 1.05)) for _ in range(20)]
    assert sum(map(bool, alarms)) <= 0.05 * 60, [names for names in alarms if names]
    assert sum(any(verdicts.worse_by(row, 5.0) for row in rows) for rows in slow) >= 18


def test_two_servers_that_differ_by_where_their_memory_lies_make_no_alarm_however_many_turns():
    rng = np.random.default_rng(24)
    pairs = [turn_about(rng, float(np.exp(rng.normal(0, 2**0.5 * turns.SERVER_TO_SERVER))), 160) for _ in range(40)]
    assert sum(bool(significant(verdicts.judge(pair))) for pair in pairs) <= 0.05 * 40


def test_the_interval_holds_the_true_ratio_and_says_it_in_english():
    rows = {row["name"]: row for row in judged(np.random.default_rng(4), 1.25, 4)}
    throughput = rows["throughput"]
    assert throughput["low"] < 1 / 1.25 < throughput["high"]
    text = verdicts.words(throughput)
    assert text.startswith("throughput 1.25 × lower (95 %: 1.2")
    same = verdicts.words({**throughput, "low": 0.97, "high": 1.04, "seen": 0.06})
    assert same == "throughput: no significant difference (would have seen 6%)"
    better = {"name": "p99", "ratio": 1.32, "low": 1.2, "high": 1.4, "seen": 0.1}
    assert verdicts.words(better) == "p99 1.32 × lower (95 %: 1.2 to 1.4)"


def test_repeats_that_differ_widen_the_interval():
    rng = np.random.default_rng(8)
    drifting = [1.0, 1.12, 0.9]
    calm = {"a": ({"arrival": "closed"}, *([closed_loop(rng, 4, 1.0) for _ in range(3)] for _ in range(2)))}
    wild = {"a": ({"arrival": "closed"}, *([closed_loop(rng, 4, slow) for slow in drifting] for _ in range(2)))}
    reach = [verdicts.judge(pairs)[2]["seen"] for pairs in (calm, wild)]
    assert reach[1] > 5 * reach[0]
    assert significant(verdicts.judge(wild)) == []


def test_quantiles_from_histograms_are_the_exact_ones():
    rng = np.random.default_rng(2)
    rows = rows_of(np.sort(rng.random(20000)), np.sort(rng.random(20000)) + rng.lognormal(0, 1, 20000))
    edges = bootstrap.edges([rows])
    counts = bootstrap.cut(rows, edges).counts
    assert counts.sum() == 20000
    for share in (0.5, 0.9, 0.99, 0.999):
        seen = bootstrap.quantile(counts.sum(axis=0, keepdims=True), edges, share)[0]
        assert seen == pytest.approx(np.quantile(rows.latency_ms, share), rel=0.01)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    fake_run.make(folder / "20260101T000000Z-a", seed=1)
    fake_run.make(folder / "20260102T000000Z-same", seed=2)
    fake_run.make(folder / "20260103T000000Z-slow", seed=3, slow=1.5)
    return folder


def test_runs_are_compared_from_their_folders_with_a_gate(outputs):
    base = outputs / "20260101T000000Z-a"
    same = compare.compare(base, outputs / "20260102T000000Z-same", gate=200)
    slow = compare.compare(base, outputs / "20260103T000000Z-slow", gate=5)
    assert (same.regression, same.undecided) == (False, None)
    assert "Gate of 200 %: passed." in same.text
    assert slow.regression
    assert "× higher" in slow.text
    assert slow.text.endswith("Gate of 5 %: a regression.")
    assert {row["name"] for row in slow.rows} >= {"p50", "p99", "throughput"}
    assert not compare.compare(base, outputs / "20260103T000000Z-slow").regression
    json.dumps(slow.to_json(), allow_nan=False)


def test_a_gate_finer_than_what_would_have_been_seen_is_not_passed_but_too_coarse(outputs):
    same = compare.compare(outputs / "20260101T000000Z-a", outputs / "20260102T000000Z-same", gate=5)
    assert not same.regression
    assert same.undecided.startswith("too coarse: p99 would have shown a change of ")
    assert int(re.search(r"hold each level ([\d,]+) s longer", same.undecided)[1].replace(",", "")) > 100
    assert "passed" not in same.text


def test_a_run_is_not_compared_with_itself(outputs):
    with pytest.raises(RecordMismatch, match="with itself"):
        compare.compare(outputs / "20260101T000000Z-a", outputs / "20260101T000000Z-a")


def test_runs_that_must_not_be_compared_are_bad_input_and_no_regression(outputs, monkeypatch):
    run = "20260101T000000Z-a"
    monkeypatch.setattr(sys, "argv", ["playbook", "compare", run, run, "--gate", "5", "--outputs", str(outputs)])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 2


def changed(outputs, tmp_path, verb, change):
    copy = tmp_path / "20260109T000000Z-b"
    shutil.copytree(outputs / "20260101T000000Z-a", copy)
    content = json.loads((copy / f"{verb}.json").read_text())
    change(content)
    (copy / f"{verb}.json").write_text(json.dumps(content))
    return copy


@pytest.mark.parametrize(
    ("verb", "change", "words"),
    [
        ("stress", lambda c: c["environment"].update(cpu_model="Other"), "cpu_model .* → Other"),
        ("stress", lambda c: c["environment"].update(cores=64), "cores .* → 64"),
        ("serve", lambda c: c["results"].update(server="docker"), "server embedded → docker"),
        ("export", lambda c: c["results"].update(fingerprint="0" * 64), "model fingerprint f+ → 0+"),
        ("serve", lambda c: c["results"].update(model_name="other"), "model digits → other"),
    ],
)
def test_other_machines_servers_and_models_are_refused_unless_told(outputs, tmp_path, verb, change, words):
    other = changed(outputs, tmp_path, verb, change)
    with pytest.raises(RecordMismatch, match=f"must not be compared: {words}.*--force"):
        compare.compare(outputs / "20260101T000000Z-a", other)
    told = compare.compare(outputs / "20260101T000000Z-a", other, force=True)
    assert told.inputs


def test_other_parameters_and_versions_are_compared_and_named(outputs, tmp_path):
    def change(content):
        content["params"]["duration_s"] = 99.0
        content["environment"]["packages"]["tensorflow"] = "9.9"

    told = compare.compare(outputs / "20260101T000000Z-a", changed(outputs, tmp_path, "stress", change))
    assert any(text.endswith("→ 9.9") for text in told.inputs)
    assert "duration_s None → 99.0" in told.inputs


def test_failing_requests_are_a_regression_whatever_the_latency(outputs, tmp_path):
    other = changed(outputs, tmp_path, "stress", lambda c: c["results"]["levels"][0].update(errors=1000))
    told = compare.compare(outputs / "20260101T000000Z-a", other, gate=5)
    assert told.regression
    assert "of the requests failed" in told.text


@pytest.mark.parametrize(("failed", "regression"), [(1, False), (40, True)])
def test_one_request_of_960_that_fails_is_no_regression_and_forty_are(outputs, tmp_path, failed, regression):
    def change(content):
        content["params"]["max_error_share"] = 0.001
        levels = content["results"]["levels"]
        for number, one in enumerate(levels):
            one.update(requests=240, errors=failed if number == 0 else 0)

    told = compare.compare(outputs / "20260101T000000Z-a", changed(outputs, tmp_path, "stress", change), gate=200)
    assert told.regression is regression
    assert ("of the requests failed" in told.text) is regression


def test_a_promise_of_no_failures_is_compared_by_that(outputs, tmp_path):
    def change(content):
        content["params"]["max_error_share"] = 0.0
        content["results"]["levels"][0].update(requests=40_000, errors=12)

    told = compare.compare(outputs / "20260101T000000Z-a", changed(outputs, tmp_path, "stress", change), gate=200)
    assert told.regression


def test_a_run_without_levels_or_without_common_ones_is_named(outputs, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordMismatch, match="empty has no load level"):
        compare.compare(outputs / "20260101T000000Z-a", tmp_path / "empty")
    plan = (("closed", 7, None),)
    other = fake_run.make(tmp_path / "20260104T000000Z-other", plan=plan)
    with pytest.raises(RecordMismatch, match="no load level in common"):
        compare.compare(outputs / "20260101T000000Z-a", other)


def test_the_previous_run_of_the_same_model_is_found(outputs, tmp_path):
    assert compare.previous(outputs / "20260103T000000Z-slow").name == "20260102T000000Z-same"
    assert compare.previous(outputs / "20260101T000000Z-a") is None


def test_the_scratch_run_is_never_compared(outputs, tmp_path):
    scratch = tmp_path / "dev"
    shutil.copytree(outputs / "20260101T000000Z-a", scratch)
    with pytest.raises(RecordMismatch, match="scratch run"):
        compare.compare(outputs / "20260101T000000Z-a", scratch)


def test_nothing_is_decided_where_something_else_used_the_machine(outputs, tmp_path):
    copy = tmp_path / "20260105T000000Z-busy"
    shutil.copytree(outputs / "20260103T000000Z-slow", copy)
    rows = run_folder.read(copy).rows(0)
    samples = pd.DataFrame({"at_ns": np.linspace(rows.scheduled_ns[0], rows.done_ns[-1], 8).astype(np.int64)})
    samples = samples.assign(who="machine", cpu_s=np.linspace(0, 2 * SECONDS * 8, 8), rss_bytes=2**30)
    record.write_parquet(copy / "data" / "resources" / "part-00009.parquet", samples)
    told = compare.compare(outputs / "20260101T000000Z-a", copy, gate=5)
    assert not told.regression
    assert "not decided: other processes used" in told.text
    assert told.text.endswith("Gate of 5 %: not decided, the machine was not quiet.")


def in_turns(outputs, tmp_path, order):
    """Two runs of one level each time, held one after the other in this order of sides."""
    rng, start, made = np.random.default_rng(5), 10**12, {"a": [], "b": []}
    level = {**run_folder.read(outputs / "20260101T000000Z-a").levels[1], "warnings": []}
    for name in order:
        rows, number = closed_loop(rng, 4, 1.3 if name == "b" else 1.0), len(made[name])
        times = {column: getattr(rows, column) + start for column in ("scheduled_ns", "sent_ns", "done_ns")}
        frame = pd.DataFrame({"level": number, **times}).assign(error=None)
        frame["error"] = frame["error"].astype("str").where(frame["error"].notna(), None)
        path = tmp_path / name / "data" / "requests" / f"stress_{number:03d}" / "requests.parquet"
        record.write_parquet(path, frame)
        made[name].append({**level, "level": number})
        start += 4 * 10**9
    for name, rows in made.items():
        fake_run.save(tmp_path / name, rows)
    return run_folder.read(tmp_path / "a"), run_folder.read(tmp_path / "b")


def test_runs_measured_in_turns_need_no_allowance_for_the_day(outputs, tmp_path):
    assert compare.in_turns(*in_turns(outputs, tmp_path / "turns", "abbaab"))
    assert not compare.in_turns(*in_turns(outputs, tmp_path / "blocks", "aaabbb"))
    found = []
    for kind in ("turns", "blocks"):
        told = compare.compare(tmp_path / kind / "a", tmp_path / kind / "b")
        found.append({row["name"]: row for row in told.rows}["throughput"])
    assert found[0]["high"] < 1
    assert found[0]["seen"] < 0.5 * found[1]["seen"]
