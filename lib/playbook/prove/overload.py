"""A rate that is more than a server carries: no window of it becomes steady, and what refutes the promise is INVALID.

An unsteady window may also be one whose beginning was slow, while a server warmed up. So only the second half of it
counts: where that is beyond the limit too, the queue only grew.
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
        if window["failed_checks"] and set(window["failed_checks"]) <= OVERLOADED:
            latency_ms, failed = _second_half(run.rows(window["level"], "prove"))
            claims.append(evidence.claim(latency_ms, limit_ms, proof.rate_rps, 0.99, proof.confidence, failed))
    told = evidence.pooled(claims, limit_ms, proof.rate_rps, 0.99, proof.confidence)
    return told if told["refuted"] else None


def _second_half(rows: Rows) -> tuple[np.ndarray, int]:
    """Latencies in the order they were due, ms, and how many requests failed."""
    order = np.argsort(rows.scheduled_ns, kind="stable")[len(rows) // 2 :]
    ok = rows.ok[order]
    return (rows.done_ns[order] - rows.scheduled_ns[order])[ok] / 1e6, int(np.count_nonzero(~ok))
