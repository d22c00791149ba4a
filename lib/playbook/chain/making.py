"""Run the notebooks that another one needs: `python -m playbook.chain.making`, the order on stdin as JSON.

`{"run_dir": ..., "verbs": [...], "given": {...}, "again": {...}}`. A process of its own, so that the kernel that asks
for it keeps its own loop; a line of stdout for each stage. Somebody sits before it and waits: what takes time and no
other's result goes on beside the rest.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from playbook.chain.kernels import WarmStarters, warm_starters
from playbook.errors import PlaybookError


def main() -> None:
    """Run them in order; what goes wrong is a sentence on stderr and exit 1."""
    order = json.load(sys.stdin)
    try:
        with warm_starters(order["verbs"]) as warm:
            _make(order, warm)
    except PlaybookError as error:
        sys.exit(str(error))


def _make(order: Mapping[str, Any], warm: WarmStarters) -> None:
    from playbook.chain import stages  # and papermill behind it: loaded while the starters warm up
    from playbook.records import record

    run = stages.Run(Path(order["run_dir"]), order["verbs"], _parameters(order))
    with ThreadPoolExecutor(1) as beside:
        pages = []
        for verb in run.verbs:
            begun = time.monotonic()
            stages.execute_stage(run, verb, warm.of(verb), servers_stay=True)
            pages.append(beside.submit(stages.write_page, run, verb))
            print(f"{verb} {time.monotonic() - begun:.0f} s: {record.load(run.run_dir, verb)['verdict']}", flush=True)
        for page in pages:
            page.result()


def _parameters(order: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What each verb is given: what it was run with before, else what it has in common with who asks."""
    from playbook.chain import params
    from playbook.records import runs

    chosen = {}
    for verb in order["verbs"]:
        kinds = params.declared(runs.NOTEBOOK_DIR / f"{runs.NOTEBOOKS[verb]}.ipynb")
        values = order["again"].get(verb) or order["given"]
        chosen[verb] = {name: value for name, value in values.items() if name in kinds and name != "run_dir"}
    return chosen


if __name__ == "__main__":
    main()
