"""The same workers on a Dask cluster: each holds an independent share of the arrival process from one common start.

`distributed` is an optional extra. Request bodies travel to the workers, each worker's rows travel back as Parquet and
are merged by SQL; times are rebased from each machine's CLOCK_MONOTONIC to this one's by way of the wall clocks, whose
disagreement between machines remains in the columns of `requests.parquet` (never in a latency: both its ends were read
on one machine).
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from loadgen import temporary
from loadgen.errors import LevelError, WorkerFailed
from loadgen.level import Level
from loadgen.rows import RequestRows
from loadgen.store import merge_shares, write_share
from loadgen.workers.runner import run_here

LEAD_S = 1.0  # from the last worker's word to the start of the ramp-up: the common start has to reach every machine
JOIN_WITHIN_S, CONNECT_WITHIN_S = 60.0, 10.0


def clock_offset_ns() -> int:
    """Wall clock minus CLOCK_MONOTONIC on this machine."""
    return time.time_ns() - time.monotonic_ns()


def hold_share(level: dict[str, Any], files: dict[str, bytes], number: int, meeting: str) -> tuple[bytes, Any, int]:
    """Runs on a Dask worker: hold share `number` of `level` in its own process; rows as Parquet, result, offset."""
    from distributed import Queue, Variable, get_client

    client, offset_ns = get_client(), clock_offset_ns()  # once: a clock that is set meanwhile must not move the rows

    def common_start() -> int:
        Queue(f"{meeting}-ready", client=client).put(number)
        wall_ns = Variable(f"{meeting}-start", client=client).get(timeout=JOIN_WITHIN_S)
        return wall_ns - offset_ns

    with temporary.folder("loadgen-bodies-") as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        share = Level.from_json(level | {"bodies": str(folder)})
        rows, results = run_here(share, shares=[number], common_start=common_start)
        path = folder / "rows.parquet"
        write_share(path, rows.words, number)
        return path.read_bytes(), results[0], offset_ns


def dask_runner(scheduler: str, workers: int | None = None) -> Callable[..., tuple[RequestRows, list[dict[str, Any]]]]:
    """A runner for `hold(..., runner=...)`: one share a Dask worker of the cluster at `scheduler` (tcp://host:port).

    Args:
        workers: How many of the cluster's workers hold the level; None takes all.

    The runner raises LevelError where Dask is not installed, and WorkerFailed where the scheduler does not answer, has
    no workers, or one of them failed or was not ready in time.
    """

    def runner(level: Level, on_progress: Any = None) -> tuple[RequestRows, list[dict[str, Any]]]:
        try:
            from distributed import Client
        except ImportError as missing:
            raise LevelError(
                f"scheduler is {scheduler!r}, but Dask is not installed; install the extra `cluster`"
            ) from missing
        try:
            client = Client(scheduler, timeout=CONNECT_WITHIN_S)
        except OSError as wrong:
            raise WorkerFailed(
                f"No Dask scheduler answers at {scheduler}: {wrong}; start one, or name its port"
            ) from wrong
        with client:
            return _meet(client, level, workers)

    return runner


def _meet(client: Any, level: Level, workers: int | None) -> tuple[RequestRows, list[dict[str, Any]]]:
    """Hand out the shares, agree on a start, collect."""
    from distributed import Queue, Variable

    addresses = sorted(client.scheduler_info(n_workers=-1)["workers"])[:workers]
    if not addresses:
        raise WorkerFailed(f"The cluster at {client.scheduler.address} has no workers; start some and try again.")
    level = level.with_(processes=len(addresses))
    meeting = f"loadgen-{uuid.uuid4().hex[:8]}"
    files = _files(level.bodies)
    futures = [
        client.submit(hold_share, level.to_json(), files, n, meeting, workers=[address], pure=False)
        for n, address in enumerate(addresses)
    ]
    ready, start = Queue(f"{meeting}-ready", client=client), Variable(f"{meeting}-start", client=client)
    try:
        _wait_for_all(ready, futures)
        here_ns = clock_offset_ns()
        start_ns = time.monotonic_ns() + int((LEAD_S + level.ramp_up_s) * 1e9)
        start.set(start_ns + here_ns)
        files_of_rows, results, offsets = zip(*client.gather(futures), strict=True)
    finally:  # the scheduler would keep them
        ready.close()
        start.delete()
    by_ns = [there - here_ns for there in offsets]
    rebased = [_rebased(result, by, start_ns) for result, by in zip(results, by_ns, strict=True)]
    return _merged(files_of_rows, by_ns), rebased


def _wait_for_all(ready: Any, futures: Sequence[Any]) -> None:
    """Wait until every share has said that it is ready.

    Raises:
        WorkerFailed: One ended instead, or was not ready in a minute.
    """
    until, waiting = time.monotonic() + JOIN_WITHIN_S, len(futures)
    while waiting:
        try:
            ready.get(timeout=1.0)
            waiting -= 1
        except asyncio.TimeoutError:
            for number, future in enumerate(futures):
                if future.status == "error":
                    raise WorkerFailed(f"Dask worker {number} failed: {future.exception()!r}") from None
            if time.monotonic() > until:
                text = f"Waited {JOIN_WITHIN_S:.0f} s for {waiting} Dask workers to be ready; are they busy otherwise?"
                raise WorkerFailed(text) from None


def _merged(parquet: Sequence[bytes], by_ns: Sequence[int]) -> RequestRows:
    with temporary.folder("loadgen-rows-") as folder:
        paths = [folder / f"{number}.parquet" for number in range(len(parquet))]
        for path, content in zip(paths, parquet, strict=True):
            path.write_bytes(content)
        return merge_shares(paths, by_ns)


def _files(bodies: Path) -> dict[str, bytes]:
    """What a worker needs of the bodies directory, by file name."""
    if bodies.is_file():
        return {"00000.body": bodies.read_bytes()}
    return {f.name: f.read_bytes() for f in sorted(bodies.iterdir()) if f.suffix in (".body", ".expect", ".json")}


def _rebased(result: dict[str, Any], by_ns: int, start_ns: int) -> dict[str, Any]:
    unseen_ns = [(begin + by_ns, end + by_ns) for begin, end in result["unseen_ns"]]
    edges_ns = [edge + by_ns for edge in result["edges_ns"]]
    return result | {"start_ns": start_ns, "edges_ns": edges_ns, "unseen_ns": unseen_ns}
