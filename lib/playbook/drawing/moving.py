"""A moving load second by second, a row a choice: as it was played, and as the record kept it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from playbook.drawing.canvas import Picture
from playbook.drawing.figures import draw_limit, log_latency
from playbook.records import parquet, record
from playbook.records.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

SECONDS = "adapt_seconds.parquet"


@dataclass(frozen=True)
class Played:
    """What a choice kept: its seconds (`second, offered, p99_ms, slowest_ms`) and its live changes (`at_ns, after`)."""

    name: str
    kept_s: int
    seconds: pd.DataFrame
    began_ns: int
    changes: Sequence[Mapping[str, Any]]


def recorded(run: RunFolder) -> list[Played]:
    """What adapt's record and its seconds hold; nothing where one of them is missing."""
    path = record.data_dir(run.run_dir) / SECONDS
    contenders = run.results("adapt").get("contenders") or []
    if not (contenders and path.exists() and parquet.is_whole(path)):
        return []
    with duckdb.connect() as db:
        seconds = db.read_parquet(str(path)).df()
    told = {one["name"]: one for one in contenders}
    return [
        Played(str(name), told[name]["kept_s"], own, int(own["began_ns"].min()), told[name]["changes"])
        for name, own in seconds.groupby("contender", sort=False)
        if name in told
    ]


def picture(played: Sequence[Played], limit_ms: float) -> Picture:
    """Offered rate, p99 and slowest answer of each second, batch parameters and changes over time, a row a choice."""
    if not played:
        return Picture(_nothing, "Nothing was held.")

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        slowest = [ms for one in played for ms in one.seconds["slowest_ms"].dropna()]
        rows = figure.subplots(len(played), 1, sharex=True, squeeze=False)[:, 0]
        for axes, one in zip(rows, played, strict=True):
            _draw_one(axes, one, limit_ms, colours)
            log_latency(axes, [limit_ms, *slowest], "y")
        rows[-1].set(xlabel="time (s)")

    words = [f"{one.name} kept {one.kept_s} of {len(one.seconds)} seconds" for one in played]
    return Picture(draw, f"Moving load over time. {'; '.join(words)}.", size_in=(8.0, 1.0 + 1.9 * len(played)))


def _nothing(figure: Any, colours: Mapping[str, Any]) -> None:
    figure.text(0.1, 0.5, "Nothing was held.")


def _draw_one(axes: Any, one: Played, limit_ms: float, colours: Mapping[str, Any]) -> None:
    rate, at, first = axes.twinx(), one.seconds["second"] + 0.5, colours["series"][0]
    rate.fill_between(at, one.seconds["offered"], color=colours["faint"], alpha=0.6, step="mid")
    rate.set(ylabel="requests/s", ylim=(0, None))
    rate.grid(False)
    axes.set_zorder(rate.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.plot(at, one.seconds["slowest_ms"], "o", color=first, markersize=3, fillstyle="none", label="slowest")
    axes.plot(at, one.seconds["p99_ms"], "o-", color=first, markersize=3, label="p99")
    draw_limit(axes, limit_ms, colours)
    axes.set(ylabel="latency (ms)", title=f"{one.name} (dots: p99; rings: slowest answer)")
    for number, change in enumerate(one.changes):
        at_s = (change["at_ns"] - one.began_ns) / 1e9
        axes.axvline(at_s, color=colours["series"][1], linewidth=1.0)
        place = (at_s, 0.96 - 0.13 * (number % 3))  # neighbours one below the other
        axes.annotate(f" {_short(change['after'])}", place, xycoords=("data", "axes fraction"), fontsize=7, va="top")


def _short(words: str) -> str:
    """Batching parameters as a label: `64, 2 ms` for max_batch_size 64 and batch_timeout_micros 2000."""
    parameters = dict(part.split(" ", 1) for part in words.split(", ") if " " in part)
    wait = float(parameters.get("batch_timeout_micros", 0)) / 1000
    return f"{parameters.get('max_batch_size', 'off')}" + (f", {wait:g} ms" if wait else "")
