"""From when to when the server answered nothing although requests were out, read from all rows of a level."""

from __future__ import annotations

import numpy as np

from loadgen.rows import RequestRows
from loadgen.silence import ANSWERS, GIVEN_UP, LONGEST_S, TIMES_SLOWEST

NEVER_NS = np.iinfo(np.int64).max


def silences(rows: RequestRows, start_ns: int, hung: bool = False) -> list[dict[str, float]]:
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
