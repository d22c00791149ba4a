"""A row of drill.json with known figures."""

from __future__ import annotations

from playbook.drill.drills import DRILLS
from playbook.records.rows import DrillRow

SECONDS = {"second": [-1, 0, 1], "offered": [500] * 3, "lost": [0, 300, 0], "kept": [True, False, True]}


def row(drill: str = "kill", remedied: bool = False, **changes) -> DrillRow:
    known = DRILLS[drill]
    base = {
        "drill": drill,
        "title": known.title,
        "remedied": remedied,
        "remedy": known.remedy if remedied else None,
        "requests": 3000,
        "lost": 300,
        "lost_by_code": {"refused": 280, "reset": 20},
        "wrong": 0,
        "compared": 2700,
        "seconds": 5.0,
        "seconds_outside": 2,
        "recovery_s": 1.4,
        "slowest_ms": 31.0,
        "seen": "ended",
        "doubt": None,
        "there": known.there,
        "source": known.source,
        "by_second": {**SECONDS, "slowest_ms": [5.0, 9.0, 5.0]},
    }
    return DrillRow(**{**base, **changes})
