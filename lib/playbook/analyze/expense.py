"""What reading a run takes, told before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook.stage_plan import StagePlan, stretch

READ_S = 2.0  # of a record: figures, confidence, the earlier run
S_PER_MILLION = 4.0  # of requests: each stands in several figures


def stage(levels: Sequence[Mapping[str, Any]]) -> StagePlan:
    """The stage's plan, by how many requests its levels have.

    Args:
        levels: Of stress.json.
    """
    requests = sum(level.get("requests") or 0 for level in levels)
    what = f"{len(levels)} levels with {requests:,} requests are read" if levels else "the rows are read"
    return StagePlan.of([(what, stretch() * (READ_S + S_PER_MILLION * requests / 1e6))])
