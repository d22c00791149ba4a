"""Every table of a run folder, column by column: type, unit and meaning. outputs/README.md is written from this."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """One column: `unit` is empty for names, texts and plain numbers."""

    name: str
    type: str
    unit: str
    meaning: str


AT = (
    Column("at_ns", "BIGINT", "ns", "when, on CLOCK_MONOTONIC of the machine that measured; joins with requests"),
    Column("when_utc", "TIMESTAMP", "UTC", "the same moment on the wall clock"),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "requests": (
        Column("level", "INTEGER", "", "load level, as in levels"),
        Column("worker", "INTEGER", "", "load worker process"),
        Column("scheduled_ns", "BIGINT", "ns", "when the request was due, on CLOCK_MONOTONIC"),
        Column("sent_ns", "BIGINT", "ns", "when it was handed to the socket"),
        Column("done_ns", "BIGINT", "ns", "when the whole answer was there"),
        Column("status", "INTEGER", "", "HTTP or gRPC status; 0 without an answer"),
        Column("error", "VARCHAR", "", "kind of failure; NULL or empty when it succeeded"),
        Column("bytes", "BIGINT", "bytes", "size of the answer"),
    ),
    "metrics": (
        *AT,
        Column("name", "VARCHAR", "", "metric, as the server spells it, e.g. `:tensorflow:serving:request_count`"),
        Column("kind", "VARCHAR", "", "counter, gauge, histogram or untyped"),
        Column("labels", "VARCHAR", "", "labels as JSON text; `labels->>'status'` reads one"),
        Column("value", "DOUBLE", "the metric's", "value of a counter (since the server's start) or gauge"),
        Column("sum", "DOUBLE", "the metric's", "sum of a histogram's observations (six digits in the server's text)"),
        Column("count", "DOUBLE", "", "number of a histogram's observations"),
        Column("le", "DOUBLE[]", "the metric's", "upper limits of a histogram's buckets, last is infinity"),
        Column("buckets", "DOUBLE[]", "", "observations up to each limit, cumulative"),
    ),
    "resources": (
        *AT,
        Column("who", "VARCHAR", "", "server, client, machine or gpu"),
        Column("pid", "BIGINT", "", "process at the top of the tree; NULL for machine and gpu"),
        Column("cpu_cores", "DOUBLE", "cores", "cores in use, mean since the sample before"),
        Column("cpu_s", "DOUBLE", "s", "CPU seconds used since the first sample (machine: since boot)"),
        Column("rss_bytes", "BIGINT", "bytes", "resident memory of the tree (machine: memory in use)"),
        Column("threads", "INTEGER", "", "threads of the tree"),
        Column(
            "run_delay_s", "DOUBLE", "s", "time its threads were ready and waited for a core, since the first sample"
        ),
        Column(
            "throttled_s", "DOUBLE", "s", "time its cgroup was stopped by a CPU quota; NULL where there is no cgroup"
        ),
        Column("steal_s", "DOUBLE", "s", "CPU time taken by other guests of the host since boot (machine only)"),
        Column("gpu_share", "DOUBLE", "share", "use of the GPU, 0 to 1; NULL without one"),
        Column("gpu_memory_bytes", "BIGINT", "bytes", "GPU memory in use; NULL without one"),
    ),
    "events": (
        *AT,
        Column("event", "VARCHAR", "", "start, stop, gone, back, gap, reset, restart or problem"),
        Column("what", "VARCHAR", "", "endpoint, server, client, monitor or the name of a metric"),
        Column("detail", "VARCHAR", "", "what was seen, in a sentence"),
    ),
    "changes": (
        *AT,
        Column("verb", "VARCHAR", "", "the stage that applied it"),
        Column("name", "VARCHAR", "", "what was changed: a flag, a batching parameter, a version"),
        Column("before", "VARCHAR", "", "value before; NULL when there was none"),
        Column("after", "VARCHAR", "", "value after; NULL when it was taken away"),
        Column("why", "VARCHAR", "", "the reason given"),
        Column("effect", "VARCHAR", "", "what was measured afterwards; NULL while nothing was"),
    ),
}


def ddl(table: str) -> str:
    """The columns as DuckDB wants them in CREATE TABLE."""
    return ", ".join(f'"{column.name}" {column.type}' for column in TABLES[table])
