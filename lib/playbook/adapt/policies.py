"""Policies of adapting: what batching parameters a window of load calls for. Pure functions of what was seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from playbook.errors import ParameterError
from playbook.monitor.sensor import SensorWindow
from playbook.promise import Promise
from playbook.tfserving.config import Config
from playbook.tune.fit import at_rate
from playbook.tune.request_path import RequestPath

POLICIES = ("threshold", "aimd", "model")


@dataclass(frozen=True)
class Bounds:
    """How far a policy may go, and how far at once."""

    max_batch_size: tuple[int, int] = (8, 128)
    batch_timeout_micros: tuple[int, int] = (0, 10_000)
    timeout_step_micros: int = 1000

    def __post_init__(self) -> None:
        for name in ("max_batch_size", "batch_timeout_micros"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise ParameterError(
                    f"The bounds of {name} are {low} to {high}; the first must not be above the second."
                )
        if self.max_batch_size[0] < 1:
            raise ParameterError("max_batch_size must stay at 1 or above.")

    def config(self, base: Config, max_batch_size: float, batch_timeout_micros: float) -> Config:
        """The configuration with these parameters, brought inside the bounds; batching is on."""
        size = int(min(max(max_batch_size, self.max_batch_size[0]), self.max_batch_size[1]))
        wait = int(min(max(batch_timeout_micros, self.batch_timeout_micros[0]), self.batch_timeout_micros[1]))
        return replace(
            base, enable_batching=True, max_batch_size=size, batch_timeout_micros=wait, allowed_batch_sizes=()
        )


@dataclass(frozen=True)
class Wish:
    """What a policy asks for, and why in words."""

    config: Config
    why: str


Policy = Callable[[SensorWindow, Config], Wish]


def threshold(promise: Promise, bounds: Bounds, grow_above_rps: float = 100.0) -> Policy:
    """Above `grow_above_rps` and under the limit grow by half; above twice the limit halve; else leave it."""

    def decide(window: SensorWindow, now: Config) -> Wish:
        size, wait, p99 = now.effective("max_batch_size"), now.batch_timeout_micros, window.p99_ms
        if p99 is not None and p99 > 2 * promise.p99_limit_ms:
            return Wish(bounds.config(now, size / 2, wait / 2), f"p99 {p99:.1f} ms is above twice the limit: shrink")
        if p99 is not None and window.rate_rps > grow_above_rps and p99 < promise.p99_limit_ms:
            grown = bounds.config(now, size * 1.5, max(bounds.timeout_step_micros, wait * 1.5))
            return Wish(grown, f"{window.rate_rps:,.0f}/s with p99 {p99:.1f} ms under the limit: grow")
        return Wish(now, "neither busy under the limit nor above twice the limit")

    return decide


def aimd(promise: Promise, bounds: Bounds, calm: float = 0.8) -> Policy:
    """Additive increase while p99 is under `calm` of the limit, multiplicative decrease above the limit."""

    def decide(window: SensorWindow, now: Config) -> Wish:
        size, wait, p99 = now.effective("max_batch_size"), now.batch_timeout_micros, window.p99_ms
        if p99 is not None and p99 > promise.p99_limit_ms:
            return Wish(bounds.config(now, size / 2, wait / 2), f"p99 {p99:.1f} ms is above the limit: halve")
        if p99 is not None and p99 < calm * promise.p99_limit_ms:
            grown = bounds.config(now, size + 8, wait + bounds.timeout_step_micros)
            return Wish(grown, f"p99 {p99:.1f} ms is under {calm:.0%} of the limit: one step up")
        return Wish(now, "p99 is near the limit")

    return decide


def model(
    promise: Promise, bounds: Bounds, path: RequestPath, base: Config, headroom: float = 1.2, better: float = 0.15
) -> Policy:
    """Ask the simulator which configuration has the lowest p99 at the present rate, with some headroom.

    A change is wished only when the simulated p99 is lower by the share `better`: nearly equal ones do not alternate.

    Args:
        promise: What must be kept.
        bounds: Sizes double from the lowest to the highest; time-outs are the lowest, one step, half and the highest.
        path: The fitted request path.
        base: The thread flags of the server.
        headroom: How much more than the present rate a configuration must carry.
        better: By what share its p99 must be lower than the present configuration's.
    """
    candidates = _candidates(bounds, base)

    def p99_ms(config: Config, rate_rps: float) -> float:
        outcome = at_rate(path, config, rate_rps, requests=2000)
        return outcome.percentile(99) if promise.errors_inside(outcome.error_share) else float("inf")

    def decide(window: SensorWindow, now: Config) -> Wish:
        rate = max(1.0, window.rate_rps * headroom)
        expected = {config: p99_ms(config, rate) for config in {*candidates, now}}
        best = min(candidates, key=expected.__getitem__)
        if expected[best] < (1 - better) * expected[now]:
            why = (
                f"at {rate:,.0f}/s the simulator expects p99 {expected[best]:.1f} ms instead of {expected[now]:.1f} ms"
            )
            return Wish(best, why)
        return Wish(now, f"the simulator knows nothing better at {rate:,.0f}/s")

    return decide


def _candidates(bounds: Bounds, base: Config) -> list[Config]:
    low, high = bounds.max_batch_size
    sizes = [low * 2**power for power in range(12) if low * 2**power <= high]
    shortest, longest = bounds.batch_timeout_micros
    waits: Sequence[int] = sorted({shortest, min(longest, bounds.timeout_step_micros), longest // 2, longest})
    return [bounds.config(base, size, wait) for size in sizes for wait in waits]
