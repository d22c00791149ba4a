"""All runs of an outputs folder: a list for the terminal, `index.md` and `index.html` for a browser, newest first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playbook import markdown
from playbook.drawing import pages
from playbook.records import places, tables, views, whole_file

BARS = "▁▂▃▄▅▆▇█"
COLUMNS = [column.name for column in tables.RECORDS["runs"]]
RECENT = 20  # runs in a sparkline


def rows(outputs: Path) -> list[dict[str, Any]]:
    """The runs of a folder, newest first, by the columns of the view `runs`.

    Raises:
        QueryFailed: there is no such folder.
    """
    found = views.run_rows(places.Local(Path(outputs)).records())
    runs = [dict(zip(COLUMNS, row, strict=True)) for row in found]
    return sorted(runs, key=lambda run: (run["created_utc"] or "", run["run_id"]), reverse=True)


def listing(outputs: Path) -> str:
    """The runs as a table for the terminal, each with its verdict below it."""
    runs = rows(outputs)
    if not runs:
        return f"There is no record in {outputs} yet. `playbook run params/quick.yml` makes one."
    width = max(len(run["run_id"]) for run in runs)
    lines = []
    for run in runs:
        rate = f"{_rate(run):,.0f}/s" if _rate(run) else "–"
        gain = f"{run['gain']:.2f} ×" if run["gain"] else ""
        told = f"{run['model'] or '–'} on {run['server'] or '–'}"
        lines.append(f"{run['run_id']:{width}}  {told:24}  {rate:>10}  {gain:>7}  {run['stages']}")
        lines += [f"{'':{width}}  not readable: {run['problem']}"] if run["problem"] else []
    return "\n".join(lines)


def sparkline(values: list[float]) -> str:
    """Values as a row of bars, oldest first; the lowest bar is nothing, so heights compare."""
    top = max(values, default=0.0)
    return "".join(BARS[min(len(BARS) - 1, int(value / top * len(BARS)))] for value in values) if top > 0 else ""


def write_index(outputs: Path) -> Path:
    """Write `index.md` and `index.html` over all runs; returns index.md."""
    runs = rows(outputs)
    parts = ["# Performance records", "", f"{len(runs)} runs, newest first.", ""]
    parts += ["## Capacity by model", "", _models(runs), "", "## Runs", "", _table(runs), ""]
    page = "\n".join(parts)
    path = Path(outputs) / "index.md"
    whole_file.write_text(path, page)
    html = pages.html(page.replace("record.md", "record.html"), {}, "Records")
    whole_file.write_text(path.with_suffix(".html"), html)
    return path


def _models(runs: list[dict[str, Any]]) -> str:
    """A row a model and server kind: the rates inside the limit over time, and the newest."""
    series: dict[tuple[str, str], list[float]] = {}
    for run in reversed(runs):
        if _rate(run):
            series.setdefault((run["model"] or "–", run["server"] or "–"), []).append(_rate(run))
    rows = [
        [model, server, sparkline(rates[-RECENT:]), f"{min(rates):,.0f} to {max(rates):,.0f}", rates[-1]]
        for (model, server), rates in series.items()
    ]
    headers = ["model", "server", f"last {RECENT} runs", "requests/s", "newest requests/s"]
    return markdown.table(headers, rows) if rows else "No run has measured a rate inside its limit yet."


def _table(runs: list[dict[str, Any]]) -> str:
    headers = ["run", "model", "server", "requests/s", "p99 ms", "limit ms", "gain", "verdict"]
    lines = []
    for run in runs:
        gain = f"{run['gain']:.2f} ×" if run["gain"] else None
        words = run["verdict"] or run["problem"]
        link = f"[{run['run_id']}]({run['run_id']}/record.md)"
        told = [run["model"], run["server"], _rate(run), run["best_p99_ms"], run["limit_ms"], gain, words]
        lines.append([link, *told])
    return markdown.table(headers, lines)


def _rate(run: dict[str, Any]) -> float | None:
    return run["tuned_rps"] or run["best_rps"]
