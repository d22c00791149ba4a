"""All runs of an outputs folder: a list for the terminal, `index.md` and `index.html` for a browser, newest first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from playbook import markdown
from playbook.drawing import overlay, pages
from playbook.drawing.tables import sortable
from playbook.records import places, remarks, stale, tables, views, whole_file
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


class Filter(NamedTuple):
    """Which runs are listed; None lets all through."""

    model: str | None = None
    server: str | None = None
    answer: str | None = None  # kept, not kept, not proven, none
    tag: str | None = None
    since: str | None = None  # a day, as 2026-11-26

    def lets(self, run: RunRow, said: remarks.Remarks) -> bool:
        """Whether a run is one of these."""
        answer = (run["answer"] or "none").lower()
        return (
            (self.model is None or run["model"] == self.model)
            and (self.server is None or run["server"] == self.server)
            and (self.answer is None or answer == self.answer.lower().replace("_", " ").replace("-", " "))
            and (self.tag is None or self.tag in said.tags)
            and (self.since is None or (run["created_utc"] or "") >= self.since)
        )


def listing(outputs: Path, wanted: Filter | None = None, verdicts: bool = False) -> str:
    """The runs as a table for the terminal: when, what, the promise and the answer, with what could not be read."""
    everything, wanted = rows(outputs), wanted or Filter()
    if not everything:
        return f"There is no record in {outputs} yet. `playbook run params/quick.yml` makes one."
    said = {run["run_id"]: remarks.read(Path(outputs) / run["run_id"]) for run in everything}
    runs = [run for run in everything if wanted.lets(run, said[run["run_id"]])]
    if not runs:
        asked = ", ".join(f"{name} {value}" for name, value in wanted._asdict().items() if value)
        return f"None of {len(everything)} runs in {outputs} fits {asked}."
    lines = [[run["run_id"], (run["created_utc"] or "–")[:10], _what(run), *_told(run)] for run in runs]
    lines = [[*line, " ".join(said[run["run_id"]].tags)] for line, run in zip(lines, runs, strict=True)]
    table = [["run", "date", "model and server", "promise", "answer", "rate", "p99 ms", "gain", "tags"], *lines]
    widths = [max(len(line[place]) for line in table) for place in range(len(table[0]))]
    shown = []
    for line, run in zip(table, [None, *runs], strict=True):
        shown.append("  ".join(f"{text:{width}}" for text, width in zip(line, widths, strict=True)).rstrip())
        below = [*_out_of_date(Path(outputs), run), *_below(run, said, verdicts)] if run else []
        shown += [f"    {text}" for text in below]
    return "\n".join(shown)


def _out_of_date(outputs: Path, run: RunRow) -> list[str]:
    """Which records of a run were made from one that was replaced since, in a line; none when nothing is stale."""
    marks = stale.told(outputs / run["run_id"])
    newer = ", ".join(f"{verb} ({mark['because_of']} is newer)" for verb, mark in marks.items())
    return [f"out of date: {newer}"] if newer else []


def _below(run: RunRow, said: Mapping[str, remarks.Remarks], verdicts: bool) -> list[str]:
    """What stands below a run's line: what could not be read, its note, its verdict."""
    note = said[run["run_id"]].note
    lines = [f"not readable: {run['problem']}"] if run["problem"] else []
    lines += [f"note: {note}"] if note else []
    return lines + ([str(run["verdict"])] if verdicts and run["verdict"] else [])


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
    parts = ["# Performance records", "", f"{len(runs)} run{'s, newest first' * (len(runs) != 1)}.", ""]
    parts += ["## Capacity by model", "", _models(runs), "", "## Runs", "", _table(runs, Path(outputs)), ""]
    page = "\n".join(parts)
    path = Path(outputs) / "index.md"
    whole_file.write_text(path, page)
    html = sortable(pages.html(page.replace("/record.md)", "/record.html)"), {}, "Records"))
    html = overlay.added(html, _curves(Path(outputs)))
    whole_file.write_text(path.with_suffix(".html"), html)
    return path


def _curves(outputs: Path) -> dict[str, list[tuple[float, float, str]]]:
    """The VALID levels of each run, in order of their rate: those of the proof, else those of stress."""
    curves = {}
    for run_id, contents in places.Local(outputs).records().items():
        records = {
            verb: content.get("results") or {} for verb, content in contents.items() if isinstance(content, dict)
        }
        levels = (records.get("prove") or {}).get("levels") or (records.get("stress") or {}).get("levels") or []
        known = [level for level in levels if level.get("valid") and level.get("latency_p99_ms")]
        curves[run_id] = sorted(
            (round(one["throughput_rps"], 1), round(one["latency_p99_ms"], 3), _loop(one)) for one in known
        )
    return curves


def _loop(level: Mapping[str, Any]) -> str:
    return "closed" if level.get("arrival") == "closed" else "open"


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


def _table(runs: list[RunRow], outputs: Path) -> str:
    headers = [
        "run",
        "date",
        "model and server",
        "promise",
        "answer",
        "requests/s",
        "p99 ms",
        "gain",
        "tags",
        "verdict",
    ]
    lines = []
    for run in runs:
        said = remarks.read(outputs / run["run_id"])
        name = re.sub(r"([\\\[\]|*_`<>])", r"\\\1", run["run_id"])  # a folder may be renamed to anything
        link = f"[{name}]({quote(run['run_id'])}/record.md)"
        date, verdict = (run["created_utc"] or "–")[:10], run["verdict"] or run["problem"]
        told = f"{verdict or ''} ({markdown.plain(said.note)})" if said.note else verdict
        told = "; ".join([*_out_of_date(outputs, run), *([told] if told else [])]) or None
        lines.append([link, date, _what(run), *_told(run), " ".join(said.tags) or None, told])
    return table_of_links(headers, lines)


def table_of_links(headers: list[str], lines: list[list[Any]]) -> str:
    """A Markdown table whose first column is written as it is: its names are escaped already."""
    first = [line[0] for line in lines]
    places_ = [f"\x00{number}\x00" for number in range(len(lines))]
    text = markdown.table(headers, [[place, *line[1:]] for place, line in zip(places_, lines, strict=True)])
    for place, link in zip(places_, first, strict=True):
        text = text.replace(place, link, 1)
    return text
