"""Rows of the tables as types, so that a checker knows a misspelt column; names and types are those of `tables`.

What may be missing may be None: missing is null, never 0. A test compares each type with its table.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict


class ChangeRow(TypedDict):
    """A row of `changes`, as `journal.read` gives it."""

    at_ns: int
    when_utc: datetime
    verb: str
    name: str
    before: str | None
    after: str | None
    why: str
    effect: str | None


class RunRow(TypedDict):
    """A row of `runs`, as `report.catalogue.rows` gives it."""

    run_id: str
    created_utc: str | None
    model: str | None
    server: str | None
    stages: str
    verdict: str | None
    limit_ms: float | None
    target_rps: float | None
    answer: str | None
    held_rps: float | None
    held_p99_ms: float | None
    best_rps: float | None
    best_p99_ms: float | None
    capacity_rps: float | None
    tuned_rps: float | None
    gain: float | None
    cpu_model: str | None
    cores: int | None
    git_commit: str | None
    problem: str | None


class LevelRow(TypedDict, total=False):
    """A row of `results.levels[]` in stress.json and prove.json: the columns of `levels`, and what only JSON holds.

    Older records lack the younger keys.
    """

    level: int
    arrival: str
    concurrency: int | None
    rate_rps: float | None
    protocol: str
    duration_s: float
    requests: int
    errors: int
    success_rate: float | None
    throughput_rps: float
    offered_rps: float
    latency_mean_ms: float | None
    latency_p50_ms: float | None
    latency_p90_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    latency_p99_low_ms: float | None
    latency_p99_high_ms: float | None
    latency_p999_ms: float | None
    latency_max_ms: float | None
    service_p99_ms: float | None
    lateness_p99_us: float | None
    mean_in_flight: float | None
    client_cpu_share: float | None
    client_realtime: bool | None
    valid: bool
    warnings: list[str]  # in SQL one text
    rows_per_request: int | None  # None: a mix
    request_mix: str | None
    errors_by_kind: dict[str, int]
    failed_checks: list[str]
    claim: dict[str, Any] | None
    answers: dict[str, Any] | None
    enough: bool | None
    need_s: float | None
    stood_still: list[Any]
    hung: Any


class DrillRow(TypedDict, total=False):
    """A row of `results.drills[]` in drill.json: the columns of `drills`, and what only JSON holds."""

    drill: str
    title: str
    remedied: bool
    remedy: str | None
    level: int
    rate_rps: float
    requests: int
    lost: int
    lost_by_code: dict[str, int]  # in SQL one text
    wrong: int | None
    compared: int | None
    seconds: float
    seconds_outside: int
    recovery_s: float | None
    slowest_ms: float | None
    seen: str | None
    doubt: str | None
    there: str
    source: str
    began_s: float
    by_second: dict[str, list[Any]]
