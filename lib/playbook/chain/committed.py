"""git's filter for notebooks: what JupyterLab saves while they run is not a change.

`make .venv` installs it. git gives a notebook on stdin and its path; what goes to stdout is that notebook with the
outputs, counts and metadata of the committed one. A cell whose source is new comes without. New outputs for
50_analyze are committed by `make example`. It imports nothing of ours: git runs it for every notebook it looks at.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

PLAIN = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def cleaned(saved: str, committed: str | None) -> str:
    """The notebook as it would be committed; text that is no notebook is left as it is."""
    try:
        page, before = json.loads(saved), json.loads(committed) if committed else {}
        known = {cell.get("id"): cell for cell in before.get("cells", [])}
        page["cells"] = [_cell(cell, known.get(cell.get("id"))) for cell in page["cells"]]
        page["metadata"] = before.get("metadata") or PLAIN
    except (ValueError, TypeError, KeyError, AttributeError):
        return saved
    if {**before, "cells": page["cells"]} == {**page, "nbformat_minor": before.get("nbformat_minor")}:
        page = {**before, "cells": page["cells"]}
    return json.dumps(page, indent=1, ensure_ascii=False) + "\n"


def _cell(cell: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """The committed cell where the source is the same, else this one without what running it left."""
    if before and _meant(before) == _meant(cell):
        return before
    tags = cell.get("metadata", {}).get("tags")
    kept = {**cell, "metadata": {"tags": tags} if tags else {}, "source": "".join(cell["source"]).splitlines(True)}
    return {**kept, "outputs": [], "execution_count": None} if cell["cell_type"] == "code" else kept


def _meant(cell: dict[str, Any]) -> tuple[Any, ...]:
    """What somebody wrote of a cell."""
    return cell["cell_type"], "".join(cell["source"]), cell.get("metadata", {}).get("tags")


def main() -> None:
    """Filter stdin to stdout; the committed notebook comes from git's index."""
    saved = sys.stdin.buffer.read().decode()
    shown = subprocess.run(["git", "show", f":{sys.argv[1]}"], capture_output=True, check=False)
    text = cleaned(saved, shown.stdout.decode() if shown.returncode == 0 else None)
    sys.stdout.buffer.write(text.encode())


if __name__ == "__main__":
    main()
