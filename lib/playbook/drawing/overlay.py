"""The index page's one script: choose runs in the table, and their load curves are drawn over one another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from playbook.drawing import palette

Curve = Sequence[tuple[float, float, str]]
SCRIPT = Path(__file__).with_suffix(".js")


WIDE = "main{max-width:84rem}#overlay~.wide td:last-child{min-width:22rem}"
WIDE += "#overlay~.wide td:nth-child(3),#overlay~.wide td:nth-child(9){white-space:nowrap}"  # a date, a gain


def added(page: str, curves: Mapping[str, Curve]) -> str:
    """The index with a place above its runs where chosen ones are drawn, their data and the script.

    Args:
        page: The index as HTML; its last table has a row a run.
        curves: Throughput in requests/s, p99 in ms and loop (`closed` or `open`) of each level, by the name of the run.
    """
    data = json.dumps(curves, ensure_ascii=False).replace("<", "\\u003c")
    light, dark = (
        ";".join(f"--{name}:{colour}" for name, colour in palette.variables(theme).items() if name[0] == "s")
        for theme in ("light", "dark")
    )
    colours = f"<style>{WIDE}#overlay{{{light}}}@media (prefers-color-scheme:dark){{#overlay{{{dark}}}}}</style>"
    place = f'<h2>Chosen runs</h2>{colours}<div id="overlay"></div>'
    script = f'<script type="application/json" id="curves">{data}</script><script>{SCRIPT.read_text()}</script>'
    return page.replace("<h2>Runs</h2>", f"{place}<h2>Runs</h2>", 1).replace("</main>", f"{script}</main>")
