"""Who else used the machine while levels were held: beside others a level says little of the server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from playbook.monitor import usage
from playbook.records import run_folder
from playbook.records.run_folder import RunFolder


def disturbance(run_dir: Path | str, levels: Iterable[Mapping[str, Any]]) -> str | None:
    """What other processes used beside the levels of a run, in words; None: next to nothing, or it is not known.

    Of a server that is attached to nobody knows whether it runs on this machine: then nothing is said.
    """
    run = run_folder.read(Path(run_dir))
    if run.server == "attach":
        return None
    return usage.disturbance(others_cores(run, levels), int(run.environment().get("cores") or 1))


def others_cores(run: RunFolder, levels: Iterable[Mapping[str, Any]]) -> Iterator[float | None]:
    """Cores that neither server nor client used, a figure a level; None where that was not sampled."""
    resources = usage.read(run.run_dir)
    for level in levels:
        rows = run.rows(level["level"])
        if len(rows):
            yield resources.others_cores(int(rows.scheduled_ns.min()), int(rows.done_ns.max()))
