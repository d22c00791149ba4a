"""Write the pages of docs/ that follow from the code: `python tests/helpers/make_docs.py`; a test compares them."""

from __future__ import annotations

import re
from pathlib import Path

from model_server import metrics
from playbook import knobs, markdown
from playbook.chain import params
from playbook.records.queries import QUERIES
from playbook.records.runs import NOTEBOOKS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
UNITS = {"us": "microseconds"}
MADE = "Written from {source} by `make docs`; a test says when it is out of date."

METRICS = {
    "request_count": "requests by outcome; REST and gRPC together",
    "request_latency": "from a pool thread taking the request to its answer: what waited for a thread is not in it",
    "runtime_latency": "the same, less decoding and encoding: waiting in the batch queue and the graph's run",
    "request_example_counts": "rows of a request",
    "request_example_count_total": "rows of all requests",
    "model_warmup_latency": "replaying one warm-up record",
    "model_warmup_records_read": "warm-up records replayed before a version became AVAILABLE",
    "request_log_count": "requests written by a request logger",
    "mlmd_map": "the model's uuid in ML metadata, where it has one",
    "batching_session/queuing_latency": "a request's wait in its queue for its batch",
    "batching_session/wrapped_run_count": "runs of the session inside the batching one",
    "batching_session/padding_size": "rows added to reach an allowed batch size",
    "batching_session/input_batch_size": "rows of a request as it came",
    "batching_session/processed_batch_size": "rows of a batch as it ran",
    "session_created": "1 once a session was created",
    "direct_session_runs": "runs of a session",
    "graph_build_calls": "graphs built",
    "graph_build_time_usecs": "microseconds spent on that",
    "graph_runs": "runs of a graph",
    "graph_run_time_usecs": "microseconds they took",
    "graph_run_time_usecs_histogram": "the same as a histogram",
    "graph_run_input_tensor_bytes": "bytes fed to a run",
    "graph_run_output_tensor_bytes": "bytes a run gave back",
    "load_attempt_count": "attempts to load a SavedModel, by outcome",
    "load_latency": "microseconds they took",
}


def every_metric() -> dict[str, metrics.Counter | metrics.Histogram]:
    """The embedded server's metrics by their raw names."""
    kinds = (metrics.Counter, metrics.Histogram)
    return {metric.name: metric for metric in vars(metrics).values() if isinstance(metric, kinds)}


def parameters_page() -> str:
    """Every parameter of every notebook."""
    parts = ["# Parameters", MADE.format(source="the notebooks"), "A name means one thing in every notebook."]
    for verb, name in NOTEBOOKS.items():
        notebook = ROOT / "notebooks" / f"{name}.ipynb"
        explained = params.meanings(notebook)
        rows = [
            [f"`{parameter}`", kind, f"`{default!r}`", _as_code(explained.get(parameter))]
            for parameter, (kind, default) in params.declared(notebook).items()
        ]
        parts += [f"## {verb}", markdown.table(["parameter", "type", "default", "meaning"], rows)]
    return "\n\n".join(parts)


def _as_code(meaning: str | None) -> str | None:
    """What stands in brackets or braces as code: Markdown would take `{name: value}` for attributes and drop it."""
    return meaning and re.sub(r"\[*\{.*\}\]*", lambda seen: f"`{seen[0]}`", meaning)


def knobs_page() -> str:
    """Every knob of TensorFlow Serving that the playbook sets."""
    rows = [
        [
            f"`{knob.name}`",
            _default(knob),
            knob.home,
            "new version" if knob.live else "restart",
            f"{knob.meaning}; in {UNITS.get(knob.unit, knob.unit)}" if knob.unit else knob.meaning,
        ]
        for knob in knobs.KNOBS
    ]
    headers = ["knob", "default", "written as", "changed by", "meaning"]
    lead = (
        "Spelled as TensorFlow Serving spells them, with its own defaults. A knob that a new version changes is a "
        "field of `batching_parameters.pbtxt` inside the version's folder, read where "
        "`--enable_per_model_batching_parameters` is set."
    )
    return "\n\n".join(["# Knobs", MADE.format(source="`lib/playbook/knobs.py`"), lead, markdown.table(headers, rows)])


def _default(knob: knobs.Knob) -> str:
    """TensorFlow Serving's own value, as it is written; of a list, that there is none."""
    if knob.default is None:
        return f"{knob.per_core} a core" if knob.per_core else "as `max_batch_size`"
    return f"`{str(knob.default).lower()}`" if knob.default != () else "none"


def metrics_page() -> str:
    """Every metric of the embedded server, under TensorFlow Serving's names."""
    rows = [
        [f"`{metrics.exported(metric.name)}`", metric.kind, ", ".join(metric.labels) or None, METRICS[_short(name)]]
        for name, metric in sorted(every_metric().items())
    ]
    lead = (
        "The embedded server exports these under TensorFlow Serving's own names, types and labels, at the path that "
        "`--monitoring_config_file` names. [`request_latency` cannot see an overload](../production.md#alerts): alert "
        "on the rate as well."
    )
    table = markdown.table(["metric", "kind", "labels", "meaning"], rows)
    return "\n\n".join(["# Metrics", MADE.format(source="`lib/model_server/metrics.py`"), lead, table])


def record_page() -> str:
    """What a run folder holds: outputs/README.md, which stands beside the records, as a page of this site."""
    text = (ROOT / "outputs" / "README.md").read_text()
    _, _, body = text.partition("\n")
    return "# Record fields\n\n" + MADE.format(source="`outputs/README.md`") + body


def sql_page() -> str:
    """The ready-made questions, each with the command that asks it."""
    lead = (
        "Every record and every raw sample of every run can be asked, in place, by DuckDB: "
        "[the views, column by column](reference/record.md#views-column-by-column). `--format table|csv|md|json`; "
        "`--outputs s3://bucket/records` asks a bucket.\n\n"
        '```console\n$ .venv/bin/playbook sql "SELECT run_id, level, latency_p99_ms FROM levels" --format md\n```'
    )
    parts = ["# SQL cookbook", MADE.format(source="`lib/playbook/records/queries.py`"), lead]
    for name, query in QUERIES.items():
        parts += [
            f"## {name}",
            f"{query.question[:1].upper()}{query.question[1:]}.",
            f"```sql\n{query.sql.strip()}\n```",
        ]
    return "\n\n".join(parts)


def _short(name: str) -> str:
    return re.sub(r"^/tensorflow/(serving|core|cc/saved_model)/", "", name)


PAGES = {
    "reference/parameters.md": parameters_page,
    "reference/knobs.md": knobs_page,
    "reference/metrics.md": metrics_page,
    "reference/record.md": record_page,
    "sql.md": sql_page,
}

if __name__ == "__main__":
    for page, write in PAGES.items():
        (DOCS / page).write_text(write().rstrip() + "\n")
