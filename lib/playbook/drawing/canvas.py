"""A figure as a picture: drawn once for a light page and once for a dark one, with a text that says what it shows."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.records import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette and two of Tol's, told apart with every common colour blindness; on dark lightened.
LIGHT = {
    "page": "#ffffff",
    "ink": "#1f2328",
    "faint": "#d0d7de",
    "muted": "#59636e",
    "series": (
        "#0072b2",
        "#d55e00",
        "#009e73",
        "#cc79a7",
        "#e69f00",
        "#56b4e9",
        "#7f7f7f",
        "#1f2328",
        "#999933",
        "#882255",
    ),
}
DARK = {
    "page": "#0d1117",
    "ink": "#e6edf3",
    "faint": "#30363d",
    "muted": "#9198a1",
    "series": (
        "#56b4e9",
        "#ff8c42",
        "#2dd4a3",
        "#e69fc9",
        "#f0e442",
        "#2573b8",
        "#a0a0a0",
        "#e6edf3",
        "#c5c56b",
        "#d46a9f",
    ),
}
THEMES = {"light": LIGHT, "dark": DARK}
DPI = 110
COLOURS = 128


@dataclass(frozen=True)
class Picture:
    """What to draw, how large, and its alt text; Jupyter shows it as a PNG."""

    draw: Callable[[Figure, dict[str, Any]], None]
    alt: str
    size_in: tuple[float, float] = (8.0, 4.2)
    _drawn: dict[str, bytes] = field(default_factory=dict, repr=False)

    def png(self, theme: str = "light") -> bytes:
        """The picture as PNG, on an opaque page of the theme (`light` or `dark`); drawn once, then kept."""
        if theme not in self._drawn:
            self._drawn[theme] = self._render(theme)
        return self._drawn[theme]

    def _render(self, theme: str) -> bytes:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from PIL import Image

        colours = THEMES[theme]
        with matplotlib.rc_context(_style(colours)):
            figure = Figure(figsize=self.size_in, layout="constrained")
            FigureCanvasAgg(figure)
            self.draw(figure, colours)
            drawn, out = io.BytesIO(), io.BytesIO()
            figure.savefig(drawn, format="png", dpi=DPI)
        # Few colours make a file a third as large; the same data give the same bytes.
        Image.open(drawn).convert("RGB").quantize(COLOURS).save(out, "PNG", optimize=True)
        return out.getvalue()

    def save(self, folder: Path, name: str) -> Path:
        """Write `<name>.png` and `<name>-dark.png`; returns the first."""
        whole_file.write_bytes(folder / f"{name}-dark.png", self.png("dark"))
        return whole_file.write_bytes(folder / f"{name}.png", self.png("light"))

    def html(self) -> str:
        """Both pictures inside one element; the browser shows the one for its colour scheme."""
        light, dark = (_data_uri(self.png(theme)) for theme in ("light", "dark"))
        alt = self.alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        source = f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        return f'<picture>{source}<img src="{light}" alt="{alt}"></picture>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"image/png": base64.b64encode(self.png()).decode(), "text/plain": self.alt}


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _style(colours: dict[str, Any]) -> Any:
    from cycler import cycler

    return {
        "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
        "font.size": 10,
        "figure.facecolor": colours["page"],
        "savefig.facecolor": colours["page"],
        "axes.facecolor": colours["page"],
        "axes.edgecolor": colours["muted"],
        "axes.labelcolor": colours["ink"],
        "axes.titlecolor": colours["ink"],
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=colours["series"]),
        "grid.color": colours["faint"],
        "grid.linewidth": 0.6,
        "text.color": colours["ink"],
        "xtick.color": colours["muted"],
        "ytick.color": colours["muted"],
        "xtick.labelcolor": colours["ink"],
        "ytick.labelcolor": colours["ink"],
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "lines.markersize": 6,
    }
