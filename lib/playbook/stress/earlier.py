"""Levels that an attempt of this run held before it was ended: the next one goes on behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from playbook.records import attempts, record, run_folder, whole_file
from playbook.serve.handle import Handle
from playbook.stress.load import Load

NOTE = "stress_load.json"  # in data/: under what load, on what server, the levels of an unfinished stress were held
WORDS = "held by an earlier attempt of this run, on a server that was started anew since, with the same flags"
_OWN = ("--port=", "--rest_api_port=")  # flags that differ from start to start


def levels(run_dir: Path, handle: Handle, load: Load) -> list[dict[str, Any]]:
    """The rows of levels that an earlier attempt held under the same load on a server of the same flags.

    Notes this load and server for the attempt after this one. None in the scratch run, where a notebook that is run
    again measures again, and none from before the machine was started anew.
    """
    if record.is_scratch(run_dir) or record.has(run_dir, "stress"):
        return []
    path, same = Path(run_dir) / "data" / NOTE, json.dumps([asdict(load), _described(handle)], sort_keys=True)
    kept: list[dict[str, Any]] = []
    if attempts.goes_on_from(run_dir, "stress") and path.exists() and path.read_text() == same:
        kept = [dict(cast(Mapping[str, Any], row)) for row in run_folder.kept_levels(run_dir)]
    whole_file.write_text(path, same)
    return [row for row in kept if not row.get("hung")]


def is_this(row: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether a kept row is of the level that is to be held now."""
    return all(row.get(name) == value for name, value in settings.items())


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row, saying that it was measured earlier."""
    return {**row, "warnings": [*(text for text in row["warnings"] if text != WORDS), WORDS]}


def _described(handle: Handle) -> list[Any]:
    flags = [flag for flag in handle.flags if not flag.startswith(_OWN)]
    return [handle.server, handle.model_name, handle.version, handle.cpus, flags]
