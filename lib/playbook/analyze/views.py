"""What an analysis says as tables: the ledger, a row a level; capacity, certificate and cost."""

from __future__ import annotations

from typing import Any

from playbook import markdown
from playbook.analyze.ledger import STAGES


def ledger_table(ledger: list[dict[str, Any]]) -> str:
    """Mean milliseconds by stage, a row a level; a row adds up. Batches and padding beside it."""
    used = [stage for stage in STAGES if any(entry["mean_ns"].get(stage) for entry in ledger)]
    headers = ["load", *(f"{STAGES[stage]} ms" for stage in used), "total ms", "rows a batch", "padding"]
    rows = []
    for entry in ledger:
        parts = [round(entry["mean_ns"][stage] / 1e6, 3) if stage in entry["mean_ns"] else None for stage in used]
        share = entry.get("padding_share")
        padding = f"{share:.0%}" if share is not None else None
        rows.append([entry["load"], *parts, entry["total_ns"] / 1e6, entry.get("batch_rows"), padding])
    return markdown.table(headers, rows)


def capacity_table(judged: dict[str, Any]) -> str:
    """Capacity, knee, law, certificate, goodput and cost as a table of two columns."""
    carried, proof, cost = (judged.get(name) or {} for name in ("capacity", "certificate", "cost"))
    law = carried.get("scalability") or {}
    at = f" at {cost['rate_rps']:,.0f}/s" if cost.get("rate_rps") else ""
    peak = f"{law['peak_rps']:,.0f}/s at {law['peak_in_flight']:.1f} in flight" if law.get("peak_rps") else "no peak"
    contention = f"{law['contention']:.2g} contention, {law['coherency']:.2g} coherency" if law else None
    rows = [
        ["capacity", carried.get("text")],
        ["highest rate found by search", judged.get("searched")],
        ["headroom over the target", f"{carried['headroom']:.0%}" if carried.get("headroom") is not None else None],
        ["knee (most throughput for its latency)", carried.get("knee")],
        ["Universal Scalability Law", f"{peak}; {contention}; R² {law['r2']:.3f}" if law else None],
        ["certificate", proof.get("text")],
        ["good answers inside the limit", f"{judged['goodput_rps']:,.0f}/s" if judged.get("goodput_rps") else None],
        [f"a million predictions{at}: CPU used", _unit(cost.get("cpu_s_per_million"), "core-seconds")],
        [f"a million predictions{at}: cores paid for", _unit(cost.get("core_s_per_million"), "core-seconds")],
        [
            f"a million predictions{at}: money",
            _unit(cost.get("money_per_million") or None, cost.get("currency") or "at the prices given"),
        ],
    ]
    return markdown.table(["what", "how much"], [row for row in rows if row[1] is not None])


def _unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{markdown.number(value)} {unit}"
