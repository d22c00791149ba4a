"""What a record says of its server beside numbers: which image, and whether it is what the advice takes it to be."""

from __future__ import annotations

from typing import Any

from playbook.records.run_folder import RunFolder
from playbook.verify import first_step, kept


def words(run: RunFolder) -> str:
    """Verified on <date> by <n> of <m>, with what differs; "" where nobody asked."""
    return kept.sentence(first_step.of_run(run.run_dir))


def rows(run: RunFolder) -> list[list[Any]]:
    """Rows of the table of the environment; empty ones are left out there."""
    found = first_step.of_run(run.run_dir) or {}
    facts = (found.get("server") or {}) | (run.results("serve").get("engine") or {})
    named = [["image", facts.get("image")], ["image digest", facts.get("image_digest") or facts.get("image_id")]]
    return [*named, ["verified", words(run) or None], ["differs", _invitation(found)]]


def _invitation(found: dict[str, Any]) -> str | None:
    if not found.get("differs"):
        return None
    return f"{found['differs']} of {found['asked']} answers: advice may not hold there; please report verification.json"
