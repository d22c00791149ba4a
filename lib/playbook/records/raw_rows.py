"""Rows of the raw tables as types, as Parquet keeps them; names and types are those of `tables`, compared by a test."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict


class RequestRow(TypedDict):
    """A row of `requests`; None is what was not measured."""

    level: int | None
    worker: int | None
    scheduled_ns: int | None
    sent_ns: int | None
    done_ns: int | None
    status: int | None
    error: str | None
    bytes: int | None


class MetricRow(TypedDict):
    """A row of `metrics`; None is what was not measured."""

    at_ns: int | None
    when_utc: datetime | None
    name: str | None
    kind: str | None
    labels: str | None
    value: float | None
    sum: float | None
    count: float | None
    le: list[float] | None
    buckets: list[float] | None


class ResourceRow(TypedDict):
    """A row of `resources`; None is what was not measured."""

    at_ns: int | None
    when_utc: datetime | None
    who: str | None
    pid: int | None
    cpu_cores: float | None
    cpu_s: float | None
    rss_bytes: int | None
    threads: int | None
    run_delay_s: float | None
    throttled_s: float | None
    steal_s: float | None
    gpu_share: float | None
    gpu_memory_bytes: int | None


class EventRow(TypedDict):
    """A row of `events`; None is what was not measured."""

    at_ns: int | None
    when_utc: datetime | None
    event: str | None
    what: str | None
    detail: str | None


class TrialRow(TypedDict):
    """A row of `trials`; None is what was not measured."""

    point: str | None
    trial: int | None
    source: str | None
    score: float | None
    error: str | None
    config: str | None
    finalist: bool | None
    kept: bool | None
    valid: bool | None
    rate_rps: float | None
    p99_ms: float | None
    p50_ms: float | None
    batch_rows: float | None
    core_ms_per_request: float | None
    windows: int | None
    predicted_score: float | None
    predicted_rate_rps: float | None
    predicted_p99_ms: float | None
    predicted_p50_ms: float | None
    predicted_batch_rows: float | None
    enable_batching: bool | None
    max_batch_size: int | None
    batch_timeout_micros: int | None
    max_enqueued_batches: int | None
    num_batch_threads: int | None
    allowed_batch_sizes: list[int] | None
    pad_variable_length_inputs: bool | None
    enable_large_batch_splitting: bool | None
    max_execution_batch_size: int | None
    rest_api_num_threads: int | None
    grpc_max_threads: int | None
    tensorflow_intra_op_parallelism: int | None
    tensorflow_inter_op_parallelism: int | None
    protocol: str | None
