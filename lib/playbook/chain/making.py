"""Run the notebooks that another one needs: `python -m playbook.chain.making '{"run_dir": ..., "verbs": [...]}'`.

A process of its own, so that the kernel that asks for it keeps its own loop; a line of stdout for each stage.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playbook.chain import params, pipeline
from playbook.chain.kernels import warm_starters
from playbook.errors import PlaybookError
from playbook.records import record, runs


def main() -> None:
    """Run them in order; what goes wrong is a sentence on stderr and exit 1."""
    order = json.loads(sys.argv[1])
    run = pipeline.Run(Path(order["run_dir"]), order["verbs"], _parameters(order))
    try:
        with warm_starters(run.verbs) as warm:
            for verb in run.verbs:
                begun = time.monotonic()
                pipeline.run_stage(run, verb, warm.of(verb), servers_stay=True)
                print(
                    f"{verb} {time.monotonic() - begun:.0f} s: {record.load(run.run_dir, verb)['verdict']}", flush=True
                )
    except PlaybookError as error:
        sys.exit(str(error))


def _parameters(order: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What each verb is given: what it was run with before, else what it has in common with who asks."""
    chosen = {}
    for verb in order["verbs"]:
        kinds = params.declared(runs.NOTEBOOK_DIR / f"{runs.NOTEBOOKS[verb]}.ipynb")
        values = order["again"].get(verb) or order["given"]
        chosen[verb] = {name: value for name, value in values.items() if name in kinds and name != "run_dir"}
    return chosen


if __name__ == "__main__":
    main()
