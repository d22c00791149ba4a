"""The time axis of a run: rate, p99, batch size and CPU, with a mark for every change of configuration."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playbook.drawing.canvas import Picture
from playbook.drawing.figures import draw_limit, log_latency
from playbook.monitor import series, usage
from playbook.records import journal
from playbook.records.run_folder import Rows, RunFolder

STEP_S = 1.0
MARKED = 100  # steps; more are told apart without marks
FEWEST = 20  # answers a step needs before a p99 of it is drawn


@dataclass
class Track:
    """One line of the figure: seconds since the start, and values (NaN: a gap)."""

    seconds: np.ndarray
    values: np.ndarray


@dataclass
class Timeline:
    """What is drawn: the tracks, (second, words) of every change, and (first second, last, number) of every level."""

    rate_rps: Track
    p99_ms: Track
    batch_rows: Track
    cpu: dict[str, Track]
    changes: list[tuple[float, str]] = field(default_factory=list)
    levels: list[tuple[float, float, str]] = field(default_factory=list)


def read(run: RunFolder, step_s: float = STEP_S, verb: str = "stress") -> Timeline | None:
    """The tracks of the levels that a verb held, prove's windows among them; None when no request was kept."""
    held = [*run.levels_of(verb), *(run.results(verb).get("windows") or [])]
    parts = [(level, run.rows(level["level"], verb)) for level in held]
    parts = [(level, rows) for level, rows in parts if len(rows)]
    if not parts:
        return None
    start = min(int(rows.scheduled_ns.min()) for _, rows in parts)
    end = max(int(rows.done_ns.max()) for _, rows in parts)
    seconds, rate, p99 = (
        np.concatenate(some) for some in zip(*(_steps(rows, start, step_s) for _, rows in parts), strict=True)
    )
    batches = series.read(run.run_dir, [series.BATCHES]).steps(series.BATCHES)
    means = [(at, delta.mean) for at, delta in batches if delta.count and start <= at <= end]
    resources = usage.read(run.run_dir)
    spans = [(rows.scheduled_ns.min(), rows.done_ns.max(), str(level["level"])) for level, rows in parts]
    changes = [(_since(row["at_ns"], start), _change_words(row)) for row in journal.read(run.run_dir)]
    return Timeline(
        Track(seconds, rate),
        Track(seconds, p99),
        Track(np.array([(at - start) / 1e9 for at, _ in means]), np.array([rows for _, rows in means])),
        {who: _cores(resources, who, start, end) for who in ("server", "client")},
        [(second, words) for second, words in changes if 0 <= second <= (end - start) / 1e9],
        [(_since(low, start), _since(high, start), name) for low, high, name in spans],
    )


def picture(timeline: Timeline, limit_ms: float | None, whose: str = "") -> Picture:
    """Four rows over one time axis; a change is a vertical line with its words; `whose` configuration, in the words."""

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        rows = figure.subplots(4, 1, sharex=True)
        colour = colours["series"]
        marked = "o-" if len(timeline.rate_rps.seconds) <= MARKED else "-"  # a level of one step is no line
        _line(rows[0], timeline.rate_rps, colour[0], "requests/s", marked)
        _line(rows[1], timeline.p99_ms, colour[1], "p99 (ms)", marked)
        log_latency(rows[1], [v for v in timeline.p99_ms.values if v == v] + ([limit_ms] if limit_ms else []), "y")
        draw_limit(rows[1], limit_ms, colours)
        _line(rows[2], timeline.batch_rows, colour[2], "rows a batch", "o-")
        for number, (who, track) in enumerate(timeline.cpu.items()):
            style = ("-", "--")[number % 2]
            rows[3].plot(track.seconds, track.values, style, color=colour[(0, 3)[number % 2]], label=who)
        rows[3].set_ylabel("CPU (cores)")
        rows[3].set_ylim(0, None)
        above = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2, "frameon": False}
        rows[3].legend(fontsize=8, ncols=2, **above)  # on the lines it would hide them
        rows[3].set_xlabel("seconds since the first request")
        length = max([1.0, *(high for _, high, _ in timeline.levels)])
        rows[0].set_xlim(-0.02 * length, 1.02 * length)
        for axes in rows:
            _mark(axes, timeline, colours)
        for low, high, name in timeline.levels:
            rows[0].annotate(
                name, ((low + high) / 2, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8
            )
        rows[0].set_title("level", fontsize=8, pad=12)
        figure.align_ylabels(rows)

    return Picture(draw, _in_words(timeline, whose), (8.0, 6.4))


def _steps(rows: Rows, start: int, step_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middle of each whole step of a level, answers a second in it, and their p99; a gap (NaN) after the level."""
    first = int(rows.scheduled_ns.min())
    count = max(1, round((int(rows.scheduled_ns.max()) - first) / 1e9 / step_s))
    place = ((rows.done_ns[rows.ok] - first) / 1e9 / step_s).astype(int)  # in order of completion, so it rises
    edges = np.searchsorted(place, np.arange(count + 1))
    groups = [rows.latency_ms[low:high] for low, high in itertools.pairwise(edges)]
    p99 = [np.quantile(g, 0.99, method="inverted_cdf") if len(g) >= FEWEST else np.nan for g in groups]
    middle = (first - start) / 1e9 + (np.arange(count + 1) + 0.5) * step_s
    return middle, np.append(np.diff(edges) / step_s, np.nan), np.append(p99, np.nan)


def _cores(resources: usage.Resources, who: str, start: int, end: int) -> Track:
    at_ns, cpu_s = resources.series(who, "cpu_s")
    inside = (at_ns >= start - 2e9) & (at_ns <= end + 2e9)
    at_ns, cpu_s = at_ns[inside], cpu_s[inside]
    if len(at_ns) < 2:
        return Track(np.empty(0), np.empty(0))
    return Track((at_ns[1:] - start) / 1e9, np.diff(cpu_s) / (np.diff(at_ns) / 1e9))


def _line(axes: Any, track: Track, colour: str, label: str, style: str = "-") -> None:
    axes.plot(track.seconds, track.values, style, color=colour, markersize=3)
    axes.set_ylabel(label)
    axes.set_ylim(0, None)
    if len(track.values) == 0:
        axes.set_yticks([])
        axes.text(0.5, 0.4, "not measured, or batching is off", transform=axes.transAxes, ha="center", fontsize=8)


def _mark(axes: Any, timeline: Timeline, colours: Mapping[str, Any]) -> None:
    for low, _, _ in timeline.levels[1:]:
        axes.axvline(low, color=colours["faint"], linewidth=1)
    for number, (second, words) in enumerate(timeline.changes):
        axes.axvline(second, color=colours["ink"], linewidth=1.2, linestyle=":")
        if axes.get_subplotspec().is_first_row() and len(timeline.changes) <= 8:
            axes.annotate(
                words, (second, 0.9 - 0.2 * (number % 3)), xycoords=("data", "axes fraction"), fontsize=7,
                textcoords="offset points", xytext=(3, 0),
            )  # fmt: skip


def _since(at_ns: float, start: int) -> float:
    return float(at_ns - start) / 1e9


def _change_words(row: Mapping[str, Any]) -> str:
    before = f"{row['before']} → " if row["before"] is not None else ""
    return f"{row['name']} {before}{row['after']}"[:40]


def _in_words(timeline: Timeline, whose: str) -> str:
    rates, p99 = timeline.rate_rps.values, timeline.p99_ms.values
    known = p99[~np.isnan(p99)]
    parts = [f"Rate up to {np.nanmax(rates):,.0f}/s" if len(rates) else "No request"]
    parts += [f"p99 from {known.min():.3g} to {known.max():.3g} ms"] if len(known) else []
    changes: Sequence[str] = [f"{second:.0f} s {words}" for second, words in timeline.changes]
    parts += [f"changes: {'; '.join(changes)}"] if changes else ["no change of configuration"]
    of = f", {whose}" if whose else ""
    return f"Rate, p99, batch size and CPU over time{of}. {', '.join(parts)}."
