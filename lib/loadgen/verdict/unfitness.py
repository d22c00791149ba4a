"""Which problems of a bad passport matter to a level: sending 5 ms late spoils answers of 10 ms, not of 2 s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHARE = 0.1  # of the mean latency, that the generator may be off by
TIMES = 10.0  # the level's rate, that one process must be able to send


def of_weight(passport: Mapping[str, Any], summary: Mapping[str, Any]) -> list[str]:
    """The problems of the passport that could have changed what this level shows.

    Args:
        passport: As `loadgen.passport` returns it.
        summary: Of the level, as `describe` makes it.
    """
    named = passport.get("problem_figures") or [""] * len(passport["problems"])
    return [text for name, text in zip(named, passport["problems"], strict=True) if _matters(name, passport, summary)]


def _matters(figure: str, passport: Mapping[str, Any], summary: Mapping[str, Any]) -> bool:
    mean_ms, value = summary["latency_ms"]["mean"], passport.get(figure)
    if mean_ms is None or value is None:
        return True
    if figure == "max_rate_rps":
        return bool(value < TIMES * max(summary["offered_rps"], summary["throughput_rps"]))
    off_ms = {"floor_ms": 1.0, "stall_error": passport.get("stall_ms") or 0.0}.get(figure, 1e-3) * value
    return bool(off_ms > SHARE * mean_ms)
