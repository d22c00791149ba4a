"""Statistical figures: small whatever the run's size, true to their data, honest where there is none."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from playbook.drawing import distributions, pairs
from playbook.drawing.palette import LIGHT


def latencies(count: int, middle: float = 2.0) -> np.ndarray:
    return np.random.default_rng(3).lognormal(np.log(middle), 0.4, count)


def test_a_figure_of_100_000_requests_is_as_small_as_one_of_a_thousand() -> None:
    few, many = (distributions.by_level({"8 clients": latencies(n)}).svg() for n in (1_000, 100_000))
    assert len(many) < 1.3 * len(few) < 60_000
    boxes = distributions.by_batch([("8 clients", 4.0, latencies(100_000))]).svg()
    assert len(boxes) < 30_000


def test_what_the_words_say_is_what_the_samples_hold() -> None:
    values = latencies(20_000)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    said = distributions.by_level({"8 clients": values}).alt
    told = [float(text) for text in re.findall(r"from ([\d.]+) to ([\d.]+) ms, median ([\d.]+)", said)[0]]
    assert told == pytest.approx([low, high, middle], rel=0.01)


def test_batches_stand_in_order_of_their_size() -> None:
    said = distributions.by_batch([("a", 20.0, latencies(50)), ("b", 3.0, latencies(50))]).alt
    assert said.index("3 rows (b") < said.index("20 rows (a")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_where_there_is_nothing_a_sentence_stands(theme: str) -> None:
    assert "No answers" in distributions.by_level({"8 clients": np.empty(0)}).alt
    assert "No level was batched" in distributions.by_batch([]).alt
    for picture in (distributions.by_level({}), distributions.by_batch([]), pairs.in_turns([], ("a", "b"), "/s")):
        assert picture.png(theme).startswith(b"\x89PNG")


def test_colours_are_those_of_all_figures() -> None:
    rows = [{"name": "closed 8 p99", "unit": "ms", "base": 2.0, "candidate": 3.0}]
    for picture in (
        distributions.by_level({"8 clients": latencies(500)}, 5.0),
        distributions.by_batch([("8 clients", 4.0, latencies(500))]),
        pairs.in_turns([(1.0, 2.0), (1.5, 2.5)], ("default", "tuned"), "requests/s"),
        pairs.of_runs(rows, "one", "two"),
        pairs.forest([{"name": "p99", "ratio": 1.2, "low": 0.9, "high": 1.4}], "one", "two"),
    ):
        assert not re.findall(r"#[0-9a-f]{6}\b", picture.svg().partition("</style>")[2])


def test_pairs_of_runs_tell_both_figures_and_leave_out_what_is_missing() -> None:
    rows = [
        {"name": "p99", "unit": "ms", "base": 2.0, "candidate": 3.0},
        {"name": "errors", "unit": "share", "base": 0.0, "candidate": None},
    ]
    assert pairs.of_runs(rows, "one", "two").alt == "one beside two: p99 2 and 3 ms."


def test_a_forest_draws_each_interval_where_it_is_and_says_what_it_shows() -> None:
    rows = [
        {"name": "p99", "ratio": 1.3, "low": 1.1, "high": 1.5},
        {"name": "p99", "ratio": 0.7, "low": 0.6, "high": 0.8},
        {"name": "rate", "ratio": 1.05, "low": 0.9, "high": 1.2},
        {"name": "errors", "ratio": None, "low": None, "high": None},
    ]
    figure = Figure()
    picture = pairs.forest(rows, "one", "two")
    picture.draw(figure, LIGHT)
    axes = figure.axes[0]
    reached = {tuple(sorted({round(float(x), 6) for x in line.get_xdata() if x == x})) for line in axes.lines}
    assert {(1.1, 1.5), (0.6, 0.8), (0.9, 1.2)} <= reached
    assert {(1.3,), (0.7,), (1.05,)} <= reached
    assert [label.get_text() for label in axes.get_yticklabels()] == ["p99", "p99", "rate"]
    assert [text.get_text() for text in axes.get_legend().texts] == ["better", "no change shown", "worse"]
    assert "p99 0.7 (0.6 to 0.8)" in picture.alt
    assert "errors" not in picture.alt
