"""JupyterLab in a real browser, started as `make lab` starts it: no red, figures in its theme, tables that sort.

Screenshots lie in .pytest_cache/screenshots, for whoever wants to look.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab_browser
import pytest

from playbook.serve import serve

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(lab_browser.CHROMIUM is None, reason="no Chromium on the PATH: apt-get install chromium"),
]
SHOTS = lab_browser.ROOT / ".pytest_cache" / "screenshots"
DARK = "window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
FIGURE = "document.querySelector('.jp-OutputArea svg.playbook-figure')"


@pytest.fixture(scope="module")
def session(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[lab_browser.Page, str]]:
    """A page, and the address of a lab whose scratch run has exported and has no server."""
    folder = tmp_path_factory.mktemp("lab")
    scratch = folder / "outputs" / "dev"
    shutil.copytree(exported, scratch)
    analyzed = shutil.copytree(lab_browser.ROOT / "outputs" / "example", folder / "outputs" / "20260101T000000Z-quick")
    (analyzed / "analyze.json").unlink()
    try:
        with lab_browser.lab(scratch, analyzed) as address, lab_browser.chromium(folder / "profile") as page:
            yield page, address
    finally:
        serve.stop_all(scratch)


def red(notebook: dict[str, Any]) -> list[Any]:
    """What of a notebook's outputs is red: stderr and errors."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"]


def text_of(notebook: dict[str, Any]) -> str:
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return "\n".join("".join(o.get("text", "")) + "".join(o.get("data", {}).get("text/plain", "")) for o in outputs)


def test_stress_runs_alone_with_a_live_chart_and_nothing_red(session: tuple[lab_browser.Page, str]) -> None:
    page, address = session
    notebook = lab_browser.run_all(page, address, "notebooks/40_stress.ipynb")
    page.picture(SHOTS / "40_stress.png")
    assert red(notebook) == []
    assert "dev lacks serve: made now with the smoke profile." in text_of(notebook)
    assert page.value("document.querySelectorAll('.playbook-live svg').length") >= 1
    assert page.value(f"{FIGURE}.getAttribute('aria-label')").startswith("p99 latency over throughput")
    assert page.value("document.querySelector('a[href*=\"record.html\"]') !== null")


def test_a_click_on_a_heading_sorts_a_table(session: tuple[lab_browser.Page, str]) -> None:
    page, _ = session
    column = "[...document.querySelectorAll('table[onclick]')].at(-1)"
    rates = f"[...{column}.tBodies[0].rows].map(row => parseFloat(row.cells[1].textContent.replace(',', '')))"
    page.value(f"{column}.tHead.rows[0].cells[1].click()")
    rising = page.value(rates)
    page.value(f"{column}.tHead.rows[0].cells[1].click()")
    assert rising == sorted(rising)
    assert page.value(rates) == rising[::-1]


def test_a_figure_follows_the_theme_of_the_lab(session: tuple[lab_browser.Page, str]) -> None:
    page, _ = session
    paper = f"getComputedStyle({FIGURE}.querySelector('path')).fill"
    assert page.value(paper) == "rgb(255, 255, 255)"
    page.value(DARK)
    page.until("document.body.dataset.jpThemeLight === 'false'")
    page.picture(SHOTS / "40_stress_dark.png")
    assert page.value(paper) == "rgb(13, 17, 23)"


@pytest.mark.parametrize("name", ["50_analyze", "index"])
def test_a_notebook_runs_without_red(session: tuple[lab_browser.Page, str], name: str) -> None:
    page, address = session
    notebook = lab_browser.run_all(page, address, f"notebooks/{name}.ipynb")
    page.picture(SHOTS / f"{name}.png")
    assert red(notebook) == []


def test_the_start_page_stops_the_server(session: tuple[lab_browser.Page, str]) -> None:
    page, _ = session
    page.until("document.querySelector('.widget-button, .jupyter-button') !== null")
    page.value("document.querySelector('.widget-button, .jupyter-button').click()")
    page.until("document.body.innerText.includes('Stopped the embedded server')")
