"""Command lines in the comments of a Python text: there they tell a reader what to type, as prose does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.forms.plain_prose import plain_end
from playbook.lint.forms.text import Text


def commented_lines(text: Text) -> Iterator[Text]:
    """Each command line that stands in comments of its own lines, without their marks."""
    lines = text.content.split("\n")
    bare = [found[1] if (found := re.match(r"\s*#[#%]*\s?(.*)", line)) else "" for line in lines]
    place = 0
    while place < len(bare):
        end = plain_end(bare, place)
        if end > place and "{" not in bare[place]:
            yield Text("\n".join(bare[place:end]), text.path, text.line(place + 1) or 1, text.file)
        place = max(end, place + 1)
