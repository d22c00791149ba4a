"""What the comparison of replies proves: how many wrong ones could have stayed unseen, and what the first one was."""

from __future__ import annotations

from typing import Any

from loadgen.verdict.evidence import upper_bound

CONFIDENCE = 0.95


def add_up(of_workers: list[dict[str, Any]]) -> dict[str, Any]:
    """The `answers` of a summary from those of its workers: counts added, the earliest wrong and broken one of all."""
    checked, wrong, unkept = (sum(one[name] for one in of_workers) for name in ("checked", "wrong", "unkept"))
    return {
        "checked": checked,
        "wrong": wrong,
        "unkept": unkept,
        "could_miss_share": could_miss(wrong, checked),
        "first_wrong": _earliest([one["first_wrong"] for one in of_workers]),
        "first_broken": _earliest([one.get("first_broken") for one in of_workers]),
    }


def _earliest(firsts: list[dict[str, Any] | None]) -> dict[str, Any] | None:
    first = min(filter(None, firsts), key=lambda one: one["done_ns"], default=None)
    return first and {name: first[name] for name in ("body", "expected", "got")}


def could_miss(wrong: int, checked: int) -> float:
    """The upper 95 % limit of the share of wrong answers, from the number compared; 1 where nothing was.

    Source: Clopper-Pearson, which for none wrong is the rule of three: about 30,000 replies for 1 in 10,000.
    """
    return upper_bound(wrong, checked, 1.0, CONFIDENCE) if checked else 1.0
