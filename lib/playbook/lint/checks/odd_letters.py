"""Config files that look well and hold letters which the server's parser does not read."""

from __future__ import annotations

import re

from playbook.lint.forms.letters import WRITTEN_END, first_outside, odd_blank, plain
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_SLASHES = re.compile(r"""(?m)^((?:[^"'\n#/]|/(?!/)|"[^"\n]*"|'[^'\n]*')*)(//)""")  # outside of strings and comments


def odd_letters(text: Text, message: str, effect: str) -> tuple[Finding, str] | None:
    """What no parser of text protos reads although it looks well, and the text as it was meant; None for neither.

    Told apart from protobuf's own words: its parser in Python, unlike that of the server, takes such blanks.
    """
    place, meant = first_outside(text.content), plain(text.content)
    problem = f"{odd_blank(text.content[place:])} stands between its words" if place is not None else ""
    if place is None and (written := WRITTEN_END.search(text.content)) is not None:
        place, meant = written.start(), WRITTEN_END.sub("\n", text.content)
        problem = "`\\n` stands there as two letters (bash's echo writes them so without -e)"
    if place is None and not text.content.lstrip().startswith("{") and (slashes := _SLASHES.search(text.content)):
        place, meant = slashes.start(2), _SLASHES.sub(r"\1#", text.content)
        problem = "// begins no comment, # does"
    if place is None or meant == text.content:
        return None
    words = {"kind": message, "problem": problem, "effect": effect}
    line = text.line(text.content.count("\n", 0, place) + 1)
    return finding("config-file-broken", text.path, line, **words), meant
