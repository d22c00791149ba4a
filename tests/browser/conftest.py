"""One Chromium for all browser tests of a session."""

from __future__ import annotations

from collections.abc import Iterator

import lab_browser
import pytest


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab_browser.Page]:
    """Its page."""
    if lab_browser.CHROMIUM is None:
        pytest.skip("no Chromium on the PATH: apt-get install chromium")
    with lab_browser.chromium(tmp_path_factory.mktemp("chromium")) as page:
        yield page
