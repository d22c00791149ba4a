"""How long each level is held, planned from the time of one request: no window is too short to show its load.

A closed loop of 32 clients on a model of 100 ms needs 3 s until each of them was answered once; a window of 2.5 s shows
the beginning of it. So ramp-up is one round and the window several. What a percentile needs beyond that is taken inside
the seconds given, the same percentile for every level, and what is left out is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from playbook.stage_plan import spoken
from playbook.stress.load import Load

ROUNDS = 3  # times every client of a closed loop is answered inside its window
ARRIVALS = 20  # requests of an open loop's window at least
WAIT = 5.0  # service times until an open loop below its rate is steady
WAITED = 0.8  # of a request's time-out, that a round of a closed loop may take
ROOM = 1.1  # times what was asked for, where no more seconds are given: a little is no reason to leave a level out
FREE_S = 10.0  # of all levels, whatever was given: a busy moment while one request is timed leaves none out
BETWEEN_S = 0.45  # of a level beside ramp-up, window and the last answers
SAMPLES = {"p99": 1050, "p95": 210, "p90": 105}  # good requests for ten beyond it, and 5 % for chance


@dataclass(frozen=True)
class Hold:
    """One level and its time: `concurrency` in a closed loop, or an open one at `rate_rps` or `share` of the best."""

    duration_s: float
    ramp_up_s: float
    drain_s: float
    expected_rps: float
    concurrency: int | None = None
    rate_rps: float | None = None
    share: float | None = None

    @property
    def whole_s(self) -> float:
        """Seconds from its beginning to the beginning of the next."""
        return self.ramp_up_s + self.duration_s + self.drain_s + BETWEEN_S

    def words(self) -> str:
        """The load in words."""
        if self.concurrency is not None:
            return f"{self.concurrency} client{'s' * (self.concurrency != 1)}"
        return f"{self.rate_rps:g}/s" if self.rate_rps is not None else f"{self.share:g} of the best rate"

    def holding(self, percentile: str) -> Hold:
        """The same, long enough for a percentile at the rate that is expected."""
        return replace(self, duration_s=max(self.duration_s, SAMPLES[percentile] / self.expected_rps))


@dataclass(frozen=True)
class Schedule:
    """Levels in the order they are held, how often, and what is left out, in words; planned for `request_ms`."""

    levels: tuple[Hold, ...]
    request_ms: float
    repeats: int = 1
    left_out: tuple[str, ...] = ()

    @property
    def expected_s(self) -> float:
        """Seconds for all of them."""
        return self.repeats * sum(level.whole_s for level in self.levels)

    @property
    def words(self) -> str:
        """The levels in words, e.g. `5 levels of 2.5 s`."""
        lengths = sorted(level.duration_s for level in self.levels)
        span = f"{lengths[0]:.3g}" if lengths[-1] < 1.05 * lengths[0] else f"{lengths[0]:.3g} to {lengths[-1]:.3g}"
        count = self.repeats * len(lengths)
        return f"{count} level{'s' * (count != 1)} of {span} s"

    def __iter__(self) -> Iterator[Hold]:
        return iter(self.levels)


def planned(
    load: Load,
    request_ms: float,
    concurrency: Iterable[int],
    rates_rps: Iterable[float] = (),
    rate_shares: Iterable[float] = (),
    repeats: int = 1,
    budget_s: float = 0.0,
) -> Schedule:
    """Plan the windows of all levels.

    Args:
        load: The window and ramp-up of a fast model; none is shorter.
        request_ms: What one request takes alone.
        concurrency: Closed loops, each with so many requests in flight.
        rates_rps: Open loops at these rates.
        rate_shares: Further open loops, at these shares of the best rate of the levels before them.
        repeats: How often the whole list is held.
        budget_s: Seconds for all levels, in which windows are made longer than `load.duration_s`.
    """
    service_s = request_ms / 1000
    closed = [_closed(load, service_s, int(clients)) for clients in concurrency]
    levels = [level for level in closed if level.drain_s <= WAITED * load.timeout_s] or closed[:1]
    late = [
        f"{level.words()}: an answer takes {spoken(level.drain_s)}, and timeout_s is {load.timeout_s:g}"
        for level in closed
        if level not in levels
    ]
    levels += [_open(load, service_s, rate, rate_rps=float(rate)) for rate in rates_rps]
    levels += [_open(load, service_s, share / service_s, share=float(share)) for share in rate_shares]
    asked_s = ROOM * len(levels) * (load.ramp_up_s + load.duration_s + BETWEEN_S)
    most_s = max(budget_s / repeats, asked_s)
    levels, left_out = _without_the_longest(levels, max(most_s, FREE_S))
    return _longer(Schedule(tuple(levels), request_ms, repeats, (*late, *left_out)), most_s)


def _closed(load: Load, service_s: float, clients: int) -> Hold:
    round_s = clients * service_s  # on several cores a round is shorter
    return Hold(
        duration_s=max(load.duration_s, ROUNDS * round_s),
        ramp_up_s=max(load.ramp_up_s, round_s),
        drain_s=round_s,
        expected_rps=1 / service_s,
        concurrency=clients,
    )


def _open(
    load: Load, service_s: float, expected_rps: float, rate_rps: float | None = None, share: float | None = None
) -> Hold:
    return Hold(
        duration_s=max(load.duration_s, ARRIVALS / expected_rps),
        ramp_up_s=max(load.ramp_up_s, WAIT * service_s),
        drain_s=service_s,
        expected_rps=expected_rps,
        rate_rps=rate_rps,
        share=share,
    )


def _without_the_longest(levels: list[Hold], most_s: float) -> tuple[list[Hold], list[str]]:
    """Leave out levels, the one that takes longest first, until the rest fits; one level stays."""
    left_out: list[str] = []
    while len(levels) > 1 and sum(level.whole_s for level in levels) > most_s:
        longest = max(levels, key=lambda level: level.whole_s)
        levels = [level for level in levels if level is not longest]
        least = f"{ROUNDS} answers to each" if longest.concurrency is not None else f"{ARRIVALS} requests"
        left_out.append(f"{longest.words()}: {least} take about {spoken(longest.duration_s)}")
    return levels, left_out


def _longer(so_far: Schedule, most_s: float) -> Schedule:
    """Every window long enough for the highest percentile that fits."""
    for percentile in SAMPLES:
        longer = tuple(level.holding(percentile) for level in so_far.levels)
        if sum(level.whole_s for level in longer) <= most_s:
            return replace(so_far, levels=longer)
        if longer != so_far.levels:
            needs_s = sum(level.whole_s for level in longer)
            missing = f"{percentile} of every level: that takes {spoken(so_far.repeats * needs_s)} in all"
            so_far = replace(so_far, left_out=(*_other_than_percentiles(so_far.left_out), missing))
    return so_far


def _other_than_percentiles(left_out: Iterable[str]) -> list[str]:
    return [text for text in left_out if not text.startswith(tuple(SAMPLES))]
