"""Variants shown: the table and the figure of export.json's `variants[]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook import markdown
from playbook.drawing.canvas import Picture


def table(rows: Sequence[Mapping[str, Any]], recommended: str | None) -> str:
    """A row a variant, as Markdown; the recommended one in bold."""
    if not rows:
        return "None were asked for. `variants` names them."
    sizes = next((list(row["latency_ms"]) for row in rows if row["latency_ms"]), [])
    heads = ["variant", "size, KiB", "load, ms", "first, ms", *(f"batch {size}, ms" for size in sizes)]
    heads += ["largest difference (as a share of the output)", "quality", "needs"]
    lines = []
    for row in rows:
        name = f"**{row['name']}**" if row["name"] == recommended else row["name"]
        cells = [_not_built(row), *[""] * (len(heads) - 2)] if row["reason"] else _cells(row, sizes)
        lines.append([name, *cells])
    return markdown.table(heads, lines)


def figure(rows: Sequence[Mapping[str, Any]]) -> Picture | None:
    """Latency of one batch over its rows on one thread, a line a variant; None when there is nothing to draw."""
    built = [row for row in rows if row["latency_ms"]]
    if not built:
        return None

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        axes = figure.add_subplot()
        for row, colour in zip(built, colours["series"], strict=False):
            sizes = [int(size) for size in row["latency_ms"]]
            axes.plot(sizes, list(row["latency_ms"].values()), color=colour, marker="o", label=row["name"])
        axes.set_xscale("log", base=2)
        ticks = sorted({int(size) for row in built for size in row["latency_ms"]})
        axes.set_xticks(ticks, [str(size) for size in ticks])
        axes.minorticks_off()
        _log_ticks(axes)
        axes.set(xlabel="rows in the batch", ylabel="latency of the batch (ms)")
        figure.legend(loc="outside right upper")

    said = [
        f"{row['name']}: " + ", ".join(f"{ms:.3g} ms at {n}" for n, ms in row["latency_ms"].items()) for row in built
    ]
    return Picture(draw, f"Latency over batch size on one thread. {'; '.join(said) or 'No variant was built'}.")


def curve_figure(curve: Mapping[str, Any]) -> Picture:
    """The batch curve: measured points and the line `a + b·n`, with what one row costs beside."""
    sizes, latencies, fit = curve["batch_sizes"], curve["latency_ms"], curve["fit"]

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        whole, each = figure.subplots(1, 2)
        whole.plot(sizes, latencies, "o", color=colours["series"][0], label="measured")
        line = [fit["a_ms"] + fit["b_ms"] * size for size in sizes]
        whole.plot(sizes, line, color=colours["series"][1], label=f"{fit['a_ms']:.3g} + {fit['b_ms']:.2g}·n")
        whole.set(xlabel="rows in the batch", ylabel="latency of the batch (ms)", ylim=(0, None))
        whole.legend()
        per_row = [latency / size for latency, size in zip(latencies, sizes, strict=True)]
        each.plot(sizes, per_row, color=colours["series"][0], marker="o")
        each.set_xscale("log", base=2)
        each.set_xticks(sizes, [str(size) for size in sizes])
        each.minorticks_off()
        _log_ticks(each)
        each.set(xlabel="rows in the batch", ylabel="latency a row (ms)")

    points = ", ".join(f"{ms:.3g} ms at {size}" for size, ms in zip(sizes, latencies, strict=True))
    return Picture(draw, f"Latency of a batch on one thread: {points}; fit {fit['a_ms']:.3g} + {fit['b_ms']:.2g}·n ms.")


def _log_ticks(axes: Any) -> None:
    """A logarithmic latency axis that goes down to microseconds, with round numbers in plain words."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(LogLocator(subs=()))


def _not_built(row: Mapping[str, Any]) -> str:
    return f"not built: {row['reason']}".replace("|", "\\|")


def _cells(row: Mapping[str, Any], sizes: Sequence[str]) -> list[str]:
    quality = row["quality"]
    return [
        f"{row['size_bytes'] / 1024:.0f}",
        f"{row['load_s'] * 1e3:.1f}",
        f"{row['first_ms']:.1f}",
        *(f"{row['latency_ms'][size]:.3f}" for size in sizes),
        _apart(row),
        f"{quality['metric']} {quality['value']:.3f}" if quality else "–",
        f"`{row['needs']}`" if row["needs"] else "–",
    ]


def _apart(row: Mapping[str, Any]) -> str:
    if row["max_abs_diff"] is None:
        return "texts, shapes or NaNs differ"
    return f"{row['max_abs_diff']:.1e} ({row['max_rel_diff']:.1e})"
