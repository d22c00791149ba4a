"""A table of a notebook: sorted and filtered by a click in JupyterLab, plain Markdown in the record and elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from playbook.drawing import vector

FILTERED_FROM = 8  # rows; a table of no more is seen at a glance
#: Clicking a heading sorts by it, once more the other way round; numbers as numbers, what is missing last.
SORT = (
    "const h=event.target.closest('th');if(!h)return;const b=this.tBodies[0],i=h.cellIndex,"
    "s=this.dataset.by==i?-this.dataset.up:1;this.dataset.by=i;this.dataset.up=s;"
    "const k=r=>{const t=r.cells[i].textContent.trim(),n=t.match(/^<?(-?[\\d,]*\\.?\\d+)[^\\d]*$/);"
    "return[t=='–'?2:n?0:1,n?parseFloat(n[1].replace(/,/g,'')):t]};"
    "[...b.rows].sort((x,y)=>{const p=k(x),q=k(y);return p[0]-q[0]||(p[1]<q[1]?-1:p[1]>q[1]?1:0)*s})"
    ".forEach(r=>b.append(r));for(const c of h.parentNode.cells)c.ariaSort='none';"
    "h.ariaSort=s>0?'ascending':'descending'"
)
#: Typing keeps the rows that hold every word.
FILTER = (
    "const w=this.value.toLowerCase().split(/\\s+/);"
    "for(const r of this.parentNode.querySelector('table').tBodies[0].rows)"
    "r.hidden=!w.every(q=>r.textContent.toLowerCase().includes(q))"
)


@dataclass(frozen=True)
class Table:
    """Markdown with a table in it, and notes (the warnings of its rows) below.

    Args:
        text: The Markdown.
        notes: A line each, as a list below the table.
    """

    text: str
    notes: Iterable[str] = ()

    @property
    def markdown(self) -> str:
        """The table and its notes."""
        lines = "\n".join(f"- {note}" for note in self.notes)
        return f"{self.text}\n\n{lines}" if lines else self.text

    def html(self) -> str:
        """The same, its tables to be sorted by a click on a heading and filtered by words."""
        return live(self.markdown)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle = {"text/markdown": self.markdown, "text/plain": self.markdown}
        return {**bundle, "text/html": self.html()} if vector.in_lab() else bundle


def live(text: str) -> str:
    """Markdown as HTML whose tables are sorted by a click on a heading; long ones are filtered by words."""
    import mistune

    return sortable(str(mistune.create_markdown(plugins=["table"])(text)))


def sortable(page: str) -> str:
    """HTML with its tables made so."""
    head, *rest = page.split("<table>")
    return head + "".join(_one(*part.split("</table>", 1)) for part in rest)


def _one(table: str, after: str) -> str:
    table = re.sub(
        r'<th(?: scope="col")?(?: style="([^"]*)")?>', r'<th scope="col" title="sort" style="cursor:pointer;\1">', table
    )
    field = f'<input type="search" placeholder="filter" aria-label="filter rows" oninput="{FILTER}">'
    field = field if table.count("<tr>") > FILTERED_FROM + 1 else ""
    return f'<div class="wide">{field}<table onclick="{SORT}">{table}</table></div>{after}'
