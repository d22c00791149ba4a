"""Names beside marks lie on no line, no mark and no other name, as the figure is drawn in the end."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from playbook.drawing import canvas, curves


def level(arrival: str, load: float, rps: float, p99_ms: float, low_ms: float, high_ms: float | None) -> dict:
    """A row of `results.levels[]`, as far as the figure reads it; `load` is clients or a rate."""
    row = {"arrival": arrival, "throughput_rps": rps, "latency_p99_ms": p99_ms, "valid": True}
    row |= {"latency_p99_low_ms": low_ms, "latency_p99_high_ms": high_ms}
    return row | ({"concurrency": int(load)} if arrival == "closed" else {"rate_rps": load})


BEFORE = [
    level("closed", 1, 3436, 0.43, 0.39, 0.49),
    level("closed", 8, 5816, 2.0, 1.96, 2.07),
    level("closed", 32, 5787, 6.44, 6.3, 6.97),
    level("poisson", 2908, 2906, 3.75, 2.28, None),
    level("poisson", 4653, 4670, 6.57, 3.29, None),
]
AFTER = [
    level("closed", 8, 5136, 1.95, 1.71, None),
    level("closed", 32, 16960, 3.0, 2.3, None),
    level("poisson", 8480, 8458, 2.83, 2.46, None),
    level("poisson", 13568, 13576, 12.6, 10.3, None),
    level("poisson", 2000, 2017, 4.08, 3.1, 6.14),
]


@pytest.mark.parametrize("promised_rps", [2000.0, 15_000.0, None])
def test_no_name_of_a_level_and_no_word_of_a_line_lies_on_anything(promised_rps: float | None) -> None:
    picture = curves.throughput_p99({"default flags": BEFORE, "proven": AFTER}, 50.0, "digits", promised_rps)
    figure = Figure(picture.size_in, layout="constrained")
    picture.draw(figure, canvas.LIGHT)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = {text: text.get_window_extent() for text in axes.texts}
    assert {"8 clients", "32 clients", "4,653/s", "2,000/s", "limit 50 ms"} <= {text.get_text() for text in boxes}
    for (one, a), (two, b) in itertools.combinations(boxes.items(), 2):
        assert not a.overlaps(b), (one, two)
    for line in axes.get_lines():
        ends = line.get_transform().transform(line.get_xydata())
        if line.get_linestyle() == "None" or len(ends) < 2 or line.get_linewidth() < 1:  # ties begin at their names
            continue
        for start, end in itertools.pairwise(ends):
            for x, y in start + np.linspace(0, 1, 400)[:, None] * (end - start):
                hidden = [text.get_text() for text, box in boxes.items() if box.contains(x, y)]
                assert not hidden
