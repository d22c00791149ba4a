"""An SVG as matplotlib draws it, made one that follows the reader's colour scheme and says what it shows."""

from __future__ import annotations

import os
import re
from html import escape

from playbook.drawing import palette

NAME = "playbook-figure"
PX_PER_IN = 96


def in_lab() -> bool:
    """Whether this kernel belongs to a session of JupyterLab, whose theme an SVG inside the page can follow."""
    return "JPY_SESSION_NAME" in os.environ


def themed(drawn: str, alt: str, size_in: tuple[float, float]) -> str:
    """The SVG with variables for colours, its alt text, and no more than a page needs of it.

    Args:
        drawn: As matplotlib saved it, drawn in the colours of the light page.
        alt: What it shows, in words.
        size_in: Width and height in inches.
    """
    body = re.sub(r"^.*?<svg[^>]*>", "", drawn, count=1, flags=re.DOTALL)
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"\s*<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    names = {colour: name for name, colour in palette.variables("light").items()}
    body = re.sub(r"#[0-9a-f]{6}\b", lambda found: _variable(found[0], names), body)
    body = body.replace(f"'{palette.FONT}'", f"'{palette.FONT}', Verdana, sans-serif")
    body = re.sub(r"\s*\n\s*", " ", body)
    width, height = (round(side * PX_PER_IN) for side in size_in)
    box = f'viewBox="0 0 {size_in[0] * 72:g} {size_in[1] * 72:g}" width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" class="{NAME}" {box}'
    words = f'role="img" aria-label="{escape(alt)}"'
    return f"{head} {words}><style>{_css()}</style>{body}"


def _variable(colour: str, names: dict[str, str]) -> str:
    return f"var(--{names[colour]})" if colour in names else colour


def _css() -> str:
    """Light by itself, dark where the reader's system is; in JupyterLab its theme has the last word."""
    light, dark = (";".join(f"--{n}:{c}" for n, c in palette.variables(theme).items()) for theme in ("light", "dark"))
    return (
        f".{NAME}{{{light};max-width:100%;height:auto}}.{NAME} *{{stroke-linejoin:round;stroke-linecap:butt}}"
        f"@media (prefers-color-scheme:dark){{.{NAME}{{{dark}}}}}"
        f"[data-jp-theme-light=true] .{NAME}{{{light}}}[data-jp-theme-light=false] .{NAME}{{{dark}}}"
    )
