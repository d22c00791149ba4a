"""VALID or INVALID, with the failed check and what to change. Nothing is hidden: an invalid level is shown, marked.

INVALID is for what is broken. Too few samples is not: `loadgen.verdict.enough` tells that apart.

Each rule looks at one thing and returns the reason and the remedy in one sentence, or nothing. Rules run in the order
of `RULES`; the name of a failed one is kept in `failed_checks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadgen.level import Level
from loadgen.rows import RequestRows
from loadgen.verdict.enough import shortage
from loadgen.verdict.remedies import PEER, remedy
from loadgen.verdict.steady import unsteady
from loadgen.verdict.stood_still import client_words, server_words
from loadgen.verdict.summary import errors_by_kind
from loadgen.verdict.unfitness import of_weight

MAX_CLIENT_CPU = 0.85
MAX_LATENESS_US = 1000.0
MAX_LATENESS_OF_P99 = 0.1
MIN_SENT = 0.98
MAX_ERROR_SHARE = 0.01
MAX_LITTLE_ERROR = 0.02
MIN_BUSY = 0.9
MAX_QUEUED_SHARE = 0.01
EDGES = 2  # of the window; at each a request may be noticed late


@dataclass(frozen=True)
class Facts:
    """What the rules look at: the level, all its rows, those due in its window, its summary so far."""

    level: Level
    rows: RequestRows
    window: RequestRows
    summary: dict[str, Any]
    start_ns: int

    @property
    def end_ns(self) -> int:
        """End of the window."""
        return self.start_ns + int(self.summary["duration_s"] * 1e9)


def server_dead(facts: Facts) -> str:
    """The server answered, as long as the level lasted."""
    if not facts.summary["dead"]:
        return ""
    kinds = ", ".join(f"{n} {kind}" for kind, n in facts.summary["errors_by_kind"].items()) or "no replies"
    return (
        f"the server stopped answering and the level ended after {facts.summary['duration_s']:.1f} s ({kinds}); "
        f"look at the server's log and start it again"
    )


def client_stood_still(facts: Facts) -> str:
    """The load generator itself ran all the time."""
    return client_words(facts.summary["client_stood_still"])


def stood_still(facts: Facts) -> str:
    """The server went on answering as long as requests were out."""
    return server_words(facts.summary["stood_still"], facts.summary["hung"])


def bad_passport(facts: Facts) -> str:
    """The generator itself was fit, as its passport says, beside what this level takes."""
    passport = facts.summary.get("passport")
    if not passport or passport["ok"]:
        return ""
    if not (problems := of_weight(passport, facts.summary)):
        return ""
    return f"the generator's own passport is bad ({'; '.join(problems)}); free the client's core and retry"


def wrong_answers(facts: Facts) -> str:
    """Every checked reply was the expected one."""
    answers = facts.summary["answers"]
    if not answers["wrong"]:
        return ""
    first = answers["first_wrong"]
    return (
        f"{answers['wrong']:,} of {answers['checked']:,} checked replies were not the expected answer: to "
        f"{first['body']} it got {first['got']!r} where {first['expected']!r} was expected; "
        f"find out which of the two is right before believing any speed"
    )


def broken_protocol(facts: Facts) -> str:
    """Every reply was one by the rules of its protocol."""
    broken = facts.summary["errors_by_kind"].get("protocol", 0)
    if not broken:
        return ""
    first = facts.summary["answers"].get("first_broken")
    said = f": to {first['body']} came {first['got']!r} where {first['expected']!r} was expected" if first else ""
    return (
        f"{broken:,} replies broke the protocol{said}; {PEER}, and mend the server or what stands before it: its next "
        "reply may be another request's"
    )


def too_many_errors(facts: Facts) -> str:
    """At most 1 % of the requests failed: of those due in the window, or of all where it saw none begin."""
    counted = facts.window if len(facts.window) else facts.rows
    share = np.count_nonzero(counted.kind) / len(counted) if len(counted) else 0.0
    if share <= MAX_ERROR_SHARE:
        return ""
    kinds = errors_by_kind(counted)
    shown = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
    return f"{share:.1%} of the requests failed ({shown}), allowed is {MAX_ERROR_SHARE:.0%}; {remedy(kinds)}"


def client_cpu(facts: Facts) -> str:
    """The client had time to spare."""
    share = facts.summary["client_cpu_share"]
    if share is None or share <= MAX_CLIENT_CPU:
        return ""
    return (
        f"the client used {share:.0%} of a core, allowed is {MAX_CLIENT_CPU:.0%}: it measured itself; "
        f"use more processes on more cores"
    )


def client_late(facts: Facts) -> str:
    """Requests were sent when they were due."""
    late, p99_ms = facts.summary["lateness_us"]["p99"], facts.summary["latency_ms"]["p99"]
    allowed = max(MAX_LATENESS_US, MAX_LATENESS_OF_P99 * 1000 * (p99_ms or 0.0))
    if not facts.level.open_loop or late is None or late <= allowed:
        return ""
    return (
        f"1 % of the requests were sent more than {late:.0f} us late, allowed is {allowed:.0f}; "
        f"pin the client to a core of its own, or use more processes"
    )


def offered_rate(facts: Facts) -> str:
    """What was due was sent inside the window."""
    window = facts.window
    if not len(facts.rows):
        return "nothing was sent at all; look at the client's own messages and hold the level again"
    if not facts.level.open_loop or not len(window):
        return ""
    sent = np.count_nonzero((window.sent_ns > 0) & (window.sent_ns < facts.end_ns)) / len(window)
    if sent >= MIN_SENT:
        return ""
    return (
        f"only {sent:.1%} of the requests due could be sent in the window, {facts.summary['queued']} waited for a free "
        f"connection (cap {facts.summary['in_flight_cap']}); lower the rate, or raise connections"
    )


def not_steady(facts: Facts) -> str:
    """The window shows one state of the server, not the way to it."""
    moved = unsteady(facts.rows, facts.start_ns, facts.summary["duration_s"], facts.level.arrival != "trace")
    return f"the window was not steady: {moved}; ramp up longer, hold longer, or lower the load" if moved else ""


def little_law(facts: Facts) -> str:
    """Requests in flight equal rate x latency, and a closed loop ran at its own concurrency."""
    law = facts.summary["little"]
    noticed_late_s = EDGES * (facts.summary["lateness_us"]["max"] or 0.0) / 1e6
    apart = abs(law["mean_in_flight"] - law["rate_times_latency"])
    if apart > max(MAX_LITTLE_ERROR * law["mean_in_flight"], noticed_late_s / facts.summary["duration_s"]):
        off = "does not hold" if law["error"] is None else f"is off by {law['error']:.1%}"
        return (
            f"Little's law {off}: {law['mean_in_flight']:.2f} requests in flight, but rate x "
            f"latency gives {law['rate_times_latency']:.2f}; do not use this level, the client lost track of requests"
        )
    clients = facts.level.concurrency
    if not facts.level.open_loop and clients and law["mean_in_flight"] > clients * (1 + MAX_LITTLE_ERROR):
        return (
            f"{law['mean_in_flight']:.1f} requests were in flight, the level says {clients}; "
            f"do not use this level, it ran at another concurrency than its label"
        )
    return ""


def count_balance(facts: Facts) -> str:
    """Server and client counted the same requests."""
    counts = facts.summary["balance"]
    if not counts or counts["balanced"]:
        return ""
    return (
        f"the server counted {counts['served']} requests, the client has {counts['answered']} answers and "
        f"{counts['uncertain']} of unknown fate; make sure that nobody else uses the server"
    )


RULES: tuple[Callable[[Facts], str], ...] = (
    server_dead,
    client_stood_still,
    stood_still,
    bad_passport,
    wrong_answers,
    broken_protocol,
    too_many_errors,
    client_cpu,
    client_late,
    offered_rate,
    not_steady,
    little_law,
    count_balance,
)


def audit(facts: Facts) -> dict[str, Any]:
    """Apply every rule: `valid`, `failed_checks` (their names), `warnings` (reason; remedy), notes last."""
    failed = {rule.__name__: reason for rule in RULES if (reason := rule(facts))}
    return {"valid": not failed, "failed_checks": list(failed), "warnings": [*failed.values(), *_notes(facts)]}


def _notes(facts: Facts) -> list[str]:
    """What a reader should know although the level stands."""
    notes = []
    summary, clients = facts.summary, facts.level.concurrency
    ended = summary["dead"] or summary["hung"]
    passport = summary.get("passport")
    if passport and not passport["ok"] and not of_weight(passport, summary):
        notes.append(
            f"the generator's own passport is bad ({'; '.join(passport['problems'])}), which is little beside answers "
            f"of {summary['latency_ms']['mean']:,.0f} ms"
        )
    if not facts.level.open_loop and clients and summary["mean_in_flight"] < MIN_BUSY * clients and not ended:
        notes.append(
            f"{summary['mean_in_flight']:.1f} of {clients} clients were waiting for the server on average; "
            f"the rest of the time went into the client or into connecting"
        )
    full = facts.level.protocol == "grpc" or summary["connections_opened"] >= summary["in_flight_cap"]
    if facts.level.open_loop and full and summary["queued"] > MAX_QUEUED_SHARE * summary["requests"]:
        notes.append(
            f"{summary['queued']} requests waited for a free connection (cap {summary['in_flight_cap']}); they are "
            f"timed from when they were due; raise connections to let the server see them"
        )
    if resent := summary["resent"]:
        notes.append(
            f"{resent:,} calls were sent a second time, as gRPC's clients do by themselves: the server had not looked "
            f"at them (above the last stream of its GOAWAY); they are timed from when they were due"
        )
    if summary["answers"]["unkept"]:
        notes.append(f"{summary['answers']['unkept']} replies were not checked: too many distinct ones to keep")
    if short := shortage(summary):
        notes.append(short)
    if summary.get("balance_problem"):
        notes.append(f"counts were not balanced with the server's: {summary['balance_problem']}")
    return notes
