"""The page's time axes: the levels of stress, what prove held, and the moving load that adapt played."""

from __future__ import annotations

from playbook.drawing import moving, timeline
from playbook.prove.words import curve_names
from playbook.records.run_folder import RunFolder
from playbook.report.pictures import Pictures, add


def section(run: RunFolder, analysis: dict | None, pictures: Pictures) -> str:
    """Rate, p99, batch size and CPU of each configuration, with its changes; then each choice under moving load."""
    first, second = curve_names(run, bool(run.results("prove").get("tuned")))
    limit = run.stress.get("limit_ms") or (run.results("prove").get("promise") or {}).get("p99_limit_ms")
    parts = []
    for verb, name, file in (("stress", first, "timeline"), ("prove", second, "timeline_proven")):
        if read := timeline.read(run, verb=verb):
            drawn = timeline.picture(read, limit, name if run.results("prove") else "")
            parts += [f"**{name[:1].upper()}{name[1:]}**", add(pictures, file, drawn)]
    if played := moving.recorded(run):
        drawn = moving.picture(played, run.results("adapt").get("limit_ms") or limit or 0.0)
        parts += ["**Moving load** (grey: the rate; a line: a live change)", add(pictures, "moving_load", drawn)]
    return "\n\n".join(part for part in parts if part)
