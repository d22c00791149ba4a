"""From when to when the server answered nothing although requests were out, read from all rows of a level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from loadgen.rows import RequestRows
from loadgen.silence import ANSWERS, GIVEN_UP, LONGEST_S, TIMES_SLOWEST

NEVER_NS = np.iinfo(np.int64).max


Span = dict[str, float]  # `from_s` and `to_s` after the window's start


def of_the_client(unseen_ns: Iterable[Sequence[int]], start_ns: int, duration_s: float) -> list[Span]:
    """From when to when a worker itself stood still, of what reaches into the window."""
    spans = ({"from_s": (begin - start_ns) / 1e9, "to_s": (end - start_ns) / 1e9} for begin, end in unseen_ns)
    inside = (span for span in spans if span["to_s"] > 0 and span["from_s"] < duration_s)
    return [{name: round(at, 2) for name, at in span.items()} for span in inside]


def not_the_clients(silences: Iterable[Span], client: Sequence[Span]) -> list[Span]:
    """Those silences of the server in which no worker stood still itself: of the others nobody knows."""
    return [one for one in silences if not any(c["from_s"] < one["to_s"] and one["from_s"] < c["to_s"] for c in client)]


def silences(rows: RequestRows, start_ns: int, hung: bool = False) -> list[Span]:
    """Each silence over `max(3 s, 5 x the slowest answer before it)`: `from_s` and `to_s` after the window's start.

    A silence runs from the last sign of the server, or from when a request was sent again, to its next sign, or to
    where the last request was given up. One that later answers show to be usual is none: a large batch after a small
    one takes as long as all large ones (five times the slowest request of any other time may pass). What ended before
    the window is left out. Before the first answer there is no knowing how slow the server is: that silence counts
    only where somebody else found that the server `hung`.
    """
    sent = rows.take(rows.sent_ns > 0)
    if not len(sent):
        return []
    sent = sent.take(np.argsort(sent.done_ns, kind="stable"))
    signs = np.flatnonzero(~np.isin(sent.kind, GIVEN_UP))
    begins = np.concatenate([[sent.sent_ns.min()], sent.done_ns[signs]])
    ends = np.concatenate([sent.done_ns[signs], [sent.done_ns[-1]]])
    out_since = np.append(np.minimum.accumulate(sent.sent_ns[::-1])[::-1], NEVER_NS)  # of what ends from here on
    begins = np.maximum(begins, out_since[np.concatenate([[0], signs + 1])])
    lasted_s = (ends - np.minimum(begins, ends)) / 1e9
    too_long = (lasted_s >= _limits_s(sent, signs, hung)) & (ends > start_ns)
    return [
        {"from_s": round((begin - start_ns) / 1e9, 2), "to_s": round((end - start_ns) / 1e9, 2)}
        for begin, end in zip(begins[too_long].tolist(), ends[too_long].tolist(), strict=True)
        if not _usual(sent, begin, end)
    ]


def _usual(sent: RequestRows, begin_ns: int, end_ns: int) -> bool:
    """Whether requests that were not out in a silence took so long that it says nothing."""
    others = np.isin(sent.kind, ANSWERS) & ((sent.done_ns <= begin_ns) | (sent.sent_ns >= end_ns))
    warm = others & _warm(sent)
    slowest_ns = (sent.done_ns - sent.sent_ns)[warm if warm.any() else others].max(initial=0)
    return end_ns - begin_ns < TIMES_SLOWEST * slowest_ns


def _limits_s(sent: RequestRows, signs: np.ndarray, hung: bool) -> np.ndarray:
    """How long each silence may be: that before any sign, then those after each sign."""
    answers = np.isin(sent.kind, ANSWERS)
    took_s = np.where(answers, sent.done_ns - sent.sent_ns, 0) / 1e9
    warmest_s, slowest_s = (np.maximum.accumulate(took)[signs] for took in (took_s * _warm(sent), took_s))
    slowest_s = np.where(warmest_s > 0, warmest_s, slowest_s)
    after = np.where(slowest_s > 0, np.maximum(LONGEST_S, TIMES_SLOWEST * slowest_s), LONGEST_S if hung else np.inf)
    return np.concatenate([[LONGEST_S if hung and not len(signs) else np.inf], after])


def _warm(sent: RequestRows) -> np.ndarray:
    """Which requests were not sent before the first answer: those may have met a cold server (`loadgen.silence`)."""
    first_ns = sent.done_ns[np.isin(sent.kind, ANSWERS)].min(initial=NEVER_NS)
    return np.asarray(sent.sent_ns >= first_ns)


def client_words(spans: Sequence[Span]) -> str:
    """What is said of a level whose workers stood still; nothing where they did not."""
    if not spans:
        return ""
    return (
        f"the load generator itself stood still {_when(spans)} (paused, or kept off its core), so that these seconds "
        f"say nothing of the server; hold the level again"
    )


def server_words(spans: Sequence[Span], hung: bool) -> str:
    """What is said of a level whose server stood still; nothing where it did not."""
    if not spans:
        return ""
    ended = ", where the level was ended" if hung else ""
    return (
        f"the server stood still {_when(spans)}{ended}: no answer, although requests were out; look at its log and its "
        f"process (paused, swapping, no thread free), and hold the level again"
    )


def _when(spans: Sequence[Span]) -> str:
    return " and ".join(f"from {span['from_s']:.1f} to {span['to_s']:.1f} s" for span in spans)
