"""What bringing a server up and comparing its answers takes, by what export timed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playbook.records import record
from playbook.records.batch_curve import replay_s, request_ms
from playbook.serve.answers import BUDGET_S
from playbook.stage_plan import StagePlan, stretch

START_S = 1.5  # of a server's process, before it loads
LOAD_S_PER_GB = 5.0
COMPARED_ROWS = 64
PROTOCOLS = 2


def start_s(run_dir: Path) -> float:
    """Seconds of a server's start: as 20_serve saw it in this run, else what it takes where nothing was seen."""
    kept = record.load(run_dir, "serve")["results"] if record.has(run_dir, "serve") else {}
    return float(kept.get("start_s") or START_S * stretch())


def load_s(run_dir: Path) -> float:
    """Seconds that a version's load takes on a server that runs: what a start took beyond the process's own."""
    return max(0.0, start_s(run_dir) - START_S * stretch())


def compare_s(exported: Mapping[str, Any], rows: int = COMPARED_ROWS, protocols: int = 1) -> float:
    """Seconds in which the answers to so many rows are compared, over each protocol.

    Args:
        exported: `results` of export.json.
        rows: At most; no more than there are reference rows.
        protocols: Over how many.
    """
    row_s = (request_ms(exported, exported.get("max_rows_per_request") or 1) or 0.0) / 1000
    return protocols * min(BUDGET_S, min(rows, exported.get("reference_rows") or rows) * row_s)


def stage(exported: Mapping[str, Any], server: str = "embedded") -> StagePlan:
    """The stage's plan: start, load, replayed warm-up requests, answers compared over both protocols.

    Args:
        exported: `results` of export.json.
        server: Its kind; one that is attached to runs already.
    """
    rows = min(COMPARED_ROWS, exported.get("reference_rows") or COMPARED_ROWS)
    loading_s = LOAD_S_PER_GB * (exported.get("size_bytes") or 0) / 1e9 + replay_s(exported)
    compared_s = compare_s(exported, rows, PROTOCOLS)
    started = 0.0 if server == "attach" else START_S
    parts = [("a server", started * stretch()), ("the load with its warm-up requests", loading_s if started else 0.0)]
    return StagePlan.of([*parts, (f"{rows} answers compared over REST and gRPC", max(0.5, compared_s))])
