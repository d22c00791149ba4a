"""The record's page and the index of runs in a real browser: drawn, legible by day and by night, and alive.

Screenshots lie in .pytest_cache/screenshots, for whoever wants to look.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_browser import SHOTS, Page

from playbook.records import record, remarks
from playbook.report import catalogue, report

EXAMPLE = Path(__file__).parents[2] / "outputs" / "example"
FIGURES = "[...document.querySelectorAll('svg.playbook-figure')].filter(one => one.checkVisibility())"
INK = f"{FIGURES}.map(one => getComputedStyle(one.querySelector('text')).fill)"
PAPER = "getComputedStyle(document.body).backgroundColor"
WIDE = "document.documentElement.scrollWidth > innerWidth + 1"
RUNS = "[...[...document.querySelectorAll('table')].at(-1).tBodies[0].rows]"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of the example's records, each with a rate of its own; the first has its page."""
    outputs = tmp_path_factory.mktemp("page") / "outputs"
    first = shutil.copytree(EXAMPLE, outputs / "20260101T000000Z-quick")
    report.write(first)
    for number in range(2, 12):
        run = outputs / f"202601{number:02d}T000000Z-quick"
        shutil.copytree(EXAMPLE, run, ignore=shutil.ignore_patterns("data", "figures"))
        proof = json.loads((run / "prove.json").read_text())
        proof["results"]["rate_rps"] = 100.0 * (number % 5) + number
        (run / "prove.json").write_text(json.dumps(proof))
    remarks.change(outputs / "20260107T000000Z-quick", ["baseline"])
    catalogue.write_index(outputs)
    return outputs


@pytest.fixture
def opened(page: Page, outputs: Path) -> Iterator[Page]:
    """The record's page, in a usual window by day."""
    page.open((outputs / "20260101T000000Z-quick" / "record.html").as_uri())
    page.until("document.readyState === 'complete' && location.href.includes('record.html')")
    yield page
    page.screen()
    page.prefers("light")


@pytest.fixture
def index(page: Page, outputs: Path) -> Page:
    """The index of runs."""
    page.open((outputs / "index.html").as_uri())
    page.until("document.readyState === 'complete' && location.href.includes('index.html')")
    return page


def test_every_figure_is_drawn_and_has_words(opened: Page) -> None:
    opened.picture(SHOTS / "record.png")
    assert opened.value(f"{FIGURES}.length") >= 5
    assert opened.value(f"{FIGURES}.every(one => one.getBBox().width > 100)")
    assert opened.value(f"{FIGURES}.every(one => one.getAttribute('aria-label').length > 20)")


def test_the_page_needs_no_other_file(opened: Page, tmp_path: Path, outputs: Path) -> None:
    alone = shutil.copy(outputs / "20260101T000000Z-quick" / "record.html", tmp_path / "elsewhere.html")
    count = opened.value(f"{FIGURES}.length")
    opened.open(Path(alone).as_uri())
    opened.until("document.readyState === 'complete' && location.href.includes('elsewhere.html')")
    assert opened.value(f"{FIGURES}.length") == count
    fetched = "performance.getEntriesByType('resource').filter(one => !one.name.startsWith('data:')).length"
    assert opened.value(fetched) == 0


def test_a_narrow_screen_does_not_scroll_sideways(opened: Page) -> None:
    opened.screen(500, 900)
    assert opened.value("innerWidth") == 500
    opened.picture(SHOTS / "record_narrow.png")
    assert not opened.value(WIDE)


def test_the_page_is_dark_where_the_reader_s_system_is(opened: Page) -> None:
    opened.prefers("light")
    light = opened.value(f"[{PAPER}, {INK}]")
    opened.prefers("dark")
    dark = opened.value(f"[{PAPER}, {INK}]")
    opened.picture(SHOTS / "record_dark.png")
    assert light[0] != dark[0]
    assert set(light[1]).isdisjoint(dark[1])


def test_the_index_sorts_by_a_click_and_says_the_answer_of_each_run(index: Page) -> None:
    index.picture(SHOTS / "runs.png")
    heads = index.value("[...[...document.querySelectorAll('table')].at(-1).tHead.rows[0].cells].map(c => c.innerText)")
    assert {"run", "date", "promise", "answer", "p99 ms"} <= {head.strip() for head in heads}
    place = [head.strip() for head in heads].index("requests/s")
    rates = f"{RUNS}.map(row => parseFloat(row.cells[{place}].innerText.replace(',', '')))"
    index.value(f"[...document.querySelectorAll('table')].at(-1).tHead.rows[0].cells[{place}].click()")
    rising = index.value(rates)
    assert rising == sorted(rising)
    assert len(set(rising)) == 11
    answer = [head.strip() for head in heads].index("answer")
    said = record.load(EXAMPLE, "prove")["results"]["answer"]
    assert set(index.value(f"{RUNS}.map(row => row.cells[{answer}].innerText)")) == {said}


def test_the_index_keeps_the_runs_that_hold_the_words_typed(index: Page) -> None:
    index.value("[...document.querySelectorAll('input[type=search]')].at(-1).focus()")
    index.ask("Input.insertText", text="baseline")
    assert index.value(f"{RUNS}.filter(row => row.checkVisibility()).map(row => row.innerText)")[0].count("baseline")
    assert index.value(f"{RUNS}.filter(row => row.checkVisibility()).length") == 1


def test_the_curves_of_chosen_runs_are_drawn_over_one_another(index: Page) -> None:
    assert index.value("document.querySelectorAll('#overlay svg').length") == 0
    for row in (0, 3):
        index.value(f"{RUNS}[{row}].querySelector('input').click()")
    index.picture(SHOTS / "runs_chosen.png")
    assert index.value("document.querySelectorAll('#overlay svg g').length") == 2
    lines = "[...document.querySelectorAll('#overlay svg g:first-of-type polyline')].map(one => one.points.length)"
    assert index.value(lines) == [2, 2]  # the closed loops of the proof that have a p99, and its open ones
    assert index.value("[...document.querySelectorAll('#overlay li')].map(one => one.innerText)") == [
        "20260111T000000Z-quick",
        "20260108T000000Z-quick",
    ]


def test_a_link_of_the_index_opens_the_record(index: Page) -> None:
    index.value("[...document.querySelectorAll('a')].find(a => a.innerText.includes('20260101')).click()")
    index.until("location.href.includes('20260101T000000Z-quick/record.html') && document.querySelector('h1') !== null")
