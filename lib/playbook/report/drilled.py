"""The drills on a record's page: the figure, what users lost, what was not held, what TensorFlow Serving does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playbook.drawing import outages
from playbook.drill import views
from playbook.prove.words import curve_names
from playbook.records.run_folder import RunFolder
from playbook.report.pictures import Pictures, add


def section(run: RunFolder, analysis: dict | None, pictures: Pictures) -> str:
    """What users lost in each drill, as it was and with the remedy; empty where nothing was drilled."""
    drilled = run.results("drill")
    rows, parts = drilled.get("drills") or [], []
    if rows:
        parts = [
            _how(drilled, curve_names(run, bool(drilled.get("tuned")))),
            add(pictures, "drills", outages.outages(rows)),
            views.drills_table(rows),
        ]
    if drilled.get("left_out"):
        parts.append(views.left_out_table(drilled))
    there = ["**What TensorFlow Serving does there**, from its own sources", views.there_table(rows)] if rows else []
    return "\n\n".join([*parts, *there])


def _how(drilled: Mapping[str, Any], names: tuple[str, str]) -> str:
    """On which configuration, at which rate and for how long the drills were held."""
    rate, seconds = drilled.get("rate_rps"), drilled.get("drill_s")
    held = f"at {rate:,.0f} requests/s, {seconds:g} s of load each" if rate and seconds else "at the promised rate"
    name = names[1] if drilled.get("tuned") else names[0]
    return f"Each drill was held on the {name}, {held} (`75_drill`; `drills: [all]` holds every one)."
