"""What somebody says of a run: tags and a note, in `remarks.json` beside the records, which they do not change."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from playbook.errors import ParameterError
from playbook.records import whole_file

FILE = "remarks.json"
TAG = re.compile(r"[\w.:/-]{1,40}")
LONGEST = 1000  # characters of a note
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, format, surrogates, separators: as for texts in parameters


class Remarks(NamedTuple):
    """Tags in their order, and a note."""

    tags: tuple[str, ...] = ()
    note: str = ""


def read(run_dir: Path) -> Remarks:
    """The remarks of a run; none where nobody made any.

    The file may come from elsewhere: what no `change` lets in is shown escaped, and shortened.
    """
    try:
        said = json.loads((Path(run_dir) / FILE).read_text())
        tags = said.get("tags") if isinstance(said.get("tags"), list) else ()
        return Remarks(tuple(_seen(tag)[:40] for tag in tags or ()), _seen(said.get("note") or ""))
    except (OSError, ValueError, AttributeError):
        return Remarks()


def change(run_dir: Path, add: Iterable[str] = (), remove: Iterable[str] = (), note: str | None = None) -> Remarks:
    """Add and remove tags, replace the note; returns what is said now.

    Raises:
        ParameterError: something that is no tag; a note that is long, or holds what is not seen.
    """
    add, remove, before = list(add), set(remove), read(run_dir)
    for tag in add:
        if not TAG.fullmatch(tag):
            raise ParameterError(
                f"A tag is up to 40 letters, digits and . _ - : /, without spaces; {_seen(tag)[:80]!r} is none."
            )
    if note is not None:
        _check_note(note)
    tags = tuple(dict.fromkeys(tag for tag in (*before.tags, *add) if tag not in remove))
    said = Remarks(tags, before.note if note is None else note)
    whole_file.write_text(Path(run_dir) / FILE, json.dumps(said._asdict(), indent=1, ensure_ascii=False) + "\n")
    return said


def _check_note(note: str) -> None:
    if len(note) > LONGEST:
        raise ParameterError(f"A note is one line of up to {LONGEST:,} characters; this one has {len(note):,}.")
    if hidden := [letter for letter in note if unicodedata.category(letter) in UNSEEN]:
        raise ParameterError(
            f"A note is one line without control characters; {_seen(hidden[0])!r} was found in it. Write it without."
        )


def _seen(text: object) -> str:
    """The text with what is not seen (line breaks, colours of a terminal, turned reading direction) as an escape."""
    letters = str(text)[:LONGEST]
    return "".join(f"\\u{ord(one):04x}" if unicodedata.category(one) in UNSEEN else one for one in letters)
