"""The documentation in a real browser, opened from a folder as `make docs` leaves it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from lab_browser import ROOT, SHOTS, Page

pytestmark = pytest.mark.browser
BOX = "document.querySelector('.md-search__input')"
FOUND = "document.querySelector('.md-search-result__meta').innerText"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built."""
    folder = tmp_path_factory.mktemp("site")
    command = [Path(sys.executable).parent / "mkdocs", "build", "--quiet", "--site-dir", folder]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    return folder


@pytest.mark.parametrize("name", ["index.html", "verbs/tune.html"])
def test_the_search_box_finds_pages_without_a_server(site: Path, page: Page, name: str) -> None:
    page.open((site / name).as_uri())
    page.until(f"location.href.endsWith({json.dumps(name)}) && document.readyState === 'complete' && {BOX} !== null")
    page.ask("Emulation.setFocusEmulationEnabled", enabled=True)
    for _ in range(20):  # what is typed before the page listens is lost: then it is typed again
        page.value(f"{BOX}.blur(); {BOX}.value = ''")
        page.click(BOX)
        page.ask("Input.insertText", text="batch_timeout_micros")
        with contextlib.suppress(TimeoutError):
            page.until(f"/^[0-9]+ matching/.test({FOUND})", within_s=4)
            break
    page.picture(SHOTS / "site_search.png")
    assert page.value(
        "[...document.querySelectorAll('.md-search-result__link')].some(one => one.href.includes('knobs.html'))"
    )


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    asked = [path.name for path in site.rglob("*.html") if 'src="http' in path.read_text()]
    assert asked == []
