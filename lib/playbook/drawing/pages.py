"""A Markdown page as one HTML file: pictures inside it, light and dark, no script, nothing fetched from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping

from playbook.drawing.canvas import Picture

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --page: #fff; --faint: #d0d7de; --band: #f6f8fa; --link: #0969da }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --page: #0d1117; --faint: #30363d; --band: #161b22; --link: #4493f8 }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 0 }
main { max-width: 68rem; margin: 2rem auto; padding: 0 1rem } p, li { max-width: 60rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.2rem; border-bottom: 1px solid var(--faint); padding-bottom: .3rem }
a { color: var(--link) } img { max-width: 100%; height: auto }
.figure { display: block } .figure svg { max-width: 100%; height: auto } .wide { overflow-x: auto }
.wide { margin: 1rem 0 } table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums }
th, td { border: 1px solid var(--faint); padding: .3rem .6rem; text-align: left }
td:not([style]) { overflow-wrap: anywhere; min-width: 7rem } td:not([style]):last-child { min-width: 10rem }
td:not([style]):has(input) { min-width: 0 } td a { white-space: nowrap }
th[style*=right], td[style*=right] { text-align: right } td[style*=right] { white-space: nowrap }
tr:nth-child(even) { background: var(--band) }
@media (max-width: 40rem) {
  main { margin: 1rem auto } th, td { padding: .25rem .4rem }
  .figure { overflow-x: auto } .figure svg { max-width: none; width: 44rem }
}
@media print {
  :root { --ink: #000; --page: #fff; --faint: #999; --band: #fff } main { max-width: none; margin: 0 }
  .wide { overflow: visible } table { font-size: 7pt; width: 100% }
  th, td { padding: .1rem .25rem } td { overflow-wrap: anywhere } th { font-size: 6.5pt }
  h2 { break-after: avoid } tr, svg, .figure { break-inside: avoid }
}
code, pre { font: .85em ui-monospace, monospace; background: var(--band) } pre { padding: .7rem; overflow-x: auto }
"""


def html(markdown: str, pictures: Mapping[str, Picture], title: str) -> str:
    """The page as one HTML document.

    Args:
        markdown: The page; `![...](NAME)` stands for the picture of that name.
        pictures: Pictures by the address they have in the Markdown.
        title: The document's title.
    """
    import mistune  # nbconvert's own renderer; importing nbconvert itself would cost seconds

    body = str(mistune.create_markdown(plugins=["table"])(markdown))
    shown = {address: f'<span class="figure">{picture.html()}</span>' for address, picture in pictures.items()}
    body = re.sub(r'<img [^>]*src="([^"]*)"[^>]*>', lambda image: shown.get(image[1], image[0]), body)
    body = re.sub(r"<th\b", '<th scope="col"', body)
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{_plain(title)}</title>'
    page = f"<head>{head}<style>{STYLE}</style></head>\n<body>\n<main>\n{body}</main>\n</body>"
    return f'<!doctype html>\n<html lang="en">{page}</html>\n'


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
