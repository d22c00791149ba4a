"""The table of `make faults` as Markdown: each row with the commit that it was tried on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import datetime, timezone

from fault_driver import Outcome

LONGEST = 260


def page(outcomes: list[Outcome], random: list[str], server: list[str], took_s: float, at: Mapping[str, str]) -> str:
    """The page; `at` tells the commit of each fault by its name, of the kills and of the server's figures."""
    machine = f"{os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}"
    now = datetime.now(timezone.utc)
    head = [
        "# What a fault costs",
        "",
        f"Made by `make faults` in {took_s / 60:.0f} minutes, {now:%Y-%m-%d}, on {machine}, the smoke profile on the "
        "embedded server. `noticed in` is from the fault to the line that names it; `left` counts processes, "
        "containers, private copies of models and half-written files eight seconds after the end; `commit` is the code "
        "that the row was tried on (`+`: with changes to it). What users of the server lose is the drill table of "
        "[the example record](record.md).",
        "",
        "| fault | what was lost | noticed in | message | exit code | left | commit |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = [row(one, at[one.fault]) for one in outcomes]
    told = [
        "",
        "## Killed at random moments",
        "",
        f"Tried on commit {at.get('kills', '–')}.",
        "",
        "| kill | who | after s | recorded | left |",
        "|---|---|---|---|---|",
        *random,
    ]
    flood = [
        "",
        "## The embedded server",
        "",
        f"Tried on commit {at.get('figures', '–')}.",
        "",
        "| what | seen |",
        "|---|---|",
        *server,
    ]
    return "\n".join([*head, *rows, *(told if random else []), *(flood if server else [])]) + "\n"


def row(one: Outcome, commit: str) -> str:
    """What came of one fault, as a line of the table."""
    noticed = f"{one.noticed_s:.1f} s" if one.noticed_s is not None else "–"
    message = one.message.replace("|", "\\|")
    message = message if len(message) <= LONGEST else message[:LONGEST] + " …"
    code = "–" if one.code is None else one.code
    return f"| {one.fault} | {one.lost} | {noticed} | {message} | {code} | {one.left} | {commit} |"
