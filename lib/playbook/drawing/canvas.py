"""A figure as a picture: one SVG for light and dark pages, with a text that says what it shows."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.drawing import vector
from playbook.drawing.palette import DARK, LIGHT, THEMES, style
from playbook.records import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DARK", "LIGHT", "THEMES", "Picture"]
DPI = 110
COLOURS = 128


@dataclass(frozen=True)
class Picture:
    """What to draw, how large, and its alt text; Jupyter shows it as an SVG that is at home in its theme."""

    draw: Callable[[Figure, dict[str, Any]], None]
    alt: str
    size_in: tuple[float, float] = (8.0, 4.2)
    _drawn: dict[str, bytes] = field(default_factory=dict, repr=False)

    def svg(self) -> str:
        """The picture as one SVG whose colours follow the reader's colour scheme; drawn once, then kept."""
        if "svg" not in self._drawn:
            drawn = self._render("light", "svg")
            self._drawn["svg"] = vector.themed(drawn.decode(), self.alt, self.size_in).encode()
        return self._drawn["svg"].decode()

    def png(self, theme: str = "light") -> bytes:
        """The picture as PNG, on an opaque page of the theme (`light` or `dark`); drawn once, then kept."""
        if theme not in self._drawn:
            self._drawn[theme] = _few_colours(self._render(theme, "png"))
        return self._drawn[theme]

    def _render(self, theme: str, format_: str) -> bytes:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        colours, out = THEMES[theme], io.BytesIO()
        with matplotlib.rc_context(style(colours)):
            figure = Figure(figsize=self.size_in, layout="constrained")
            FigureCanvasAgg(figure)
            self.draw(figure, colours)
            still = {"metadata": {"Date": None}} if format_ == "svg" else {"dpi": DPI}  # the same data, the same bytes
            figure.savefig(out, format=format_, **still)
        return out.getvalue()

    def save(self, folder: Path, name: str) -> Path:
        """Write `<name>.svg`; returns its path."""
        return whole_file.write_text(folder / f"{name}.svg", self.svg())

    def save_png(self, folder: Path, name: str) -> Path:
        """Write `<name>.png` and `<name>-dark.png`, for pages that take no SVG; returns the first."""
        whole_file.write_bytes(folder / f"{name}-dark.png", self.png("dark"))
        return whole_file.write_bytes(folder / f"{name}.png", self.png("light"))

    def html(self) -> str:
        """The picture inside a page: the SVG itself, whose alt text a screen reader speaks."""
        return self.svg()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        kind = "text/html" if vector.in_lab() else "image/svg+xml"
        return {kind: self.svg(), "text/plain": self.alt}


def _few_colours(drawn: bytes) -> bytes:
    """The same PNG in few colours: a third as large."""
    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(drawn)).convert("RGB").quantize(COLOURS).save(out, "PNG", optimize=True)
    return out.getvalue()
