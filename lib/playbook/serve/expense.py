"""What bringing a server up and comparing its answers takes, by what export timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from playbook.records import record
from playbook.records.batch_curve import replay_s, request_ms, wire_ms
from playbook.serve.answers import BUDGET_S
from playbook.stage_plan import StagePlan, stretch

START_S = 1.0  # of a server's process, before it loads
END_S = 0.5  # of a server that is asked to end
LOAD_S_PER_GB = 5.0  # where export did not time a load
COMPARED_ROWS = 64
PROTOCOLS = ("rest", "grpc")


def start_s(run_dir: Path) -> float:
    """Seconds of a start, load and warm-up requests included: as 20_serve saw it in this run, else as export timed."""
    kept = record.load(run_dir, "serve")["results"] if record.has(run_dir, "serve") else {}
    exported = record.load(run_dir, "export")["results"] if record.has(run_dir, "export") else {}
    return float(kept.get("start_s") or START_S * stretch() + loading_s(exported))


def load_s(run_dir: Path) -> float:
    """Seconds that a version's load takes on a server that runs: what a start took beyond the process's own."""
    return max(0.0, start_s(run_dir) - START_S * stretch())


def loading_s(exported: Mapping[str, Any]) -> float:
    """Seconds that a load of the version takes, with its warm-up requests, by what export timed.

    Args:
        exported: `results` of export.json.
    """
    timed_s = (exported.get("plan") or {}).get("load_s")
    read_s = LOAD_S_PER_GB * (exported.get("size_bytes") or 0) / 1e9 if timed_s is None else float(timed_s)
    return read_s + replay_s(exported)


def compare_s(
    exported: Mapping[str, Any], rows: int = COMPARED_ROWS, protocols: Sequence[str] = ("rest",), asked_ms: float = 0.0
) -> float:
    """Seconds in which the answers to so many rows are compared, over each protocol.

    Args:
        exported: `results` of export.json.
        rows: At most; no more than there are reference rows.
        protocols: Over which.
        asked_ms: What one request took on the server alone over REST, where it was timed.
    """
    row_ms = request_ms(exported, exported.get("max_rows_per_request") or 1) or 0.0
    counted = min(rows, exported.get("reference_rows") or rows)
    by_protocol = {name: row_ms + wire_ms(exported, 1, name) for name in protocols}
    if "rest" in by_protocol:
        by_protocol["rest"] = max(asked_ms, by_protocol["rest"])
    return sum(min(BUDGET_S, counted * one_ms / 1000) for one_ms in by_protocol.values())


def stage(exported: Mapping[str, Any], server: str = "embedded") -> StagePlan:
    """The stage's plan: start, load, replayed warm-up requests, answers compared over both protocols.

    Args:
        exported: `results` of export.json.
        server: Its kind; one that is attached to runs already.
    """
    rows = min(COMPARED_ROWS, exported.get("reference_rows") or COMPARED_ROWS)
    compared_s = compare_s(exported, rows, PROTOCOLS)
    started = 0.0 if server == "attach" else START_S
    parts = [
        ("a server", started * stretch()),
        ("the load with its warm-up requests", loading_s(exported) if started else 0.0),
    ]
    return StagePlan.of([*parts, (f"{rows} answers compared over REST and gRPC", max(0.5, compared_s))])
