"""What the server has counted at a moment, and in words what happened between two of them."""

from __future__ import annotations

from dataclasses import dataclass

from model_server import metrics


@dataclass(frozen=True)
class Activity:
    """Totals since the start; times in microseconds."""

    requests: dict[str, int]  # by status
    latency: tuple[int, float]  # answered well, and their time in all
    waits: tuple[int, float]  # tasks that waited for a batch
    rows: tuple[int, float]  # batches, and rows in all of them
    runs: tuple[int, int]  # graph runs

    def since(self, before: Activity, seconds: float) -> str:
        """One line for each kind of work that was done meanwhile."""
        counts = {status: n - before.requests.get(status, 0) for status, n in self.requests.items()}
        told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()) if count) or "none"
        lines = [f"requests in {seconds:g} s: {told}"]
        lines += _mean("latency", "us", self.latency, before.latency)
        lines += _mean("wait for a batch", "us", self.waits, before.waits)
        lines += _mean("rows a batch", "", self.rows, before.rows)
        lines += _mean("graph run", "us", self.runs, before.runs)
        return "\n".join(lines) + "\n"


def activity() -> Activity:
    """What is counted now."""
    requests: dict[str, int] = {}
    for (_, status), count in metrics.request_count.cells.items():
        requests[status] = requests.get(status, 0) + count
    runs = sum(metrics.graph_runs.cells.values()), sum(metrics.graph_run_time_usecs.cells.values())
    return Activity(
        requests,
        latency=_totals(metrics.request_latency),
        waits=_totals(metrics.queuing_latency),
        rows=_totals(metrics.processed_batch_size),
        runs=runs,
    )


def _totals(histogram: metrics.Histogram) -> tuple[int, float]:
    cells = histogram.cells.values()
    return sum(int(counts.sum()) for counts, _ in cells), sum(total for _, total in cells)


def _mean(what: str, unit: str, now: tuple[int, float], before: tuple[int, float]) -> list[str]:
    """The mean of what was added, where something was."""
    count, total = now[0] - before[0], now[1] - before[1]
    return [f"{what}: mean {total / count:.1f} {unit}".rstrip() + f" ({count})"] if count else []
