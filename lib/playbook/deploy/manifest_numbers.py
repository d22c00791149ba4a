"""What the templates say in numbers: flags, probes, drain and limits, each with the record field it came from."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import importlib.util
import math
import re
import sys
from pathlib import Path
from typing import Any

from playbook.deploy.replica import Replica
from playbook.knobs import BY_NAME, THREAD_FLAGS
from playbook.records.cited import Cited
from playbook.serve.spec import from_parameters

CONFIG_DIR = "/etc/tensorflow-serving"
NON_ROOT = Cited(65532, "fixed: a user without name or home, not root")
_ENDPOINTS_S = 5  # until every node has heard that a pod is leaving
_LOADGEN_RPS = 20_000  # requests/s one load worker offers without being late


def thread_flags(replica: Replica) -> list[Cited]:
    """The four thread counts as flags: as measured, or TensorFlow Serving's default for the measured cores.

    A CPU quota does not change those defaults, they follow the node's cores; so they are always written out.
    """
    return [_threads(replica, name, BY_NAME[name].per_core) for name in THREAD_FLAGS]


def _threads(replica: Replica, name: str, factor: int) -> Cited:
    set_to = replica.config.get(name)
    if set_to is not None and set_to.value:
        return Cited(f"--{name}={set_to}", set_to.source)
    how = "the default for these cores" if factor == 1 else f"{factor} × these cores, the default"
    return Cited(f"--{name}={factor * replica.cpus.value}", f"{replica.cpus.source}: {how}")


def flags(replica: Replica) -> list[Cited]:
    """The arguments after the image's entrypoint, in order."""
    found = [Cited(f"--monitoring_config_file={CONFIG_DIR}/monitoring.config", "fixed: no metrics without it")]
    batching = replica.config.get("enable_batching")
    if batching is not None and batching.value:
        found.append(Cited("--enable_batching=true", batching.source))
        found.append(Cited(f"--batching_parameters_file={CONFIG_DIR}/batching.config", batching.source))
    return found + thread_flags(replica)


def config_files(replica: Replica, model_name: str) -> dict[str, str]:
    """The server's config files; each line of the batching file names its record field."""
    knobs = {name: cited.value for name, cited in replica.config.items()}
    sources = {name: cited.source for name, cited in replica.config.items()}
    if not knobs.get("num_batch_threads"):
        knobs["num_batch_threads"] = replica.cpus.value
        sources["num_batch_threads"] = f"{replica.cpus.source}: the default for these cores"
    spec = from_parameters({**knobs, "model_name": model_name}, Path("/models") / model_name)
    files = spec.config_files()
    if "batching.config" in files:
        lines = [f"{line}  # {sources.get(_field(line), 'fixed')}" for line in files["batching.config"].splitlines()]
        files["batching.config"] = "\n".join(lines) + "\n"
    return files


def _field(line: str) -> str:
    return re.split(r"[ :{]", line, maxsplit=1)[0]


def lifetimes(replica: Replica) -> dict[str, Cited]:
    """Seconds and counts of probes and drain.

    Start-up gets ten times what was measured, at least a minute. A pod drains for as long as nodes still send to it
    and the slowest answer takes; the server itself does not drain, it ends at once on SIGTERM.
    """
    start = replica.start_s or Cited(0.0, "start-up was not measured")
    slowest = replica.slowest_ms or Cited(10_000.0, "the slowest answer was not measured: 10 s assumed")
    startup = start.as_(lambda s: max(60, math.ceil(10 * s)), "ten times, at least 60 s")
    drain = slowest.as_(lambda ms: _ENDPOINTS_S + math.ceil(ms / 1e3), f"and {_ENDPOINTS_S} s for nodes to hear of it")
    return {
        "startup_s": startup,
        "startup_failures": startup.as_(lambda s: math.ceil(s / 2), "in periods of 2 s"),
        "drain_s": drain,
        "grace_s": drain.as_(lambda s: s + 5, "and 5 s"),
    }


def limits(replica: Replica, models: Path, target_rate_rps: float, found: list[Cited]) -> dict[str, Cited]:
    """Other numbers of the manifests: process count, volume, queue, load test."""
    threads = sum(int(str(flag).rpartition("=")[2]) for flag in found if re.search(r"=\d+$", str(flag)))
    size = sum(path.stat().st_size for path in models.rglob("*") if path.is_file())
    target = Cited(target_rate_rps, "deploy.json params.target_rate_rps")
    return {
        "pids": Cited(max(512, 2 * threads), f"twice the {threads} threads of the flags, at least 512"),
        "somaxconn": Cited(1024, "fixed: a burst of new connections"),
        "storage_mib": Cited(max(64, math.ceil(4 * size / 2**20)), "four versions of the exported model, at least 64"),
        "target_rate_rps": target,
        "load_processes": target.as_(
            lambda rate: max(1, math.ceil(rate / _LOADGEN_RPS)), f"{_LOADGEN_RPS} requests/s a process"
        ),
        "limit_ms": replica.limit_ms or Cited(50.0, "assumed: stress.json has no results.limit_ms"),
        "non_root": NON_ROOT,
    }


@functools.lru_cache(maxsize=1)
def loadgen_requirements() -> list[str]:
    """What the load generator imports, pinned to the versions it was measured with."""
    package = Path(importlib.util.find_spec("loadgen").submodule_search_locations[0])
    names: set[str] = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    owners: dict[str, Any] = importlib.metadata.packages_distributions()
    wanted = {owners[name][0] for name in names - sys.stdlib_module_names - {"loadgen"} if name in owners}
    return [f"{name}=={importlib.metadata.version(name)}" for name in sorted(wanted)]
