"""What one request takes is read from the best that a run timed: its level of one client, then what was timed first."""

from __future__ import annotations

from pathlib import Path

import pytest

from playbook.records import record
from playbook.records.batch_curve import asked_ms, bodies_s, replay_s, wire_ms


def stressed(run_dir: Path, **results: object) -> float | None:
    (run_dir / "stress.json").unlink(missing_ok=True)
    record.save(run_dir, "stress", params={}, results=results, verdict="")
    return asked_ms(run_dir)


def test_the_level_of_one_client_tells_what_a_request_takes_before_the_few_that_were_timed_first(
    tmp_path: Path,
) -> None:
    assert asked_ms(tmp_path) is None
    many = {"concurrency": 8, "latency_mean_ms": 800.0}
    assert stressed(tmp_path, request_ms=165.0, levels=[many]) == 165.0
    assert stressed(tmp_path, request_ms=165.0, levels=[many, {"concurrency": 1, "latency_mean_ms": 118.0}]) == 118.0
    unanswered = {"concurrency": 1, "latency_mean_ms": None}
    assert stressed(tmp_path, request_ms=165.0, levels=[unanswered]) == 165.0
    assert stressed(tmp_path, request_ms=None, levels=[]) is None


def test_a_replay_takes_every_signatures_first_run_and_nothing_where_there_are_no_requests() -> None:
    curve = {"batch_sizes": [1, 4], "latency_ms": [10.0, 30.0]}
    exported = {"batch_curve": curve, "warmup_sizes": [1, 4], "warmup_records": 4}
    assert replay_s(exported) == pytest.approx(2 * 0.04)
    assert replay_s(exported | {"plan": {"first_run_s": 0.5}}) == pytest.approx(2 * 0.54)
    assert replay_s({"batch_curve": curve, "plan": {"first_run_s": 0.5}}) == 0.0


def test_rows_that_are_long_as_json_are_written_and_read_in_proportion_and_unknown_ones_for_nothing() -> None:
    exported = {"row_bytes": 2e6, "reference_rows": 100}
    assert wire_ms(exported, 2) == pytest.approx(2 * wire_ms(exported))
    assert 0 < wire_ms(exported, protocol="grpc") < wire_ms(exported)
    assert bodies_s(exported) == pytest.approx(100 / 64 * bodies_s(exported, 64))
    assert wire_ms({}) == bodies_s({}) == 0.0
