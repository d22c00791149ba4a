"""Where a fit begins: what the closed loops of the probes say of a request alone, and in batches of two sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from playbook.tfserving.config import Config
from playbook.tune.request_path import RequestPath

SHELL_SHARES = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85)  # of the guesses a fit may begin from
SHELL_WITHIN = (0.05, 0.95)  # of a request's cost: what two batch sizes show of the shell's share, at least and at most
BURSTS_MS = (0.1, 0.2, 0.35, 0.5, 0.7)
COLD_MS = 0.1  # where a fit begins
LEAST_BATCH_MS = 0.02  # of what a batch adds to its call, where a fit begins
READING = 0.55  # share of the shell's cost that is reading; the rest is writing
SPREAD = 0.3  # of the costs, where a fit begins
TURN_SHARE = 0.3  # of the shell's cost, that a turn of the server's loop takes where a fit begins


@dataclass(frozen=True)
class Probe:
    """What a short window showed on the real server: a closed loop, or an open one where there is a `rate_rps`."""

    config: Config
    concurrency: int
    throughput_rps: float
    p50_ms: float
    p99_ms: float
    mean_batch_rows: float | None = None  # None: not batched, or the server gives no metrics
    rate_rps: float | None = None
    client_ms: float = 0.0  # CPU of the client for one request
    core_ms: float | None = None  # CPU of the server for one request; None: it cannot be told

    @property
    def figures(self) -> dict[str, float]:
        """What a fit must meet; an open loop's throughput is no figure of the server."""
        figures = {"p50_ms": self.p50_ms, "p99_ms": self.p99_ms}
        figures |= {} if self.rate_rps else {"throughput_rps": self.throughput_rps}
        figures |= {"core_ms": self.core_ms} if self.core_ms else {}
        return figures | ({"mean_batch_rows": self.mean_batch_rows} if self.mean_batch_rows else {})


def guesses(bare: RequestPath, probes: Sequence[Probe]) -> list[RequestPath]:
    """Places to begin from: the shell's share that batches of two sizes show, and several others, by several bursts.

    Args:
        bare: The path with the costs of the graph alone.
        probes: Closed loops of both kinds, and open ones.
    """
    shown = _shown_share(bare, probes)
    bursts_ms = BURSTS_MS if bare.shell_threads else BURSTS_MS[:1]
    starts = [_guess(bare, probes, share) for share in (*([shown] if shown else []), *SHELL_SHARES)]
    return [replace(start, burst_ms=burst_ms) for start in starts for burst_ms in bursts_ms]


def _guess(bare: RequestPath, probes: Sequence[Probe], shell_share: float) -> RequestPath:
    """One place to begin: the shell is this share of what a request costs in a saturated batched loop.

    There a request costs cores/throughput of core time, which settles the rest; the open loops' extras start small.
    """
    closed, opened = [p for p in probes if not p.rate_rps], [p for p in probes if p.rate_rps]
    alone_ms, batched_ms, tasks = _saturated(bare, probes)
    shell_ms, rows_ms = shell_share * min(batched_ms, alone_ms), bare.run_row_ms * bare.work_rows
    run_ms = max(alone_ms - shell_ms - rows_ms, 0.1 * bare.run_fixed_ms, 1e-3)
    batch_ms = max(LEAST_BATCH_MS, tasks * (batched_ms - shell_ms - rows_ms) - run_ms)
    client_ms = min((p.client_ms for p in closed), default=0.0)
    return replace(
        bare,
        run_fixed_ms=run_ms,
        run_row_ms=max(bare.run_row_ms, 1e-5),
        shell_in_ms=READING * shell_ms,
        shell_out_ms=(1 - READING) * shell_ms,
        batch_fixed_ms=batch_ms,
        spread=SPREAD,
        turn_ms=TURN_SHARE * shell_ms if opened and bare.shell_threads else 0.0,
        cold_ms=COLD_MS if opened else 0.0,
        client_ms=client_ms,
        client_cold_ms=max(0.0, float(np.mean([p.client_ms for p in opened])) - client_ms) if opened else 0.0,
    )


def _saturated(bare: RequestPath, probes: Sequence[Probe]) -> tuple[float, float, float]:
    """Core time of a request alone and in a batch, in ms, and the requests of that batch: of saturated closed loops."""
    closed = [probe for probe in probes if not probe.rate_rps]
    alone = next(p for p in closed if not p.config.enable_batching)
    batched = max((p for p in closed if p.config.enable_batching), key=lambda p: p.concurrency)
    return 1000 * bare.cores / alone.throughput_rps, 1000 * bare.cores / batched.throughput_rps, _tasks(bare, batched)


def _tasks(bare: RequestPath, probe: Probe) -> float:
    """Requests of a batch of a closed loop."""
    return max(1.0, probe.mean_batch_rows / bare.rows if probe.mean_batch_rows else probe.concurrency / 2)


def _shown_share(bare: RequestPath, probes: Sequence[Probe]) -> float | None:
    """The shell's share of a request's cost in a batch, by the core time at two batch sizes; None where there is one.

    A batch of n requests takes n shells, a graph call of n rows, and what each batch takes: the last is the same.
    """
    closed = [p for p in probes if not p.rate_rps and p.config.enable_batching and p.core_ms]
    few, many = (pick(closed, key=lambda p: p.concurrency, default=None) for pick in (min, max))
    if not few or not many or _tasks(bare, many) < 2 * _tasks(bare, few):
        return None
    small, large = _tasks(bare, few), _tasks(bare, many)
    more_ms = large * (many.core_ms or 0.0) - small * (few.core_ms or 0.0)
    alone_ms, batched_ms, _ = _saturated(bare, probes)
    shell_ms = more_ms / (large - small) - bare.run_row_ms * bare.work_rows
    return float(np.clip(shell_ms / min(batched_ms, alone_ms), *SHELL_WITHIN))


def most_row_ms(bare: RequestPath, probes: Sequence[Probe]) -> float:
    """What a row can cost at most, in milliseconds, where its request costs so much alone and so much in a batch.

    Export may have timed rows on a busier machine than the probes were held on. A row dearer than its whole request
    would be added to every batch: those smaller than the probed one would be predicted too slow.
    """
    alone_ms, batched_ms, tasks = _saturated(bare, probes)
    shell_ms = SHELL_SHARES[0] * min(alone_ms, batched_ms)
    if tasks <= 1:
        return max(alone_ms - shell_ms, 0.0) / bare.work_rows
    once_ms = (alone_ms - shell_ms + LEAST_BATCH_MS) / tasks  # of what a batch takes once, a request's part
    return max(batched_ms - shell_ms - once_ms, 0.0) / (1 - 1 / tasks) / bare.work_rows
