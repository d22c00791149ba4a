"""Every table of a run folder, column by column: type, unit and meaning. outputs/README.md is written from this."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from playbook import knobs, markdown


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

_KNOB_TYPES = {
    bool: ("BOOLEAN", "true or false"),
    int: ("INTEGER", "NULL (in older records 0) is TensorFlow Serving's default"),
    list: ("INTEGER[]", "empty is TensorFlow Serving's default"),
}


def _knob(knob: knobs.Knob) -> Column:
    """The column of a knob, as TensorFlow Serving spells it."""
    kind, default = _KNOB_TYPES[knob.kind]
    default = "0 is TensorFlow Serving's default" if knob.kind is int and knob.default == 0 else default
    return Column(knob.name, kind, knob.unit, f"knob: {knob.meaning}; {default}")


TABLES: dict[str, tuple[Column, ...]] = {
    "requests": (
        Column("level", "INTEGER", "", "load level, as in levels"),
        Column("worker", "INTEGER", "", "load worker process"),
        Column("scheduled_ns", "BIGINT", "ns", "when the request was due, on CLOCK_MONOTONIC"),
        Column("sent_ns", "BIGINT", "ns", "when it was handed to the socket"),
        Column("done_ns", "BIGINT", "ns", "when the whole answer was there"),
        Column("status", "INTEGER", "", "HTTP or gRPC status; NULL without an answer"),
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
        Column("who", "VARCHAR", "", "server, client, machine, gpu, or Docker's proxy_rest and proxy_grpc"),
        Column("pid", "BIGINT", "", "process at the top of the tree; NULL for machine, gpu and a container elsewhere"),
        Column("cpu_cores", "DOUBLE", "cores", "cores in use, mean since the sample before"),
        Column("cpu_s", "DOUBLE", "s", "CPU seconds used since the first sample (machine: since boot)"),
        Column("rss_bytes", "BIGINT", "bytes", "resident memory of the tree (machine: memory in use)"),
        Column("threads", "INTEGER", "", "threads of the tree"),
        Column(
            "run_delay_s", "DOUBLE", "s", "time its threads were ready and waited for a core, since the first sample"
        ),
        Column(
            "throttled_s",
            "DOUBLE",
            "s",
            "time a CPU quota stopped its cgroup, since that began; NULL where it is not told",
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
    "trials": (
        Column("point", "VARCHAR", "", "promise that was tuned for, by name"),
        Column("trial", "INTEGER", "", "number of the trial in its search, from 0"),
        Column(
            "source",
            "VARCHAR",
            "",
            "what proposed it: default, frontier, unseen (by the simulator), optuna or grid",
        ),
        Column("score", "DOUBLE", "the objective's", "what the search compared, larger is better; NULL: not measured"),
        Column("error", "VARCHAR", "", "why it could not be measured; NULL when it could"),
        Column("config", "VARCHAR", "", "the knobs that differ from TensorFlow Serving's defaults, in words"),
        Column(
            "finalist", "BOOLEAN", "", "whether it was measured twice more with the best; its figures are the median's"
        ),
        Column("kept", "BOOLEAN", "", "whether the promise was kept at this rate"),
        Column("valid", "BOOLEAN", "", "whether its best window passed every check"),
        Column("rate_rps", "DOUBLE", "requests/s", "rate measured inside the promise"),
        Column("p99_ms", "DOUBLE", "ms", "p99 at that rate"),
        Column("p50_ms", "DOUBLE", "ms", "median at that rate"),
        Column("batch_rows", "DOUBLE", "rows", "mean rows of an executed batch"),
        Column("core_ms_per_request", "DOUBLE", "ms", "core time of the server for one request"),
        Column("windows", "INTEGER", "", "measurement windows it took"),
        Column("predicted_score", "DOUBLE", "the objective's", "what the simulator had said of the score"),
        Column("predicted_rate_rps", "DOUBLE", "requests/s", "what the simulator had said of the rate"),
        Column("predicted_p99_ms", "DOUBLE", "ms", "what the simulator had said of the p99"),
        Column("predicted_p50_ms", "DOUBLE", "ms", "what the simulator had said of the median"),
        Column("predicted_batch_rows", "DOUBLE", "rows", "what the simulator had said of the batches"),
        *(_knob(knob) for knob in knobs.KNOBS if knob.tuned),
        Column("protocol", "VARCHAR", "", "rest or grpc"),
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

RUN_ID = Column("run_id", "VARCHAR", "", "run folder the row is from")
STAGE = Column("stage", "VARCHAR", "", "verb that measured it: stress, tune, adapt, ...")

RECORDS: dict[str, tuple[Column, ...]] = {
    "runs": (
        RUN_ID,
        Column("created_utc", "VARCHAR", "UTC", "when the first of its records was written, ISO 8601"),
        Column("model", "VARCHAR", "", "model name"),
        Column("server", "VARCHAR", "", "embedded, binary, docker or attach"),
        Column("stages", "VARCHAR", "", "verbs that have a record, in order"),
        Column("verdict", "VARCHAR", "", "verdict of prove, else of tune, stress or its last stage"),
        Column("limit_ms", "DOUBLE", "ms", "limit of the p99"),
        Column("target_rps", "DOUBLE", "requests/s", "rate that was promised; NULL where none was"),
        Column("answer", "VARCHAR", "", "KEPT, NOT KEPT or NOT PROVEN; NULL where the promise was not held"),
        Column(
            "held_rps",
            "DOUBLE",
            "requests/s",
            "rate of one replica that 65_prove held; NULL where no window of it was VALID",
        ),
        Column("held_p99_ms", "DOUBLE", "ms", "p99 at that rate"),
        Column("best_rps", "DOUBLE", "requests/s", "most throughput of a valid level inside the limit"),
        Column("best_p99_ms", "DOUBLE", "ms", "p99 of that level"),
        Column("capacity_rps", "DOUBLE", "requests/s", "rate at which p99 reaches the limit, from analyze"),
        Column(
            "tuned_rps",
            "DOUBLE",
            "requests/s",
            "best rate inside the limit after tuning; NULL where its window was INVALID",
        ),
        Column("gain", "DOUBLE", "", "tuned over default rate, both inside the limit"),
        Column("cpu_model", "VARCHAR", "", "processor"),
        Column("cores", "INTEGER", "", "cores of the machine the playbook could use"),
        Column("git_commit", "VARCHAR", "", "commit of the playbook"),
        Column("problem", "VARCHAR", "", "what could not be read of it; NULL when all could"),
    ),
    "levels": (
        RUN_ID,
        Column("level", "INTEGER", "", "number of the level in its run, from 0"),
        Column("arrival", "VARCHAR", "", "closed, poisson, constant or trace"),
        Column("concurrency", "INTEGER", "", "clients of a closed loop; NULL otherwise"),
        Column("rate_rps", "DOUBLE", "requests/s", "rate asked for of an open loop; NULL otherwise"),
        Column("protocol", "VARCHAR", "", "rest or grpc"),
        Column("duration_s", "DOUBLE", "s", "length of the measurement window"),
        Column("requests", "BIGINT", "", "requests in the window"),
        Column("errors", "BIGINT", "", "of them failed"),
        Column("success_rate", "DOUBLE", "share", "good answers over requests; NULL where none was due"),
        Column("throughput_rps", "DOUBLE", "requests/s", "good answers a second"),
        Column("offered_rps", "DOUBLE", "requests/s", "requests sent a second"),
        Column("latency_mean_ms", "DOUBLE", "ms", "mean latency from the intended send time, good answers only"),
        Column("latency_p50_ms", "DOUBLE", "ms", "median"),
        Column("latency_p90_ms", "DOUBLE", "ms", "90th percentile"),
        Column("latency_p95_ms", "DOUBLE", "ms", "95th percentile"),
        Column("latency_p99_ms", "DOUBLE", "ms", "99th percentile; NULL with fewer than ten samples beyond it"),
        Column("latency_p99_low_ms", "DOUBLE", "ms", "lower end of its 95 % interval"),
        Column("latency_p99_high_ms", "DOUBLE", "ms", "upper end of its 95 % interval"),
        Column("latency_p999_ms", "DOUBLE", "ms", "99.9th percentile; NULL with fewer than ten samples beyond it"),
        Column("latency_max_ms", "DOUBLE", "ms", "slowest good answer"),
        Column("service_p99_ms", "DOUBLE", "ms", "99th percentile from the actual send time"),
        Column("lateness_p99_us", "DOUBLE", "us", "99th percentile of how late requests were sent"),
        Column("mean_in_flight", "DOUBLE", "", "requests in flight, mean over the window"),
        Column("client_cpu_share", "DOUBLE", "share", "of its cores the load generator used"),
        Column("client_realtime", "BOOLEAN", "", "whether load workers went before everything else on their cores"),
        Column("valid", "BOOLEAN", "", "whether the level passed every check"),
        Column("warnings", "VARCHAR", "", "failed checks and remarks, one after another"),
    ),
    "drills": (
        RUN_ID,
        Column("drill", "VARCHAR", "", "name of the drill"),
        Column("title", "VARCHAR", "", "what happened to the server"),
        Column("remedied", "BOOLEAN", "", "whether it was held with the remedy applied"),
        Column("remedy", "VARCHAR", "", "the remedy that was applied; NULL where none was"),
        Column("level", "INTEGER", "", "its requests: `data/requests/drill_<level>`"),
        Column("rate_rps", "DOUBLE", "requests/s", "the promised rate of one server"),
        Column("requests", "BIGINT", "", "requests due from when it happened until the load's end"),
        Column("lost", "BIGINT", "", "of them without a good answer"),
        Column("lost_by_code", "VARCHAR", "", "of them by how they failed, as JSON text"),
        Column("wrong", "BIGINT", "", "wrong answers among those compared, the time before it included"),
        Column("compared", "BIGINT", "", "answers compared with the expected ones"),
        Column("seconds", "DOUBLE", "s", "from when it happened until the load's end"),
        Column("seconds_outside", "INTEGER", "s", "of them outside the promise"),
        Column("recovery_s", "DOUBLE", "s", "until every second was inside again; NULL: not within the load"),
        Column("slowest_ms", "DOUBLE", "ms", "slowest good answer, from when its request was due"),
        Column("seen", "VARCHAR", "", "what was seen beside the load, in words"),
        Column("doubt", "VARCHAR", "", "why the row says little of the server; NULL: nothing stood in the way"),
        Column("there", "VARCHAR", "", "what TensorFlow Serving does in this case"),
        Column("source", "VARCHAR", "", "where that can be read"),
    ),
}


def described() -> str:
    """All views as Markdown tables, for outputs/README.md."""
    parts = []
    for view, columns in documented().items():
        rows = [[f"`{c.name}`", c.type.lower(), c.unit or "–", c.meaning] for c in columns]
        parts += [f"### `{view}`", "", markdown.table(["column", "type", "unit", "meaning"], rows), ""]
    return "\n".join(parts).rstrip()


def documented() -> dict[str, tuple[Column, ...]]:
    """Every view with its columns as SQL sees them: raw tables have the run, requests also the stage."""
    raw = {
        name: (*((RUN_ID, STAGE) if name == "requests" else (RUN_ID,)), *columns) for name, columns in TABLES.items()
    }
    return {**RECORDS, **raw}


def ddl(columns: Iterable[Column]) -> str:
    """The columns as DuckDB wants them in CREATE TABLE."""
    return ", ".join(f'"{column.name}" {column.type}' for column in columns)


def insert(db: Any, table: str, columns: Sequence[Column], rows: Sequence[tuple]) -> None:
    """Add rows in one statement, column by column; a thousand rows cost milliseconds."""
    if rows:
        values = ", ".join(f"unnest(?::{column.type}[])" for column in columns)
        db.execute(f'INSERT INTO "{table}" SELECT {values}', [list(cells) for cells in zip(*rows, strict=True)])
