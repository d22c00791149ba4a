"""A load worker: one process, one core, one share of a level.

Reads `{"level", "worker", "cpu", "rows", "folder", "asks"}` as a line of JSON on stdin, opens its connections, prints
`{"ready": n}`, reads `{"start_ns"}` (CLOCK_MONOTONIC, the window's first nanosecond), holds its share, writes its rows
to the file `rows` and prints `{"result": {...}}`. In between it prints `{"progress": {...}}` twice a second, ten times
while the server stands still; a line from the parent then ends the level. Each job runs in a fork of the process that
imported all this, which then reads the next.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from array import array
from pathlib import Path
from typing import Any

from loadgen.answers import Checker, json_comparer, plain_text
from loadgen.arrivals import schedule
from loadgen.bodies import Bodies, read_bodies
from loadgen.engine import Engine
from loadgen.level import Level
from loadgen.memory import OomWatch
from loadgen.protocols import grpc_requests
from loadgen.protocols.tensor_replies import reply_comparer, tensor_text
from loadgen.rows import WORDS
from loadgen.workers.addresses import Addresses
from loadgen.workers.connecting import connector
from loadgen.workers.own_core import failed_with, killed_by, memory_mb, prepare_process, use_fast_loop

PROGRESS_S = 0.5
SILENT_S = 0.1  # between lines while the server stands still: the parent may want to end the level
RECENT = 400  # latencies looked at for the progress line's p99: enough to show, too few to delay a request


def share(total: int, worker: int, processes: int) -> int:
    """This worker's part of `total`, as even as whole numbers allow."""
    return total // processes + (worker < total % processes)


def streams(level: Level, cap: int, connections: int) -> list[int]:
    """Streams of each gRPC connection of a worker that keeps at most `cap` requests outstanding.

    They bound an open loop, whatever the server does, so they add up to `cap`. Clients bound themselves: there each
    connection has as many, and what another one lost finds room.
    """
    if not level.open_loop:
        return [max(1, -(-cap // connections))] * connections
    return [max(1, share(cap, number, connections)) for number in range(connections)]


class WorkerShare:
    """One worker's part of a level, from encoded requests to rows."""

    def __init__(self, level: Level, worker: int) -> None:
        self.level, self.worker = level, worker
        self.bodies: Bodies = read_bodies(level.bodies)
        prefix = grpc_requests.PREFIX if level.protocol == "grpc" else 0
        self.checker = Checker(self.bodies.expected, level.check_share, level.seed + worker, prefix)
        self.relative_due_ns = schedule(level, worker)
        self.edges: list[dict[str, int]] = []

    async def open(self) -> int:
        """Build the engine and open its connections; returns how many stand."""
        level, part = self.level, (self.worker, self.level.processes)
        connections = max(1, share(level.connection_count(), *part))
        cap = share(level.in_flight_cap(), *part)
        addresses = self.addresses = Addresses(*level.address()[:2], turn=self.worker)
        self.engine = Engine(
            connector(level, self.bodies.requests, streams(level, cap, connections), addresses),
            # Streams are spread over connections, and connections over servers; those to one server are kept warm.
            slots_in_order=level.protocol == "grpc" or len(addresses) > 1,
            connections=connections,
            most_connections=cap if level.protocol == "rest" else connections,
            clients=0 if level.open_loop else share(level.concurrency or 1, *part),
            due_ns=array("q"),
            bodies=len(self.bodies.requests),
            checker=self.checker,
            timeout_s=level.timeout_s,
            timer=level.timer,
            seed=level.seed * 1000 + self.worker,
        )
        self.engine.to_the_end = level.to_the_end
        return await self.engine.open()

    async def hold(self, start_ns: int, on_progress: Any) -> dict[str, Any]:
        """Hold the share; the window is `[start_ns, start_ns + duration)`. Returns counts and edges of the window."""
        level, engine = self.level, self.engine
        end_ns = start_ns + int(level.duration_s * 1e9)
        engine.due = array("q", (self.relative_due_ns + start_ns).astype("<i8").tobytes())
        del self.relative_due_ns
        loop = asyncio.get_running_loop()
        for edge_ns in (start_ns, end_ns):
            loop.call_later((edge_ns - time.monotonic_ns()) / 1e9, self._edge)
        shown_ns = [start_ns, 0]

        def tick() -> None:
            now = time.monotonic_ns()
            wait_s = SILENT_S if engine.silence.too_long else PROGRESS_S
            if now - shown_ns[0] >= wait_s * 1e9 and (engine.sending or engine.silence.too_long):
                on_progress(self._progress(now, start_ns, shown_ns))

        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            await engine.run(start_ns, end_ns, int(level.ramp_up_s * 1e9), tick)
        finally:
            gc.enable()
        while len(self.edges) < 2:  # ended early: the window closes now
            self._edge()
        return self._result(start_ns)

    def _edge(self) -> None:
        """An edge of the window: what has been used and what is in flight at this moment."""
        if len(self.edges) < 2:
            now = time.monotonic_ns()
            self.edges.append(
                {"at_ns": now, "area_ns": self.engine.recorder.area_at(now), "cpu_ns": time.process_time_ns()}
            )

    def _progress(self, now: int, start_ns: int, shown: list[int]) -> dict[str, Any]:
        recorder = self.engine.recorder
        count, rows = len(recorder), recorder.rows
        since_s, new = (now - shown[0]) / 1e9, count - shown[1]
        recent = sorted(rows[i + 2] - rows[i] for i in range((count - min(new, RECENT)) * WORDS, count * WORDS, WORDS))
        shown[:] = [now, count]
        return {
            "elapsed_s": max(0.0, (now - start_ns) / 1e9),
            "requests": count,
            "errors": recorder.errors,
            "rate_rps": new / since_s,
            "p99_ms": recent[int(len(recent) * 0.99)] / 1e6 if recent else None,
            "requests_out": self.engine.silence.for_s is not None,
            "silent": self.engine.silence.too_long,
        }

    def _result(self, start_ns: int) -> dict[str, Any]:
        engine, (first, last) = self.engine, self.edges
        return {
            "worker": self.worker,
            "cpu": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
            "niceness": os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else None,
            "realtime": hasattr(os, "SCHED_FIFO") and os.sched_getscheduler(0) == os.SCHED_FIFO,
            "start_ns": start_ns,
            "edge_s": (last["at_ns"] - first["at_ns"]) / 1e9,
            "in_flight_s": (last["area_ns"] - first["area_ns"]) / 1e9,
            "cpu_s": (last["cpu_ns"] - first["cpu_ns"]) / 1e9,
            "rows": len(engine.recorder),
            "connections_opened": engine.opened,
            "addresses": self.addresses.counts(),
            "refusals": engine.refusals,
            "dead": engine.dead,
            "hung": engine.hung,
            "unseen_ns": engine.silence.unseen_ns,
            "edges_ns": [first["at_ns"], last["at_ns"]],
            "memory_mb": memory_mb(),
            "answers": self._judged(),
        }

    def _judged(self) -> dict[str, Any]:
        """What the comparison with the expected answers gives, and the first reply that was none, with their bodies."""
        rest = self.level.protocol == "rest"
        same = (json_comparer if rest else reply_comparer)(self.bodies.rtol, self.bodies.atol)
        words = plain_text if rest else tensor_text
        judged = self.checker.judge(self.engine.recorder, same, words)
        judged["first_broken"] = self.checker.first_broken(words)
        for first in filter(None, (judged["first_wrong"], judged["first_broken"])):
            first["body"] = self.bodies.names[first["body"]]
        return judged


def say(**message: Any) -> None:
    """One line of JSON to the parent."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def _serve(job: dict[str, Any]) -> None:
    held = WorkerShare(Level.from_json(job["level"]), job["worker"])
    say(ready=await held.open())
    loop = asyncio.get_running_loop()
    line = await loop.run_in_executor(None, sys.stdin.readline)
    if not line:  # the parent is gone
        return
    held.engine.decides = not job.get("asks")

    def heard() -> None:
        """From here to the result stdin brings the word to end the level, or its own end with that of the parent."""
        if not os.read(sys.stdin.fileno(), 4096):
            os._exit(1)
        held.engine.hung = True

    if hasattr(os, "fork"):
        loop.add_reader(sys.stdin.fileno(), heard)
    result = await held.hold(json.loads(line)["start_ns"], lambda p: say(progress=p))
    if hasattr(os, "fork"):
        loop.remove_reader(sys.stdin.fileno())
        os.set_blocking(sys.stdin.fileno(), True)  # uvloop changed the pipe, which the next job is read from
    with Path(job["rows"]).open("wb") as out:
        held.engine.recorder.rows.tofile(out)
    say(result=result)


def _run(job: dict[str, Any]) -> None:
    os.chdir(job["folder"])
    prepare_process(job["cpu"])
    asyncio.run(_serve(job))


def _run_in_a_child(job: dict[str, Any]) -> int | str:
    """Hold one job in a fork of this process, which so stays as it was.

    Returns 0, 1 where it failed and said why, or what killed it in words.
    """
    memory, child = OomWatch(), os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        return killed_by(os.WTERMSIG(status), memory, child) if os.WIFSIGNALED(status) else min(1, status)
    status = 1
    try:
        _run(job)
        status = 0
    except BaseException as error:
        print(failed_with(error), file=sys.stderr, flush=True)
    finally:
        os._exit(status)


def main() -> None:
    """Run the jobs read from stdin, one after the other, until one fails or stdin closes."""
    use_fast_loop()
    gc.freeze()
    if not hasattr(os, "fork"):
        _run(json.loads(sys.stdin.readline()))
        return
    while line := sys.stdin.readline():
        job = json.loads(line)
        if "level" not in job:  # the word to end a level that had just ended by itself
            continue
        if job["level"]["protocol"] == "grpc":
            import hpack  # noqa: F401 (60 ms, which the first reply would stand still for; kept for later levels)
        if status := _run_in_a_child(job):
            sys.exit(status)


if __name__ == "__main__":
    main()
