"""The cold start shown: the figure, the table, the verdict and what warmup.json keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playbook import markdown
from playbook.drawing.canvas import Picture
from playbook.drawing.figures import log_latency
from playbook.warmup.coldstart import ColdStartPlan, summary

NAMES = {"cold": "cold", "client_warm": "warmed up by a client", "assets": "warm-up requests inside"}


def figure(rows: Sequence[Mapping[str, Any]]) -> Picture:
    """Latency over the number of the request since the start, a line a way."""
    if not rows:
        return Picture(_nothing, "No fresh server was measured.", (8.0, 1.0))

    def draw(figure: Any, colours: Mapping[str, Any]) -> None:
        axes = figure.add_subplot()
        for row, colour in zip(rows, colours["series"], strict=False):
            numbers = range(1, len(row["latency_ms"]) + 1)
            axes.plot(numbers, row["latency_ms"], color=colour, label=NAMES[row["way"]], marker=".", markersize=4)
        axes.set_xscale("log")
        ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if tick <= len(rows[0]["latency_ms"])]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        log_latency(axes, [latency for row in rows for latency in row["latency_ms"]], "y")
        axes.set(xlabel="request number since the start", ylabel="latency (ms)")
        figure.legend(loc="outside upper right", ncols=3)

    parts = [f"{NAMES[way]}: first {one['first_ms']:.3g} ms" for way, one in summary(rows).items()]
    return Picture(draw, f"Latency of the first requests. {'; '.join(parts)}.")


def _nothing(figure: Any, colours: Mapping[str, Any]) -> None:
    figure.text(0.5, 0.5, "a server that is attached to is not started afresh", ha="center", color=colours["muted"])


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row a way, as Markdown."""
    figures = ("first_ms", "max_ms", "extra_ms", "start_s")
    lines = [[NAMES[way], *(f"{one[name]:.2f}" for name in figures)] for way, one in summary(rows).items()]
    heads = ["", "first request, ms", "slowest, ms", "all beyond steady, ms", "start to AVAILABLE, s"]
    return markdown.table(heads, lines)


def results(
    rows: Sequence[Mapping[str, Any]], plan: ColdStartPlan, records_in_file: int, read_by_server: int | None
) -> dict[str, Any]:
    """What warmup.json keeps: `cold`, `client_warm` and `assets` are latencies in ms by request number."""
    return {
        **{row["way"]: row["latency_ms"] for row in rows},
        "summary": summary(rows),
        "records_in_file": records_in_file,
        "records_read": next((row["records_read"] for row in rows if row["way"] == "assets"), None),
        "records_read_by_served": read_by_server,
        "requests": plan.first_requests,
        "expected_s": None if plan.expected_s is None else round(plan.expected_s, 1),
        "left_out": plan.left_out,
        "protocol": plan.protocol,
        "repeats": plan.repeats,
    }


def verdict(results: Mapping[str, Any]) -> str:
    """What the cold start costs, and what is left of it, in a sentence or two."""
    kept = results["summary"]
    if not kept:
        return f"{results['records_in_file']} warm-up requests are inside and readable; no fresh server was measured."
    cold, warm, client = kept["cold"], kept["assets"], kept["client_warm"]
    steady = markdown.number(cold["steady_ms"])
    return (
        f"Cold, the first request takes {cold['first_ms']:.1f} ms against {steady} ms later on; with "
        f"{results['records_read']} warm-up requests inside it takes {warm['first_ms']:.1f} ms, and warmed up by a "
        f"client {client['first_ms']:.1f} ms. {_removed(cold['extra_ms'], warm['extra_ms'], results['requests'])}"
    )


def _removed(cold_ms: float, warm_ms: float, requests: int) -> str:
    """What warm-up removed of what the first requests took beyond steady ones: never more remains than was lost."""
    if cold_ms <= 0:
        return f"Over the first {requests} requests nothing was lost that stands out, so there was nothing to remove."
    if warm_ms >= cold_ms:
        return (
            f"Warm-up removed nothing that was measured: the first {requests} requests took {cold_ms:.0f} ms more than "
            f"steady ones cold, and {warm_ms:.0f} ms more with the warm-up requests inside."
        )
    return f"Of {cold_ms:.0f} ms lost in the first {requests} requests {max(0.0, warm_ms):.0f} ms remain."


def warnings(results: Mapping[str, Any]) -> list[str]:
    """What a reader must know: that nothing was measured, or less than was asked for, or that it helped nothing."""
    kept = results["summary"]
    if not kept:
        return ["No fresh server was measured: what warm-up removes is not known here."]
    left_out = [f"Left out: {one}." for one in results.get("left_out", ())]
    if kept["assets"]["extra_ms"] < kept["cold"]["extra_ms"] or kept["cold"]["extra_ms"] <= 0:
        return left_out
    return [*left_out, "Warm-up removed nothing that was measured. Repeat with warmup_repeats: 3 on an idle machine."]
