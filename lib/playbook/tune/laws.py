"""The simulator against the laws of queues that it must obey, whatever it was fitted to."""

from __future__ import annotations

from dataclasses import dataclass

from playbook.tfserving.config import Config
from playbook.tune.request_path import RequestPath
from playbook.tune.simulate import poisson, simulate

TOLERANCE = 0.05
_REQUESTS = 25_000
_LOADS = (0.3, 0.5, 0.7)
_FIXED_MS, _ROW_MS = 1.0, 0.1  # of a batch, in the law of dynamic batching


@dataclass(frozen=True)
class Check:
    """One law at one load: the mean latency in milliseconds that it tells, and the simulator's."""

    law: str
    load: float
    told_ms: float
    simulated_ms: float

    @property
    def error(self) -> float:
        """How far the simulator is off, as a share."""
        return self.simulated_ms / self.told_ms - 1


def md1_mean_ms(load: float, service_ms: float) -> float:
    """Mean latency of Poisson requests that one server takes one by one, `service_ms` each (Pollaczek-Khinchine)."""
    return service_ms * (1 + load / (2 * (1 - load)))


def dynamic_batching_mean_ms(rate_per_ms: float, row_ms: float, fixed_ms: float) -> float:
    """An upper bound of the mean latency where a free server takes all that wait, in fixed_ms + rows * row_ms.

    Source: Inoue, Queueing analysis of GPU-based inference servers with dynamic batching (arXiv 1912.06322), theorem 2:
    the lower of two bounds, which is near to the mean itself.
    """
    busy, fixed = rate_per_ms * row_ms, rate_per_ms * fixed_ms
    calm = (row_ms + fixed_ms) / (2 * (1 - busy)) * (1 + 2 * fixed + (1 - fixed) / (1 + busy))
    full = 1.5 * fixed_ms / (1 - busy) + row_ms / 2 * (busy + 2) / (1 - busy * busy)
    return min(calm, full)


def checks() -> list[Check]:
    """Every law at every load; a second or two of computing."""
    return [_md1(load) for load in _LOADS] + [_batching(load) for load in _LOADS]


def within(found: list[Check]) -> bool:
    """Whether the simulator obeys all of them."""
    return all(abs(check.error) <= TOLERANCE for check in found)


def _path(fixed_ms: float, row_ms: float) -> RequestPath:
    return RequestPath(fixed_ms, row_ms, 1e-6, 1e-6, wire_ms=0.0, spread=0.0, shell_threads=0, slice_ms=1e9)


def _md1(load: float) -> Check:
    seen = simulate(_path(1.0, 0.0), Config(rest_api_num_threads=9999), poisson(1000 * load, _REQUESTS).tolist())
    return Check("M/D/1", load, md1_mean_ms(load, 1.0), float(seen.latency_ms.mean()))


def _batching(load: float) -> Check:
    """`load` is the share of the rate at which batches of any size are too slow."""
    rate_per_ms = load / _ROW_MS
    config = Config(
        enable_batching=True, max_batch_size=9999, num_batch_threads=1, max_enqueued_batches=9999,
        rest_api_num_threads=9999,
    )  # fmt: skip
    arrivals = poisson(1000 * rate_per_ms, _REQUESTS).tolist()
    seen = simulate(_path(_FIXED_MS, _ROW_MS), config, arrivals)
    told = dynamic_batching_mean_ms(rate_per_ms, _ROW_MS, _FIXED_MS)
    return Check("dynamic batching (arXiv 1912.06322)", load, told, float(seen.latency_ms.mean()))
