"""Hooks of MkDocs: pages fetch nothing from elsewhere, so what lets the search box work from a folder is our own."""

from typing import Any

ELSEWHERE = "https://unpkg.com/iframe-worker/shim"  # the theme's offline plugin asks for it
OURS = "theme/worker.js"


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """A page whose search runs in a hidden frame where a browser lets it start no worker."""
    return output.replace(ELSEWHERE, "../" * page.url.count("/") + OURS)


def on_post_template(output_content: str, **_: Any) -> str:
    """The page that tells of a wrong address."""
    return output_content.replace(ELSEWHERE, f"/{OURS}")
