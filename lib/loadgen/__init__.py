"""A load generator for servers that answer one encoded request at a time, over HTTP/1.1 or gRPC.

It knows bytes, sockets and clocks, and nothing of models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadgen.errors import LevelError, LoadgenError, ServerUnreachable, WorkerFailed
from loadgen.level import Level

if TYPE_CHECKING:
    from loadgen.fitness import passport
    from loadgen.holding import hold
    from loadgen.search import find_max_rate
    from loadgen.verdict.evidence import claim
    from loadgen.workers.cluster import dask_runner

# loaded on first use: a worker process must not pay for them
_LATE = {
    "claim": "loadgen.verdict.evidence",
    "dask_runner": "loadgen.workers.cluster",
    "find_max_rate": "loadgen.search",
    "hold": "loadgen.holding",
    "passport": "loadgen.fitness",
}

__all__ = [
    "Level",
    "LevelError",
    "LoadgenError",
    "ServerUnreachable",
    "WorkerFailed",
    "claim",
    "dask_runner",
    "find_max_rate",
    "hold",
    "passport",
]


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module 'loadgen' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATE[name]), name)
