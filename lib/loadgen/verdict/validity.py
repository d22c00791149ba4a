"""VALID or INVALID, with the failed check and what to change. Nothing is hidden: an invalid level is shown, marked.

Each rule looks at one thing and returns the reason and the remedy in one sentence, or nothing. Rules run in the order
of `RULES`; the name of a failed one is kept in `failed_checks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadgen.level import Level
from loadgen.rows import Rows
from loadgen.verdict.steady import unsteady

MAX_CLIENT_CPU = 0.85
MAX_LATENESS_US = 1000.0
MAX_LATENESS_OF_P99 = 0.1
MIN_SENT = 0.98
MAX_ERROR_SHARE = 0.01
MAX_LITTLE_ERROR = 0.02
MIN_BUSY = 0.9
P99_SAMPLES = 1000


@dataclass(frozen=True)
class Evidence:
    """What the rules look at: the level, the rows due in its window, its summary so far."""

    level: Level
    window: Rows
    summary: dict[str, Any]
    start_ns: int

    @property
    def end_ns(self) -> int:
        """End of the window."""
        return self.start_ns + int(self.summary["duration_s"] * 1e9)


def server_dead(seen: Evidence) -> str:
    """The server answered, as long as the level lasted."""
    if not seen.summary["dead"]:
        return ""
    kinds = ", ".join(f"{n} {kind}" for kind, n in seen.summary["errors_by_kind"].items()) or "no replies"
    return (
        f"the server stopped answering and the level ended after {seen.summary['duration_s']:.1f} s ({kinds}); "
        f"look at the server's log and start it again"
    )


def bad_passport(seen: Evidence) -> str:
    """The generator itself was fit, as its passport says."""
    passport = seen.summary.get("passport")
    if not passport or passport["ok"]:
        return ""
    return f"the generator's own passport is bad ({'; '.join(passport['problems'])}); free the client's core and retry"


def wrong_answers(seen: Evidence) -> str:
    """Every checked reply was the expected one."""
    answers = seen.summary["answers"]
    if not answers["wrong"]:
        return ""
    return (
        f"{answers['wrong']} of {answers['checked']} checked replies were not the expected answer; "
        f"compare one by hand before believing any speed"
    )


def too_many_errors(seen: Evidence) -> str:
    """At most 1 % of the requests failed."""
    summary = seen.summary
    share = summary["errors"] / summary["requests"] if summary["requests"] else 0.0
    if share <= MAX_ERROR_SHARE:
        return ""
    kinds = ", ".join(f"{n} {kind}" for kind, n in summary["errors_by_kind"].items())
    return f"{share:.1%} of the requests failed ({kinds}), allowed is {MAX_ERROR_SHARE:.0%}; lower the load"


def client_cpu(seen: Evidence) -> str:
    """The client had time to spare."""
    share = seen.summary["client_cpu_share"]
    if share is None or share <= MAX_CLIENT_CPU:
        return ""
    return (
        f"the client used {share:.0%} of a core, allowed is {MAX_CLIENT_CPU:.0%}: it measured itself; "
        f"use more processes on more cores"
    )


def client_late(seen: Evidence) -> str:
    """Requests were sent when they were due."""
    late, p99_ms = seen.summary["lateness_us"]["p99"], seen.summary["latency_ms"]["p99"]
    allowed = max(MAX_LATENESS_US, MAX_LATENESS_OF_P99 * 1000 * (p99_ms or 0.0))
    if not seen.level.open_loop or late is None or late <= allowed:
        return ""
    return (
        f"1 % of the requests were sent more than {late:.0f} us late, allowed is {allowed:.0f}; "
        f"pin the client to a core of its own, or use more processes"
    )


def offered_rate(seen: Evidence) -> str:
    """What was due was sent inside the window."""
    window = seen.window
    if not seen.level.open_loop or not len(window):
        return "" if len(window) else "nothing was due inside the window; hold it longer or raise the rate"
    sent = np.count_nonzero((window.sent_ns > 0) & (window.sent_ns < seen.end_ns)) / len(window)
    if sent >= MIN_SENT:
        return ""
    return (
        f"only {sent:.1%} of the requests due could be sent in the window, {seen.summary['queued']} waited for a free "
        f"connection (cap {seen.summary['in_flight_cap']}); lower the rate, or raise connections"
    )


def not_steady(seen: Evidence) -> str:
    """The window shows one state of the server, not the way to it."""
    moved = unsteady(seen.window, seen.start_ns, seen.summary["duration_s"], seen.level.arrival != "trace")
    return f"the window was not steady: {moved}; ramp up longer, hold longer, or lower the load" if moved else ""


def too_few_samples(seen: Evidence) -> str:
    """Ten samples lie beyond p99."""
    good = seen.summary["requests"] - seen.summary["errors"]
    if good >= P99_SAMPLES:
        return ""
    rate = good / seen.summary["duration_s"]
    longer = f"hold it {P99_SAMPLES / rate:.0f} s" if rate else "hold it longer"
    return f"p99 needs {P99_SAMPLES} good requests (ten beyond it), the window has {good}; {longer}"


def little_law(seen: Evidence) -> str:
    """Requests in flight equal rate x latency, and a closed loop ran at its own concurrency."""
    law = seen.summary["little"]
    if law["error"] is not None and law["error"] > MAX_LITTLE_ERROR:
        return (
            f"Little's law is off by {law['error']:.1%}: {law['mean_in_flight']:.2f} requests in flight, but rate x "
            f"latency gives {law['rate_times_latency']:.2f}; do not use this level, the client lost track of requests"
        )
    clients = seen.level.concurrency
    if not seen.level.open_loop and clients and law["mean_in_flight"] > clients * (1 + MAX_LITTLE_ERROR):
        return (
            f"{law['mean_in_flight']:.1f} requests were in flight, the level says {clients}; "
            f"do not use this level, it ran at another concurrency than its label"
        )
    return ""


def count_balance(seen: Evidence) -> str:
    """Server and client counted the same requests."""
    found = seen.summary["balance"]
    if not found or found["balanced"]:
        return ""
    return (
        f"the server counted {found['served']} requests, the client has {found['answered']} answers and "
        f"{found['uncertain']} of unknown fate; make sure that nobody else uses the server"
    )


RULES: tuple[Callable[[Evidence], str], ...] = (
    server_dead,
    bad_passport,
    wrong_answers,
    too_many_errors,
    client_cpu,
    client_late,
    offered_rate,
    not_steady,
    too_few_samples,
    little_law,
    count_balance,
)


def audit(seen: Evidence) -> dict[str, Any]:
    """Apply every rule: `valid`, `failed_checks` (their names), `warnings` (reason; remedy), notes last."""
    failed = {rule.__name__: reason for rule in RULES if (reason := rule(seen))}
    return {"valid": not failed, "failed_checks": list(failed), "warnings": [*failed.values(), *_notes(seen)]}


def _notes(seen: Evidence) -> list[str]:
    """What a reader should know although the level stands."""
    notes = []
    summary, clients = seen.summary, seen.level.concurrency
    if not seen.level.open_loop and clients and summary["mean_in_flight"] < MIN_BUSY * clients and not summary["dead"]:
        notes.append(
            f"{summary['mean_in_flight']:.1f} of {clients} clients were waiting for the server on average; "
            f"the rest of the time went into the client or into connecting"
        )
    if seen.level.open_loop and summary["queued"] > 0.01 * summary["requests"]:
        notes.append(
            f"{summary['queued']} requests waited for a free connection (cap {summary['in_flight_cap']}); they are "
            f"timed from when they were due; raise connections to let the server see them"
        )
    if summary["answers"]["unkept"]:
        notes.append(f"{summary['answers']['unkept']} replies were not checked: too many distinct ones to keep")
    if summary.get("balance_problem"):
        notes.append(f"counts were not balanced with the server's: {summary['balance_problem']}")
    return notes
