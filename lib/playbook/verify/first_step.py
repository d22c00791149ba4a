"""The first step of a run on TensorFlow Serving's image: it is verified once, and every record on it says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from playbook.errors import PlaybookError
from playbook.records import whole_file
from playbook.serve.containers import IMAGE
from playbook.verify import kept, verify
from playbook.verify.image_place import facts_of

FILE = "verification.json"


def take(run_dir: Path, outputs: Path, asked: Mapping[str, Any], say: Callable[[str], object], fresh: bool) -> None:
    """Leave what is known of the server in the run folder; an image that nobody has verified yet is verified.

    Args:
        asked: `server`, `image` and `rest_url` of 20_serve.
        fresh: Whether an image may be verified now; else only what was kept is looked up.
    """
    if (run_dir / FILE).exists():
        return
    found = None
    if asked.get("server") == "attach":
        found = kept.find(outputs, [str(asked.get("rest_url") or "").rstrip("/")])
    elif asked.get("server") == "binary":
        found = kept.find(outputs, ["binary"])
    elif asked.get("server") == "docker":
        found = _of_image(str(asked.get("image") or IMAGE), outputs, say, fresh)
    if found:
        whole_file.write_text(run_dir / FILE, json.dumps(found, indent=1) + "\n")
        say(f"The server: {kept.sentence(found)}.")


def _of_image(image: str, outputs: Path, say: Callable[[str], object], fresh: bool) -> dict[str, Any] | None:
    """The image's verification; None where there is none and none can be made: the stage that needs it says why."""
    try:
        known = facts_of(image)
        found = kept.find(outputs, [known["image_digest"], known["image_id"]])
        if found or not fresh:
            return found
        say(f"{image} is verified first, once: {len(verify.QUESTIONS)} questions, one to five minutes.")
        return verify.image(image, outputs, lambda text: None)
    except PlaybookError as error:
        say(f"{image} was not verified: {str(error).splitlines()[0]}")
        return None


def of_run(run_dir: Path) -> dict[str, Any] | None:
    """The verification that a run was made with; None where there is none, or it cannot be read."""
    try:
        return json.loads((Path(run_dir) / FILE).read_text())
    except (OSError, ValueError):
        return None
