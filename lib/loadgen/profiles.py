"""Rates that change over time: steps, ramp, spike, diurnal curve, and traces read from a file.

A trace is a text file. One column: the time of each request in seconds, ascending. Two columns: `t_s,rate_rps`, a rate
profile, straight lines between its points (a step is two points at the same time). Lines starting with # are skipped.
A profile may also be written in place of the file: `spike:base=100,peak=1000,at_s=5,width_s=2`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadgen.errors import LevelError


@dataclass(frozen=True)
class Profile:
    """A piecewise linear rate: `t_s` in seconds (ascending, repeats are jumps), `rate_rps` in requests a second."""

    t_s: np.ndarray
    rate_rps: np.ndarray

    @classmethod
    def flat(cls, rate_rps: float, duration_s: float, ramp_up_s: float = 0.0) -> Profile:
        """A constant rate from 0 on, reached by a straight ramp that ends at 0."""
        return cls(
            np.array([-ramp_up_s, 0.0, duration_s]), np.array([0.0 if ramp_up_s else rate_rps, rate_rps, rate_rps])
        )

    def cumulative(self) -> np.ndarray:
        """Requests expected up to each point."""
        steps = np.diff(self.t_s) * (self.rate_rps[1:] + self.rate_rps[:-1]) / 2
        return np.concatenate([[0.0], np.cumsum(steps)])

    def total(self) -> float:
        """Requests expected over the whole profile."""
        return float(self.cumulative()[-1])

    def inverse(self, count: np.ndarray) -> np.ndarray:
        """Time in seconds at which the cumulative rate reaches each of `count`."""
        reached = self.cumulative()
        piece = np.clip(np.searchsorted(reached, count, side="right") - 1, 0, len(self.t_s) - 2)
        left, width = self.rate_rps[piece], self.t_s[piece + 1] - self.t_s[piece]
        slope = np.divide(self.rate_rps[piece + 1] - left, width, out=np.zeros_like(left), where=width > 0)
        rest = count - reached[piece]
        # solves left*x + slope*x^2/2 = rest in the form that stays exact when the slope is 0
        root = left + np.sqrt(np.maximum(left * left + 2 * slope * rest, 0.0))
        return self.t_s[piece] + np.divide(2 * rest, root, out=np.zeros_like(rest), where=root > 0)

    def cut(self, duration_s: float) -> Profile:
        """The profile up to `duration_s`; its last rate is held when it is shorter."""
        keep = self.t_s < duration_s
        end = np.interp(duration_s, self.t_s, self.rate_rps)
        return Profile(np.append(self.t_s[keep], duration_s), np.append(self.rate_rps[keep], end))

    def write(self, path: Path) -> Path:
        """Write the profile as a trace file of two columns; returns the path."""
        rows = [f"{t:.6f},{rate:.6f}" for t, rate in zip(self.t_s, self.rate_rps, strict=True)]
        path.write_text("# t_s,rate_rps\n" + "\n".join(rows) + "\n")
        return path


def _profile(points: list[tuple[float, float]]) -> Profile:
    t_s, rate = np.array(points, dtype=float).T
    return Profile(t_s, rate)


def steps(rates: str, step_s: float = 10.0) -> Profile:
    """Rates `100/200/400`, each held for `step_s` seconds."""
    held = [float(r) for r in str(rates).split("/")]
    return _profile([p for i, r in enumerate(held) for p in ((i * step_s, r), ((i + 1) * step_s, r))])


def ramp(start: float, end: float, over_s: float = 10.0) -> Profile:
    """A straight line from `start` to `end` requests a second in `over_s` seconds."""
    return _profile([(0.0, start), (over_s, end)])


def spike(base: float, peak: float, at_s: float = 5.0, width_s: float = 2.0, for_s: float = 0.0) -> Profile:
    """`base`, then `peak` from `at_s` for `width_s` seconds, then `base` until `for_s` (default: as long again)."""
    down = at_s + width_s
    end = for_s if for_s > down else down + at_s
    return _profile([(0, base), (at_s, base), (at_s, peak), (down, peak), (down, base), (end, base)])


def diurnal(low: float, high: float, period_s: float = 60.0, days: float = 1.0) -> Profile:
    """A day as one sine wave from `low` (midnight) to `high` (noon), `period_s` seconds long, `days` times."""
    t_s = np.linspace(0.0, period_s * days, max(int(48 * days), 8) + 1)
    return Profile(t_s, low + (high - low) * (1 - np.cos(2 * np.pi * t_s / period_s)) / 2)


SHAPES: dict[str, Callable[..., Profile]] = {"steps": steps, "ramp": ramp, "spike": spike, "diurnal": diurnal}


def parse(spec: str) -> Profile:
    """A profile from text such as `steps:rates=100/200,step_s=5`.

    Raises:
        LevelError: No such shape, or arguments it does not take.
    """
    shape, _, rest = spec.partition(":")
    try:
        given = dict(pair.split("=", 1) for pair in rest.split(",") if pair)
        return SHAPES[shape](**{k: v if k == "rates" else float(v) for k, v in given.items()})
    except (KeyError, TypeError, ValueError) as wrong:
        raise LevelError(
            f"trace is {spec!r}: {wrong}; use a file, or one of {', '.join(SHAPES)} as in "
            f"spike:base=100,peak=1000,at_s=5,width_s=2"
        ) from wrong


def read_trace(trace: str) -> Profile | np.ndarray:
    """Read a trace: a rate profile, or ascending request times in seconds.

    Raises:
        LevelError: The file is missing, empty, or holds neither one nor two columns of numbers in ascending time.
    """
    if trace.partition(":")[0] in SHAPES:
        return parse(trace)
    try:
        lines = [line for line in Path(trace).read_text().splitlines() if line.strip() and not line.startswith("#")]
        table = np.array([[float(x) for x in line.split(",")] for line in lines], ndmin=2)
    except (OSError, ValueError) as wrong:
        raise LevelError(f"trace {trace!r} cannot be read: {wrong}; one column of seconds, or t_s,rate_rps") from wrong
    if table.size == 0 or table.shape[1] > 2 or np.any(np.diff(table[:, 0]) < 0):
        raise LevelError(f"trace {trace!r} has shape {table.shape}; it needs one or two columns, time ascending")
    return table[:, 0] if table.shape[1] == 1 else Profile(table[:, 0], table[:, 1])
