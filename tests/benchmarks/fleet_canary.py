"""A canary judged as the bundle's own file tells: its commands, against two containers that run side by side.

One canary is like the baseline, one is slower by a batch time-out that nobody wanted.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

import command
from fleet_autoscaling import PARENT, favoured
from fleet_pods import Pods

SHORT = ("--set", "duration_s=4", "--set", "ramp_up_s=0.5", "--set", "concurrency=[2]", "--set", "rate_shares=[]")
WAITS = "max_batch_size { value: 16 } batch_timeout_micros { value: 4000 } num_batch_threads { value: 1 }"


def canary(pods: Pods, bundle: Path, folder: Path) -> dict[str, Any]:
    """Exit codes of `playbook compare --gate`, and what it said, for a canary like the baseline and a slow one."""
    (pods.config / "batching.config").write_text(WAITS)
    slow = ("--enable_batching=true", "--batching_parameters_file=/config/batching.config")
    sides = {"baseline": (), "like": (), "slower": slow}
    flags = ("--rest_api_num_threads=17", "--tensorflow_intra_op_parallelism=1")
    addresses = {side: pods.address(pods.add(*flags, *more, cgroup_parent=PARENT)) for side, more in sides.items()}
    favoured()
    os.nice(-15)  # on a machine that others use too: they would be judged
    measure, compare = told((bundle / "kubernetes" / "canary" / "kustomization.yaml").read_text())
    outputs = folder / "canary-outputs"
    runs = {side: _measured(measure, address, outputs) for side, address in addresses.items()}
    judged: dict[str, Any] = {"told": {"measure": measure, "compare": compare}}
    for side in ("like", "slower"):
        words = [{"BASELINE": runs["baseline"], "CANARY": runs[side]}.get(word, word) for word in compare]
        judged[side] = _said(words, outputs)
        judged[f"{side}, one after the other"] = _said([word for word in words if word != "--again"], outputs)
    return judged


def told(text: str) -> tuple[list[str], list[str]]:
    """The words of the two commands that the file's comment tells, without `playbook`."""
    lines = " ".join(line.lstrip("# ").removesuffix("\\") for line in text.splitlines() if line.startswith("#"))
    measure = re.search(r"playbook (run .*?--only stress)", lines)
    compare = re.search(r"playbook (compare .*?--gate \d+)", lines)
    if not measure or not compare:
        raise RuntimeError("the canary's file was expected to tell how it is measured and compared")
    return shlex.split(measure[1]), shlex.split(compare[1])


def _measured(words: list[str], address: str, outputs: Path) -> str:
    asked = [re.sub(r"[a-z0-9-]+-baseline(?=:\d)", address, word) for word in words]
    before = set(outputs.glob("*")) if outputs.exists() else set()
    done = command.playbook(*asked, *SHORT, "--outputs", outputs)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    (made,) = [path for path in set(outputs.glob("2*")) - before if path.is_dir()]
    return made.name


def _said(words: list[str], outputs: Path) -> dict[str, Any]:
    done = command.playbook(*words, "--outputs", outputs)
    return {"exit": done.returncode, "said": (done.stdout.strip() or done.stderr.strip()).splitlines()[-1]}
