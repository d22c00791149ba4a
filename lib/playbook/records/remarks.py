"""What somebody says of a run: tags and a note, in `remarks.json` beside the records, which they do not change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from playbook.errors import ParameterError
from playbook.records import whole_file

FILE = "remarks.json"
TAG = re.compile(r"[\w.:/-]{1,40}")


class Remarks(NamedTuple):
    """Tags in their order, and a note."""

    tags: tuple[str, ...] = ()
    note: str = ""


def read(run_dir: Path) -> Remarks:
    """The remarks of a run; none where nobody made any."""
    try:
        said = json.loads((Path(run_dir) / FILE).read_text())
        return Remarks(tuple(map(str, said.get("tags") or ())), str(said.get("note") or ""))
    except (OSError, ValueError, AttributeError):
        return Remarks()


def change(run_dir: Path, add: Iterable[str] = (), remove: Iterable[str] = (), note: str | None = None) -> Remarks:
    """Add and remove tags, replace the note; returns what is said now.

    Raises:
        ParameterError: something that is no tag.
    """
    add, remove, before = list(add), set(remove), read(run_dir)
    for tag in add:
        if not TAG.fullmatch(tag):
            raise ParameterError(f"A tag is up to 40 letters, digits and . _ - : /, without spaces; {tag!r} is none.")
    tags = tuple(dict.fromkeys(tag for tag in (*before.tags, *add) if tag not in remove))
    said = Remarks(tags, before.note if note is None else note)
    whole_file.write_text(Path(run_dir) / FILE, json.dumps(said._asdict(), indent=1, ensure_ascii=False) + "\n")
    return said
