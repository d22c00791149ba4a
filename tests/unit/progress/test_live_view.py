"""The live bar and chart of the lab: HTML in one place, no widget, its points told on hover."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from playbook import live_view, progress
from playbook.live_view import Board


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a notebook would show, in the order in which it was replaced."""
    pages: list[str] = []

    class Handle:
        def update(self, page: object) -> None:
            pages.append(page.data)  # type: ignore[attr-defined]

    monkeypatch.setattr(Board, "_open", lambda self: Handle())
    monkeypatch.setattr(live_view, "EVERY_S", 0.0)
    monkeypatch.delenv(progress.CHANNEL, raising=False)
    return pages


def test_outside_a_notebook_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(progress.CHANNEL, raising=False)
    with progress.live("reference rows", 4.0) as bar:
        bar.update(1.0, "about 4 s")
    assert capsys.readouterr().out == ""


def test_the_bar_moves_and_ends_full(shown: list[str]) -> None:
    with progress.live("stress", 4.0) as bar:
        progress.Stretch(bar, 1.0, 2.0).update(0.5, "8 clients: <b>")
        assert "stress 50%" in shown[-1]
        assert "8 clients: &lt;b&gt;" in shown[-1]
    assert "stress 100%" in shown[-1]


def test_a_stage_that_fails_keeps_its_bar_where_it_was(shown: list[str]) -> None:
    def fail() -> None:
        with progress.live("stress", 4.0) as bar:
            bar.update(1.0)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert "stress 25%" in shown[-1]


def test_points_make_a_chart_of_rate_and_p99_with_failures_beside_it(shown: list[str]) -> None:
    with progress.live("prove", 10.0) as bar:
        for rate, p99 in ((100.0, None), (220.0, 4.0), (210.0, 5.5)):
            progress.seen({"rate_rps": rate, "p99_ms": p99, "errors": 3})
        bar.update(5.0)
    charts = re.findall(r"<svg.*?</svg>", shown[-1])
    assert [ElementTree.fromstring(chart).get("aria-label") for chart in charts] == [
        "answers a second, now 210/s",
        "p99 so far, now 5.5 ms",
    ]
    assert [chart.count("<circle") for chart in charts] == [3, 2]
    assert "220/s</title>" in charts[0]
    assert "3 failed" in shown[-1]


def test_a_long_stage_does_not_grow_its_notebook(shown: list[str]) -> None:
    with progress.live("prove", 10.0):
        for _ in range(300):
            progress.seen({"rate_rps": 123.456, "p99_ms": 7.89, "errors": 0})
    assert len(shown[-1]) < 100_000


def test_what_is_seen_outside_a_stage_is_nothing(shown: list[str]) -> None:
    progress.seen({"rate_rps": 1.0, "p99_ms": None, "errors": 0})
    assert shown == []
