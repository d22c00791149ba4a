"""How a long stage looks in JupyterLab while it runs: a bar with its words, and a live chart of rate and p99.

Plain HTML that is replaced in its place: no widget, so it stands in the saved notebook as it was last, and nothing is
said on stderr. Hovering over a point tells its numbers.
"""

from __future__ import annotations

import time
from collections import deque
from html import escape
from typing import Any

EVERY_S = 0.25  # a page is not redrawn more often
POINTS = 240  # of the chart; older ones leave it
WIDTH, HEIGHT = 300, 90
_INK, _BLUE, _ORANGE = "var(--jp-content-font-color1, #1f2328)", "#0072b2", "#d55e00"


class Board:
    """One stage's bar and chart."""

    def __init__(self, stage: str, total: float) -> None:
        self.stage, self.total, self.done, self.text = stage, total, 0.0, ""
        self.points: deque[tuple[float, float, float | None]] = deque(maxlen=POINTS)
        self.errors, self.begun, self._drawn_at, self._handle = 0, time.monotonic(), 0.0, self._open()

    def move(self, done: float, text: str = "") -> None:
        """Move the bar to `done` of the total, with words behind it."""
        self.done, self.text = min(done, self.total), text
        self._draw()

    def seen(self, rate_rps: float | None, p99_ms: float | None, errors: int = 0) -> None:
        """Add a point to the chart: answers a second and the p99 so far in ms; failed requests of this level.

        It is drawn with the next move of the bar: two drawings at once would leave the second for later.
        """
        if rate_rps is not None:
            self.points.append((time.monotonic() - self.begun, rate_rps, p99_ms))
        self.errors = errors

    def close(self, failed: bool = False) -> None:
        """The last state stays; a stage that came to its end is full."""
        self.done = self.done if failed else self.total
        self._draw(last=True)

    def html(self) -> str:
        """Bar, words and chart."""
        share = self.done / self.total if self.total else 0.0
        bar = (
            '<div style="background:var(--jp-border-color2,#d0d7de);height:.5em;border-radius:.25em;max-width:40em">'
            f'<div style="background:{_BLUE};height:.5em;border-radius:.25em;width:{100 * share:.1f}%"></div></div>'
        )
        failed = f" · <b>{self.errors:,} failed</b>" if self.errors else ""
        gone = time.monotonic() - self.begun
        words = f"{escape(self.stage)} {share:.0%} · {gone:.0f} s · {escape(self.text)}{failed}"
        return f'<div class="playbook-live">{words}{bar}{self._chart()}</div>'

    def _chart(self) -> str:
        if len(self.points) < 2:
            return ""
        rate = [(at, value) for at, value, _ in self.points]
        p99 = [(at, value) for at, _, value in self.points if value is not None]
        parts = [_panel(rate, "answers a second", "/s", _BLUE)]
        parts += [_panel(p99, "p99 so far", " ms", _ORANGE)] if len(p99) > 1 else []
        return f'<div style="display:flex;flex-wrap:wrap;gap:1em">{"".join(parts)}</div>'

    def _open(self) -> Any:
        from IPython import get_ipython
        from IPython.display import HTML, display

        if not hasattr(get_ipython(), "kernel"):  # a terminal would print what the page is, as Python sees it
            return None
        return display(HTML(""), display_id=True)

    def _draw(self, last: bool = False) -> None:
        now = time.monotonic()
        if self._handle is None or (now - self._drawn_at < EVERY_S and not last):
            return  # outside a notebook there is no place to draw
        from IPython.display import HTML

        self._drawn_at = now
        self._handle.update(HTML(self.html()))


def _panel(points: list[tuple[float, float]], name: str, unit: str, colour: str) -> str:
    """One line over time, from zero; each point tells its second and its value when the mouse is over it."""
    first, last = points[0][0], points[-1][0]
    top = 1.1 * max(value for _, value in points) or 1.0
    length = max(1e-9, last - first)
    places = [(WIDTH * (at - first) / length, HEIGHT * (1 - value / top), at, value) for at, value in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in places)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}" fill-opacity=".35">'
        f"<title>{at:.1f} s: {value:,.4g}{unit}</title></circle>"
        for x, y, at, value in places
    )
    now = points[-1][1]
    return (
        f'<svg viewBox="-4 -16 {WIDTH + 8} {HEIGHT + 22}" width="{WIDTH + 8}" height="{HEIGHT + 22}" role="img" '
        f'aria-label="{name}, now {now:,.4g}{unit}">'
        f'<text x="0" y="-5" font-size="11" style="fill:{_INK}">{name}: {now:,.4g}{unit}</text>'
        f'<path d="M0 {HEIGHT}H{WIDTH}" stroke="{_INK}" stroke-opacity=".3"/>'
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.8"/>{dots}</svg>'
    )
