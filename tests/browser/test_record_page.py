"""The record's page in a real browser: one file, every figure drawn, legible by day and by night."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from playbook.report import report

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH: apt-get install chromium"),
]
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
QUIET += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"]
PROBE = """<script>addEventListener("load", () => {
  const seen = [...document.querySelectorAll("svg.playbook-figure")].filter(image => image.checkVisibility());
  const wide = document.documentElement.scrollWidth > innerWidth + 1;
  document.title = JSON.stringify({images: seen.length, drawn: seen.every(image => image.getBBox().width > 100),
    words: seen.every(image => image.getAttribute("aria-label").length > 20), wide,
    ink: seen.map(image => getComputedStyle(image.querySelector("text")).fill),
    background: getComputedStyle(document.body).backgroundColor});
});</script>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example record's page, made anew."""
    run = tmp_path_factory.mktemp("page") / "example"
    shutil.copytree(ROOT / "outputs" / "example", run)
    report.write(run)
    return run / "record.html"


def opened(page: Path, folder: Path, *flags: str) -> dict:
    """What the browser sees, as the probe writes it into the title."""
    import html
    import json
    import re

    probed = folder / "probed.html"
    probed.write_text(page.read_text().replace("</body>", PROBE + "</body>"))
    command = [CHROMIUM, *QUIET, *flags, f"--user-data-dir={folder}/profile", "--virtual-time-budget=5000"]
    done = subprocess.run([*command, "--dump-dom", probed.as_uri()], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(html.unescape(re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)[1]))


def test_every_figure_is_drawn_and_has_words(page: Path, tmp_path: Path) -> None:
    seen = opened(page, tmp_path, "--window-size=1200,2000")
    assert seen["images"] >= 1
    assert seen["drawn"]
    assert seen["words"]


def test_the_page_needs_no_other_file(page: Path, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere" / "record.html"
    alone.parent.mkdir()
    shutil.copy(page, alone)
    assert opened(alone, tmp_path)["drawn"]


def test_a_narrow_screen_does_not_scroll_sideways(page: Path, tmp_path: Path) -> None:
    assert not opened(page, tmp_path, "--window-size=500,900")["wide"]


def test_the_page_is_dark_where_the_reader_s_system_is(page: Path, tmp_path: Path) -> None:
    light = opened(page, tmp_path, "--blink-settings=preferredColorScheme=1")
    dark = opened(page, tmp_path, "--blink-settings=preferredColorScheme=0")
    assert light["background"] != dark["background"]
    assert dark["drawn"]
    assert set(light["ink"]).isdisjoint(dark["ink"])
