"""Windows that were not steady: what they say although they are INVALID, since it may be the server that stumbled.

A rate that is more than a server carries makes no window steady. An unsteady window may also be one whose beginning was
slow, while a server warmed up. So only the second half of it refutes: where that is beyond the limit too, the queue
only grew. And no promise is kept by leaving such windows out: users had their requests too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from loadgen.verdict import evidence
from playbook.prove.proof import Proof
from playbook.records.run_folder import Rows, RunFolder

OVERLOADED = {"not_steady", "offered_rate"}  # failed checks that too high a rate brings about


def refutation(proof: Proof, run: RunFolder, windows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The claim that windows without a VALID one refute all the same; None where they do not.

    Args:
        proof: What is promised.
        run: With the requests of the windows.
        windows: Of the promised rate; those that failed another check say nothing here.
    """
    limit_ms = proof.promise.p99_limit_ms
    claims = []
    for window in windows:
        if is_unsteady(window):
            latency_ms, failed = _second_half(run.rows(window["level"], "prove"))
            claims.append(evidence.claim(latency_ms, limit_ms, proof.rate_rps, 0.99, proof.confidence, failed))
    told = evidence.pooled(claims, limit_ms, proof.rate_rps, 0.99, proof.confidence)
    return told if told["refuted"] else None


def is_unsteady(window: Mapping[str, Any]) -> bool:
    """Whether a window is INVALID for nothing that accuses the load generator or its machine."""
    return bool(window["failed_checks"]) and set(window["failed_checks"]) <= OVERLOADED


def counted_in(proof: Proof, windows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The claim of the VALID windows with the unsteady ones counted in, and their number (`unsteady_windows`); None
    where there are none of these.

    How many requests are worth one is taken from the VALID ones: what is not steady drifts, whoever sends it.
    """
    valid = [window["claim"] for window in windows if window["valid"] and window.get("claim")]
    unsteady = [{**window["claim"], "tau": 1.0} for window in windows if is_unsteady(window) and window.get("claim")]
    if not unsteady:
        return None
    limit_ms = proof.promise.p99_limit_ms
    claim = evidence.pooled([*valid, *unsteady], limit_ms, proof.rate_rps, 0.99, proof.confidence)
    return {**claim, "unsteady_windows": len(unsteady)}


def _second_half(rows: Rows) -> tuple[np.ndarray, int]:
    """Latencies in the order they were due, ms, and how many requests failed."""
    order = np.argsort(rows.scheduled_ns, kind="stable")[len(rows) // 2 :]
    ok = rows.ok[order]
    return (rows.done_ns[order] - rows.scheduled_ns[order])[ok] / 1e6, int(np.count_nonzero(~ok))
