"""Names beside the marks of a figure: each where it covers no other name, no mark and no line, as near as it can."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

LETTER, LINE = 0.0098, 0.052  # width of a letter and height of a line of small text, as shares of the axes
MARK = (0.011, 0.026)  # half the width and height of a mark, with a little room
REACH = (1.0, 2.0, 3.2, 4.6)  # how far from its mark a name may stand, in such halves
SIDES = ((1, 0), (-1, 0), (1, -1), (1, 1), (-1, -1), (-1, 1), (0, 1), (0, -1))
NAME, MARKED, CROSSED = 100.0, 30.0, 10.0  # what it costs to cover one of each; a step further off costs 1
ROOM = 1.2  # the layout, done later, leaves the axes smaller and so their words larger
SAMPLES = 120  # points of a line that are looked at


class Box(NamedTuple):
    """A rectangle in shares of the axes."""

    left: float
    low: float
    right: float
    high: float

    def meets(self, other: Box) -> bool:
        """Whether the two overlap."""
        return self.left < other.right and other.left < self.right and self.low < other.high and other.low < self.high


def behind(page: str) -> dict[str, Any]:
    """The patch of page that keeps a word readable where a line runs beneath it, as `bbox` of a text."""
    return {"boxstyle": "square,pad=0", "facecolor": page, "edgecolor": "none", "alpha": 0.8}


def write(axes: Any, names: Sequence[str], points: Sequence[tuple[float, float]], colours: Mapping[str, Any]) -> None:
    """Write each name beside its point; one that has to stand off is tied to it by a thin line.

    Args:
        axes: With everything else drawn, and its limits set.
        names: One a point. What is written inside the axes before them is not covered either.
        points: In data coordinates.
        colours: Of the theme.
    """
    inside = axes.transAxes.inverted()
    spots = [tuple(inside.transform(axes.transData.transform(point))) for point in points]
    placed = _placed(names, spots, _lines(axes), _written(axes))
    for (name, (x, y)), (box, reach) in zip(zip(names, spots, strict=True), placed, strict=True):
        style = {"fontsize": 8, "color": colours["muted"], "bbox": behind(colours["page"])}
        axes.text(box.left, box.low + 0.012, name, transform=axes.transAxes, **style)
        if reach > REACH[1]:
            end = (min(max(x, box.left), box.right), min(max(y, box.low), box.high))
            axes.plot(
                (x, end[0]), (y, end[1]), transform=axes.transAxes, color=colours["muted"], linewidth=0.6, zorder=1
            )


def _placed(
    names: Sequence[str], spots: Sequence[tuple[float, ...]], lines: np.ndarray, written: Sequence[Box]
) -> list[tuple[Box, float]]:
    """The box of each name and how far from its mark it stands: the cheapest place, one name after the other."""
    marks = [Box(x - MARK[0], y - MARK[1], x + MARK[0], y + MARK[1]) for x, y in spots]
    taken, placed = list(written), []
    for name, (x, y) in zip(names, spots, strict=True):
        places = [(_beside(x, y, LETTER * len(name), side, reach), reach) for reach in REACH for side in SIDES]
        within = [place for place in places if min(place[0]) >= 0 and place[0].right <= 1 and place[0].high <= 1]
        best = min(within or places, key=lambda place: _cost(place[0], taken, marks, lines) + place[1])
        taken.append(best[0])
        placed.append(best)
    return placed


def _beside(x: float, y: float, width: float, side: tuple[int, int], reach: float) -> Box:
    across, up = side
    left = x + across * MARK[0] * (reach if up == 0 else 0.5 + 0.5 * reach) - (0, 0.5, 1)[1 - across] * width
    low = y + up * MARK[1] * reach - (0, 0.5, 1)[1 - up] * LINE
    return Box(left, low, left + width, low + LINE)


def _cost(box: Box, taken: Sequence[Box], marks: Sequence[Box], lines: np.ndarray) -> float:
    names, covered = sum(box.meets(other) for other in taken), sum(box.meets(mark) for mark in marks)
    x, y = lines.T if len(lines) else (np.empty(0), np.empty(0))
    hidden = np.count_nonzero((x > box.left) & (x < box.right) & (y > box.low) & (y < box.high))
    return NAME * names + MARKED * covered + (CROSSED + 0.1 * hidden if hidden else 0.0)


def _written(axes: Any) -> list[Box]:
    """Where words stand inside the axes already: a line's name, the limit's."""
    inside = axes.transAxes.inverted()
    boxes = [text.get_window_extent().transformed(inside) for text in axes.texts]
    return [Box(*box.expanded(ROOM, ROOM).extents) for box in boxes]


def _lines(axes: Any) -> np.ndarray:
    """Points along everything that is drawn as a line, in shares of the axes; shape (points, 2)."""
    drawn = [(line.get_transform(), line.get_xydata()) for line in axes.get_lines() if line.get_linestyle() != "None"]
    drawn += [(axes.transData, path) for bars in axes.collections for path in getattr(bars, "get_segments", list)()]
    inside, found = axes.transAxes.inverted(), [np.empty((0, 2))]
    for transform, data in drawn:
        ends = inside.transform(transform.transform(data)) if len(data) > 1 else np.empty((0, 2))
        steps = np.linspace(0, 1, SAMPLES)[:, None]
        found += [start + steps * (end - start) for start, end in itertools.pairwise(ends)]
    points = np.concatenate(found)
    return points[np.isfinite(points).all(axis=1)]
