"""The pictures of a record's page: kept under the address that the page shows them by."""

from __future__ import annotations

from playbook.drawing.canvas import Picture

Pictures = dict[str, Picture]


def add(pictures: Pictures, name: str, picture: Picture) -> str:
    """Keep a picture among those of the page; returns the Markdown that shows it, its numbers as alt text."""
    address = f"figures/{name}.svg"
    pictures[address] = picture
    return f"![{picture.alt}]({address})"
