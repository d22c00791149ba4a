"""What a verification leaves: a JSON and a page, found again by the server that was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from playbook import markdown
from playbook.drawing import pages
from playbook.records import whole_file
from playbook.verify.asking import AGREES, COULD_NOT, DIFFERS, Answer

FOLDER = "verified"
REPORT = "https://github.com/tensorflow/serving (what it does) and this playbook's own tracker (what it says of it)"


def results(identity: str, facts: Mapping[str, Any], answers: Sequence[Answer], laws: Sequence[Any]) -> dict[str, Any]:
    """The content of the JSON."""
    counts = {word: sum(answer.answer == word for answer in answers) for word in (AGREES, DIFFERS, COULD_NOT)}
    return {
        "schema_version": 1,
        "identity": identity,
        "created_utc": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "server": dict(facts),
        "agrees": counts[AGREES],
        "differs": counts[DIFFERS],
        "could_not_ask": counts[COULD_NOT],
        "asked": len(answers) - counts[COULD_NOT],
        "answers": [answer.plain() for answer in answers],
        "simulator": [
            {"law": law.law, "load": law.load, "told_ms": law.told_ms, "simulated_ms": law.simulated_ms} for law in laws
        ],
    }


def write(outputs: Path, found: Mapping[str, Any]) -> Path:
    """Write `verified/NAME.json`, `.md` and `.html`; a later verification of the same server replaces them."""
    path = place(outputs, found["identity"])
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_file.write_text(path, json.dumps(found, indent=1) + "\n")
    text = page(found)
    whole_file.write_text(path.with_suffix(".md"), text)
    whole_file.write_text(path.with_suffix(".html"), pages.html(text, {}, "Verification"))
    return path


def place(outputs: Path, identity: str) -> Path:
    """Where the verification of a server lies."""
    return Path(outputs) / FOLDER / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', identity).strip('-')}.json"


def find(outputs: Path, identities: Sequence[str | None]) -> dict[str, Any] | None:
    """The verification of a server that is known by any of these names; None where there is none."""
    for identity in filter(None, identities):
        path = place(outputs, identity)
        if path.exists():
            found = json.loads(path.read_text())
            if found.get("identity") == identity:
                return found
    return None


def sentence(found: Mapping[str, Any] | None) -> str:
    """What a record says of the server it was made on."""
    if not found:
        return ""
    text = f"verified on {found['created_utc'][:10]} by {found['agrees']} of {found['asked']} questions"
    if found["differs"]:
        names = ", ".join(one["name"] for one in found["answers"] if one["answer"] == DIFFERS)
        text += f"; it differs in {names}"
    return text


def page(found: Mapping[str, Any]) -> str:
    """The page: what was asked, what differs and what then no longer holds."""
    parts = [f"# {found['identity']}: {sentence(found)}", _facts(found), _differing(found)]
    areas = dict.fromkeys(answer["area"] for answer in found["answers"])
    for area in areas:
        rows = [[a["says"], a["answer"], a["seen"]] for a in found["answers"] if a["area"] == area]
        parts += [f"## {area}", markdown.table(["TensorFlow Serving, as this playbook knows it", "", "seen"], rows)]
    parts += ["## the simulator", _laws(found["simulator"])]
    return "\n\n".join(filter(None, parts)) + "\n"


def _facts(found: Mapping[str, Any]) -> str:
    known = {name: value for name, value in found["server"].items() if value and name not in ("env", "entrypoint")}
    told = ", ".join(f"{name} {value}" for name, value in known.items())
    return (
        f"*{found['created_utc']} · {told}*\n\n{found['agrees']} agree, {found['differs']} differ, "
        f"{found['could_not_ask']} could not be asked."
    )


def _differing(found: Mapping[str, Any]) -> str:
    wrong = [answer for answer in found["answers"] if answer["answer"] == DIFFERS]
    if not wrong:
        return ""
    lines = [f"- **{a['name']}**: {a['says']}. Seen: {a['seen']} It carries {a['rests']}." for a in wrong]
    return "\n".join(
        [f"Where it differs, advice of this playbook may not hold there. Please report it, with this page: {REPORT}.",
         "", *lines]
    )  # fmt: skip


def _laws(laws: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [law["law"], law["load"], law["told_ms"], law["simulated_ms"], law["simulated_ms"] / law["told_ms"] - 1]
        for law in laws
    ]
    return markdown.table(["law", "load", "mean latency it tells, ms", "simulated, ms", "off by"], rows)
