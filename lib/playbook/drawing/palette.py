"""The colours and the style that all figures share, for a light page and a dark one."""

from __future__ import annotations

from typing import Any

# Okabe and Ito's palette and two of Tol's, told apart with every common colour blindness; on dark lightened.
# `on` is the ink of words inside a filled shape of that series; no two are alike, so that an SVG tells them apart.
LIGHT: dict[str, Any] = {
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
        "#1f2329",
        "#999933",
        "#882255",
    ),
}
DARK: dict[str, Any] = {
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
BRIGHT, DEEP = 0xFFFFF0, 0x1F2330  # of words on dark and on bright shapes; the number of the series is added
THEMES = {"light": LIGHT, "dark": DARK}
FONT = "DejaVu Sans"  # comes with matplotlib, so every machine draws the same


def dark(colour: str) -> bool:
    """Whether white words are legible on a colour."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 140


for _theme in THEMES.values():
    _theme["on"] = tuple(f"#{(BRIGHT if dark(c) else DEEP) + n:06x}" for n, c in enumerate(_theme["series"]))


def variables(theme: str) -> dict[str, str]:
    """Each colour of a theme by the name it has as a CSS variable."""
    colours = THEMES[theme]
    plain = {name: colours[name] for name in ("page", "ink", "faint", "muted")}
    plain |= {f"s{number}": colour for number, colour in enumerate(colours["series"])}
    return plain | {f"on{number}": colour for number, colour in enumerate(colours["on"])}


def style(colours: dict[str, Any]) -> Any:
    """matplotlib's settings on a page of these colours."""
    from cycler import cycler

    return {
        "font.family": FONT,
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
        "svg.fonttype": "none",  # words stay words: they can be found and copied, and the file is half as large
        "svg.hashsalt": "playbook",
    }
