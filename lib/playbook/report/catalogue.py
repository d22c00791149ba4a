"""All runs of an outputs folder: a list for the terminal, `index.md` and `index.html` for a browser, newest first."""

from __future__ import annotations

from pathlib import Path
from typing import cast
from urllib.parse import quote

from playbook import markdown
from playbook.drawing import pages
from playbook.records import places, tables, views, whole_file
from playbook.records.rows import RunRow

BARS = "▁▂▃▄▅▆▇█"
COLUMNS = [column.name for column in tables.RECORDS["runs"]]
RECENT = 20  # runs in a sparkline


def rows(outputs: Path) -> list[RunRow]:
    """The runs of a folder, newest first, by the columns of the view `runs`.

    Raises:
        QueryFailed: there is no such folder.
    """
    records = views.run_rows(places.Local(Path(outputs)).records())
    runs = [cast(RunRow, dict(zip(COLUMNS, row, strict=True))) for row in records]
    return sorted(runs, key=lambda run: (run["created_utc"] or "", run["run_id"]), reverse=True)


def listing(outputs: Path) -> str:
    """The runs as a table for the terminal: when, what, the promise and the answer, with what could not be read."""
    runs = rows(outputs)
    if not runs:
        return f"There is no record in {outputs} yet. `playbook run params/quick.yml` makes one."
    lines = [[run["run_id"], (run["created_utc"] or "–")[:10], _what(run), *_told(run)] for run in runs]
    table = [["run", "date", "model and server", "promise", "answer", "rate", "p99 ms", "gain"], *lines]
    widths = [max(len(line[place]) for line in table) for place in range(len(table[0]))]
    shown = []
    for line, run in zip(table, [None, *runs], strict=True):
        shown.append("  ".join(f"{text:{width}}" for text, width in zip(line, widths, strict=True)).rstrip())
        shown += [f"{'':{widths[0]}}  not readable: {run['problem']}"] if run and run["problem"] else []
    return "\n".join(shown)


def _what(run: RunRow) -> str:
    return f"{run['model'] or '–'} on {run['server'] or '–'}"


def _told(run: RunRow) -> list[str]:
    """Promise, answer, a rate with the p99 that was measured at it, and the gain."""
    rate, p99_ms = _rate_and_p99(run)
    limit, target = run["limit_ms"], run["target_rps"]
    promise = (f"{limit:g} ms" if limit else "–") + (f" at {target:,.0f}/s" if target else "")
    gain = f"{run['gain']:.2f} ×" if run["gain"] else "–"
    return [promise, run["answer"] or "–", f"{rate:,.0f}/s" if rate else "–", markdown.number(p99_ms), gain]


def _rate_and_p99(run: RunRow) -> tuple[float | None, float | None]:
    """A rate and the p99 at it, measured together: as held by the proof, else of stress's best level."""
    if run["held_rps"]:
        return run["held_rps"], run["held_p99_ms"]
    return run["best_rps"], run["best_p99_ms"]


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


def _models(runs: list[RunRow]) -> str:
    """A row a model and server kind: the rates inside the limit over time, and the newest."""
    series: dict[tuple[str, str], list[float]] = {}
    for run in reversed(runs):
        if rate := run["tuned_rps"] or run["best_rps"]:
            series.setdefault((run["model"] or "–", run["server"] or "–"), []).append(rate)
    rows = [
        [model, server, sparkline(rates[-RECENT:]), f"{min(rates):,.0f} to {max(rates):,.0f}", rates[-1]]
        for (model, server), rates in series.items()
    ]
    headers = ["model", "server", f"last {RECENT} runs", "requests/s", "newest requests/s"]
    return markdown.table(headers, rows) if rows else "No run has measured a rate inside its limit yet."


def _table(runs: list[RunRow]) -> str:
    headers = ["run", "date", "model and server", "promise", "answer", "requests/s", "p99 ms", "gain", "verdict"]
    lines = []
    for run in runs:
        link = f"[{run['run_id']}]({quote(run['run_id'])}/record.md)"
        date, verdict = (run["created_utc"] or "–")[:10], run["verdict"] or run["problem"]
        lines.append([link, date, _what(run), *_told(run), verdict])
    return markdown.table(headers, lines)
