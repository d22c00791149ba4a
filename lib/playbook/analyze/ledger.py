"""The latency ledger: where the mean latency of a level goes, stage by stage, adding up to the nanosecond.

total = send lag + client + network and HTTP + waiting for a server thread + server shell + batch queue + around the run
        + graph run + padding + unexplained

Client rows give the total and the send lag; the passport gives the generator's own floor; the rest are differences of
server counters inside the window: request latency, runtime latency (with the queue in it), queuing latency, graph runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from playbook.monitor import series
from playbook.monitor.series import Window
from playbook.records.run_folder import Rows

STAGES = {
    "send_lag": "send lag",
    "client": "client",
    "network_http": "network and HTTP",
    "admission": "waiting for a server thread",
    "server_shell": "server shell",
    "batch_queue": "batch queue",
    "run_overhead": "around the run",
    "graph_run": "graph run",
    "padding": "padding waste",
    "unexplained": "unexplained",
}
COARSE_US = 20.0  # a server sum printed in steps that move a request's mean by more than this is remarked on


@dataclass(frozen=True)
class Ledger:
    """Mean latency by stage in whole ns (`mean_ns` sums to `total_ns`), and what the server's buckets tell."""

    requests: int
    total_ns: int
    mean_ns: dict[str, int]
    bucketed_us: dict[str, dict[str, list[float] | None]]  # stage -> p50, p99 -> limits of the bucket
    batch_rows: float | None = None
    padding_share: float | None = None
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The ledger as plain JSON values."""
        return asdict(self)


def build(
    rows: Rows,
    window: Window | None,
    model: str | None = None,
    floor_us: float | None = None,
    row_us: float | None = None,
) -> Ledger | None:
    """The ledger of one level; None when no request succeeded.

    Args:
        rows: The level's requests.
        window: Server metrics over the level; None leaves everything behind the client unsplit.
        model: Only this model's figures, where the metric has a model label.
        floor_us: The generator's own latency on a null server, from the passport.
        row_us: What one more row costs in a batch, from the batch curve; without it padding is charged by share.
    """
    notes = []
    if window is not None and window.inside:
        rows = rows.between(window.start_ns, window.end_ns)
    elif window is not None:
        notes.append("fewer than two samples of the server inside the window; the nearest outside were used")
    good = rows.ok
    if not good.any():
        return None
    total_ns = round(float((rows.done_ns - rows.scheduled_ns)[good].mean()))
    parts = {"send_lag": float((rows.sent_ns - rows.scheduled_ns)[good].mean())}
    service_ns = total_ns - parts["send_lag"]
    server, remarks, bucketed = _server_parts(window, model, row_us)
    notes += remarks
    if floor_us is not None:
        parts["client"] = min(floor_us * 1e3, service_ns)
    outside_ns = service_ns - parts.get("client", 0.0) - sum(server.values())
    if server:
        # Clocks differ by microseconds; below zero it is not network, it is what does not fit.
        parts["network_http"] = max(0.0, outside_ns)
        parts |= server
    else:
        parts["network_http"] = outside_ns
        notes.append("no server metrics in this window: network and HTTP holds the whole server")
    mean_ns = {stage: round(parts[stage]) for stage in STAGES if stage in parts and stage != "unexplained"}
    mean_ns["unexplained"] = total_ns - sum(mean_ns.values())
    batch_rows, padding_share = batching(window)
    return Ledger(int(good.sum()), total_ns, mean_ns, bucketed, batch_rows, padding_share, notes)


def split_waiting(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ledgers of a server's levels with the time before its clock starts split in two.

    What lies there at the level with the least of it is connection and HTTP; what other levels have above that is
    waiting to be let in: for the event loop, or for a thread of the server's pool.
    """
    floors = [e["mean_ns"]["network_http"] for e in entries if "server_shell" in e["mean_ns"]]
    return [_split(entry, min(floors)) if "server_shell" in entry["mean_ns"] else entry for entry in entries]


def _split(entry: dict[str, Any], floor_ns: int) -> dict[str, Any]:
    parts = entry["mean_ns"]
    parts = parts | {"network_http": floor_ns, "admission": parts["network_http"] - floor_ns}
    return entry | {"mean_ns": {stage: parts[stage] for stage in STAGES if stage in parts}}


def batching(window: Window | None) -> tuple[float | None, float | None]:
    """Mean rows of an executed batch (padding included) and the share of them that was padding."""
    if window is None:
        return None, None
    batches = window.get(series.BATCHES)
    if batches is None or not batches.count:
        return None, None
    padding = window.get(series.PADDING)
    return batches.mean, (padding.sum / batches.sum if padding and batches.sum else 0.0)


def _server_parts(
    window: Window | None, model: str | None, row_us: float | None
) -> tuple[dict[str, float], list[str], dict[str, Any]]:
    """Mean ns a request by stage inside the server, remarks, and bucketed percentiles."""
    request = _of_model(window, series.REQUEST, model) if window else None
    if window is None or request is None or request.mean is None:
        return {}, [], {}
    notes = []
    runtime, queue = _of_model(window, series.RUNTIME, model), window.get(series.QUEUE)
    bucketed = {"server": _percentiles(request)}
    request_us = request.mean
    if request.sum_step / request.count > COARSE_US:
        notes.append(
            f"the server prints its sums in steps of {request.sum_step:g} us: means here are no finer than "
            f"{request.sum_step / request.count:.0f} us; restart it or hold the level longer"
        )
    if window.restarts:
        notes.append("the server began again inside the window; what it counted just before is lost")
    if runtime is None or runtime.mean is None:
        notes.append("no runtime latency from this server: the shell holds the model's run too")
        return {"server_shell": request_us * 1e3}, notes, bucketed
    runtime_us = runtime.sum / request.count if runtime.count <= request.count else runtime.mean
    queue_us = queue.sum / runtime.count if queue and queue.count else 0.0
    bucketed["runtime"] = _percentiles(runtime)
    if queue and queue.count:
        bucketed["batch_queue"] = _percentiles(queue)
    run_us = _graph_run_us(window)
    if run_us is None:
        run_us = max(0.0, runtime_us - queue_us)
        notes.append("no graph run time from this server: the run is runtime less queue")
    padding_us = _padding_us(window, run_us, row_us)
    parts = {
        "server_shell": request_us - runtime_us,
        "batch_queue": queue_us,
        "graph_run": run_us - padding_us,
        "padding": padding_us,
        "run_overhead": max(0.0, runtime_us - queue_us - run_us),
    }
    return {stage: us * 1e3 for stage, us in parts.items()}, notes, bucketed


def _of_model(window: Window, name: str, model: str | None) -> series.Delta | None:
    """A latency histogram of one model's predictions; status requests have an empty API and are left out."""
    return window.get(name, API=None, **({"model_name": model} if model else {}))


def _graph_run_us(window: Window) -> float | None:
    """Mean time of one graph run, that is of one batch."""
    runs, time_us = window.get(series.GRAPH_RUNS), window.get(series.GRAPH_RUN_TIME)
    if runs is None or time_us is None or runs.value <= 0 or time_us.value <= 0:
        return None
    return time_us.value / runs.value


def _padding_us(window: Window, run_us: float, row_us: float | None) -> float:
    """Time of a run spent on filler rows: rows times their cost where the batch curve is known, else by share."""
    batches, padding = window.get(series.BATCHES), window.get(series.PADDING)
    if not (batches and padding and batches.count and batches.sum and padding.sum):
        return 0.0
    if row_us is not None:
        return min(run_us, row_us * padding.sum / batches.count)
    return run_us * padding.sum / batches.sum


def _percentiles(delta: series.Delta) -> dict[str, list[float | None] | None]:
    """The limits of the bucket p50 and p99 lie in; JSON has no infinity, so an open end is None."""
    buckets = {name: delta.quantile(share) for name, share in (("p50", 0.5), ("p99", 0.99))}
    return {name: [_finite(limit) for limit in pair] if pair else None for name, pair in buckets.items()}


def _finite(limit: float) -> float | None:
    return limit if math.isfinite(limit) else None
