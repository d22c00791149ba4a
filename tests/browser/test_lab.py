"""JupyterLab in a real browser, started as `make lab` starts it: every notebook opened and run there, in one session.

No red, figures in its theme, tables that sort, charts that move while a stage runs, sliders that predict anew. The
parameters are the smoke profile's or shorter. Screenshots lie in .pytest_cache/screenshots, for whoever wants to look.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab_browser
import pytest

from playbook.records import record, runs
from playbook.serve import serve

pytestmark = pytest.mark.browser
SHOTS = lab_browser.SHOTS
DARK = "window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
FIGURE = "document.querySelector('.jp-OutputArea svg.playbook-figure')"
# As little as shows what is looked at here: nbval runs every cell of every notebook, with drills and a longer search.
OTHERS: dict[str, dict[str, Any]] = {
    "30_warmup": {"first_requests": 5, "client_warmup_requests": 2},
    "50_analyze": {},
    "75_drill": {"drills": []},
    "80_deploy": {"build": "never", "rehearsal_s": 0.5},
    "10_export": {"curve_batch_sizes": [1, 8], "curve_s": 0.2},
}
MOVING: dict[str, dict[str, Any]] = {
    "65_prove": {"prove_s": 8.0, "prove_level_s": 1.6, "concurrency": [4], "rate_shares": []},
    "70_adapt": {"moving_s": 3.0},
}
TWO_LEVELS = {"concurrency": [1, 4], "rate_shares": [], "duration_s": 1.6}
SHORT_SEARCH = {"trial_s": 0.3, "trial_ramp_up_s": 0.1, "windows": 1, "finalists": 1, "max_trials": 2}


class Lab:
    """The page of one session, and the scratch run of its notebooks."""

    def __init__(self, page: lab_browser.Page, scratch: Path) -> None:
        self.page, self.scratch = page, scratch

    def run(self, name: str, **given: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Open a notebook, run all of it, look at its first screen; nothing of what it leaves is red."""
        seen = lab_browser.run_all(self.page, f"notebooks/{name}.ipynb", **given)
        self.page.picture(SHOTS / f"{name}.png")
        assert red(seen[0]) == []
        assert [cell["source"] for cell in code_of(seen[0]) if not cell["execution_count"]] == []
        return seen

    def close(self, name: str) -> None:
        lab_browser.close(self.page, f"notebooks/{name}.ipynb")


@pytest.fixture(scope="module")
def session(page: lab_browser.Page, exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose scratch run has exported and has no server."""
    folder = tmp_path_factory.mktemp("lab")
    scratch = folder / "outputs" / "dev"
    shutil.copytree(exported, scratch)
    analyzed = shutil.copytree(lab_browser.ROOT / "outputs" / "example", folder / "outputs" / "20260101T000000Z-quick")
    (analyzed / "analyze.json").unlink()
    try:
        with lab_browser.lab(scratch, analyzed) as address:
            lab_browser.start(page, address)
            yield Lab(page, scratch)
    finally:
        serve.stop_all(scratch)


def code_of(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def red(notebook: dict[str, Any]) -> list[Any]:
    """What of a notebook's outputs is red: stderr and errors."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"]


def text_of(notebook: dict[str, Any]) -> str:
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return "\n".join("".join(o.get("text", "")) + "".join(o.get("data", {}).get("text/plain", "")) for o in outputs)


def moved(shown: list[dict[str, Any]]) -> bool:
    """Whether each board's chart of rate and p99 stood before its bar's end, grew, and the bar came to its end."""
    boards = [[state for state in shown if state["board"] == number] for number in {one["board"] for one in shown}]
    return bool(boards) and all(_moved(states) for states in boards)


def _moved(states: list[dict[str, Any]]) -> bool:
    charts = [(tuple(state["points"]), state["words"]) for state in states if len(state["points"]) == 2]
    grew = len({points for points, _ in charts}) >= 2
    return grew and " 100% " not in charts[0][1] and " 100% " in charts[-1][1]


def test_every_notebook_is_opened_here() -> None:
    names = {*OTHERS, *MOVING, "20_serve", "40_stress", "60_tune", "index"}
    assert names == {path.stem for path in runs.NOTEBOOK_DIR.glob("*.ipynb")}


def test_stress_runs_alone_with_a_live_chart_and_nothing_red(session: Lab) -> None:
    notebook, shown = session.run("40_stress", **TWO_LEVELS)
    page = session.page
    assert "dev lacks serve: made now with the smoke profile." in text_of(notebook)
    assert moved(shown), shown
    assert any("p99 so far" in state["words"] for state in shown)
    assert page.value("document.querySelectorAll('.playbook-live svg').length") >= 1
    assert page.value(f"{FIGURE}.getAttribute('aria-label')").startswith("p99 latency over throughput")
    assert page.value("document.querySelector('a[href*=\"record.html\"]') !== null")


def test_a_click_on_a_heading_sorts_a_table(session: Lab) -> None:
    page = session.page
    column = "[...document.querySelectorAll('table[onclick]')].at(-1)"
    rates = f"[...{column}.tBodies[0].rows].map(row => parseFloat(row.cells[1].textContent.replace(',', '')))"
    page.value(f"{column}.tHead.rows[0].cells[1].click()")
    rising = page.value(rates)
    page.value(f"{column}.tHead.rows[0].cells[1].click()")
    assert rising == sorted(rising)
    assert page.value(rates) == rising[::-1]


def test_a_figure_follows_the_theme_of_the_lab(session: Lab) -> None:
    page = session.page
    paper = f"getComputedStyle({FIGURE}.querySelector('path')).fill"
    assert page.value(paper) == "rgb(255, 255, 255)"
    page.value(DARK)
    page.until("document.body.dataset.jpThemeLight === 'false'")
    page.picture(SHOTS / "40_stress_dark.png")
    assert page.value(paper) == "rgb(13, 17, 23)"
    page.value(DARK.replace("Dark", "Light"))
    session.close("40_stress")


def test_the_sliders_of_tune_predict_anew_when_one_is_moved(session: Lab) -> None:
    session.run("60_tune", **SHORT_SEARCH)
    page = session.page
    said = "[...document.querySelectorAll('.widget-html')].at(-1).innerText.split(';')[0]"
    before = page.value(said)
    assert before.startswith("predicted, not measured: ")
    handle = "[...document.querySelectorAll('.noUi-handle')].at(1)"  # the second slider is the rate's
    page.value(f"{handle}.scrollIntoView({{block: 'center'}})")
    page.picture(SHOTS / "60_tune_sliders.png")
    page.drag(handle, 60)
    page.until(f"{said} !== {json.dumps(before)}")
    assert page.value(said).startswith("predicted, not measured: ")
    page.picture(SHOTS / "60_tune_sliders_moved.png")
    session.close("60_tune")


@pytest.mark.parametrize("name", MOVING)
def test_a_chart_moves_while_the_load_is_held(session: Lab, name: str) -> None:
    _, shown = session.run(name, **MOVING[name])
    assert moved(shown), shown
    session.close(name)


@pytest.mark.parametrize("name", OTHERS)
def test_a_notebook_runs_without_red(session: Lab, name: str) -> None:
    session.run(name, **OTHERS[name])
    assert name == "50_analyze" or record.has(session.scratch, name.partition("_")[2])
    session.close(name)


def test_the_start_page_tells_the_state_and_stops_the_server(session: Lab) -> None:
    page = session.page
    session.run("20_serve")
    session.close("20_serve")
    session.run("index")
    button = "document.querySelector('.jp-OutputArea .jupyter-button')"
    page.until(f"{button} !== null")
    page.value(f"{button}.click()")
    page.until("document.body.innerText.includes('Stopped the embedded server')")
    page.picture(SHOTS / "index_stopped.png")
