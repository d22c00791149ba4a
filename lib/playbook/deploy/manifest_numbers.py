"""What the templates say in numbers besides flags: probes, drain and limits, each with the field it came from."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import importlib.util
import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from playbook.deploy.replica import Replica
from playbook.deploy.server_flags import AGE_S
from playbook.records.cited import Cited

NON_ROOT = Cited(65532, "fixed: a user without name or home, not root")
THROTTLED = Cited(0.02, "fixed: share of CPU periods that the quota may stop")
ENDPOINTS_S = 15  # until every node, proxy and ingress has heard that a pod is leaving
LOAD_TEST_S = 60
_AGE_JITTER = 0.1  # gRPC ends connections up to a tenth later than their age
_LOADGEN_RPS = 20_000  # requests/s one load worker offers without being late
_CONNECTIONS = 64
_ROW_BYTES = 4 * 32  # a request's row in a worker, its copy, and both again while they become Parquet
_THREADS = re.compile(r"--\w*(?:threads|parallelism)=(\d+)$")


def lifetimes(replica: Replica) -> dict[str, Cited]:
    """Seconds and counts of probes and drain.

    Start-up gets ten times what was measured, at least a minute. A pod drains for as long as nodes still send to it,
    gRPC connections last, and the slowest answer takes; the server itself does not drain.
    """
    start = replica.start_s or Cited(0.0, "start-up was not measured")
    slowest = replica.slowest_ms or Cited(10_000.0, "the slowest answer was not measured: 10 s assumed")
    startup = start.as_(lambda s: max(60, math.ceil(10 * s)), "ten times, at least 60 s")
    age_s = math.ceil(AGE_S * (1 + _AGE_JITTER))
    how = f"and {ENDPOINTS_S} s for nodes to hear of it and {age_s} s for the last gRPC connection to end"
    drain = slowest.as_(lambda ms: ENDPOINTS_S + age_s + math.ceil(ms / 1e3), how)
    return {
        "startup_s": startup,
        "startup_failures": startup.as_(lambda s: math.ceil(s / 2), "in periods of 2 s"),
        "drain_s": drain,
        "grace_s": drain.as_(lambda s: s + 5, "and 5 s"),
    }


def limits(
    replica: Replica, models: Path, target_rate_rps: float, flags: list[Cited], most_pods: Cited
) -> dict[str, Cited]:
    """Other numbers of the manifests: process count, volume, queue, the limit."""
    threads = sum(int(match[1]) for flag in flags if (match := _THREADS.match(str(flag))))
    size = sum(path.stat().st_size for path in models.rglob("*") if path.is_file())
    volume_gib = max(1, math.ceil(4 * size / 2**30))
    return {
        "pids": Cited(max(512, 2 * threads), f"twice the {threads} threads of the flags, at least 512"),
        "somaxconn": Cited(1024, "fixed: a burst of new connections"),
        "storage_gib": Cited(volume_gib, "four versions of the exported model, at least the 1 Gi that drivers give"),
        "target_rate_rps": Cited(target_rate_rps, "deploy.json params.target_rate_rps"),
        "limit_ms": replica.limit_ms or Cited(50.0, "assumed: stress.json has no results.limit_ms"),
        "non_root": NON_ROOT,
        **load_test(target_rate_rps, most_pods),
    }


def load_test(target_rate_rps: float, most_pods: Cited) -> Mapping[str, Cited]:
    """The load-test Job's size: processes by rate, memory and disk by requests."""
    target = Cited(target_rate_rps, "deploy.json params.target_rate_rps")
    processes = max(1, math.ceil(target_rate_rps / _LOADGEN_RPS))
    requests = target_rate_rps * LOAD_TEST_S
    memory = 64 * math.ceil((256 + 128 * processes + requests * _ROW_BYTES / 2**20) / 64)
    return {
        "load_seconds": Cited(LOAD_TEST_S, "fixed: long enough for a p99.9 at 200 requests/s"),
        "load_connections": most_pods.as_(
            lambda pods: max(_CONNECTIONS, 4 * pods), f"four a pod, at least {_CONNECTIONS}"
        ),
        "load_processes": target.as_(lambda _: processes, f"{_LOADGEN_RPS} requests/s a process"),
        "load_memory_mib": target.as_(
            lambda _: memory, f"{_ROW_BYTES} bytes a request of {LOAD_TEST_S} s, and its code"
        ),
        "load_storage_gib": target.as_(lambda _: max(1, math.ceil(20 * requests * 32 / 2**30)), "rows of 20 runs"),
    }


@functools.lru_cache(maxsize=1)
def loadgen_requirements() -> list[str]:
    """What the load generator imports, pinned to the versions it was measured with."""
    names: set[str] = set()
    for path in loadgen_source().rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    owners = importlib.metadata.packages_distributions()
    wanted = {owners[name][0] for name in names - sys.stdlib_module_names - {"loadgen"} if name in owners}
    return [f"{name}=={importlib.metadata.version(name)}" for name in sorted(wanted)]


def loadgen_source() -> Path:
    """The folder of the load generator's package."""
    spec = importlib.util.find_spec("loadgen")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("The package loadgen is expected beside playbook; install the repository again.")
    return Path(spec.submodule_search_locations[0])
