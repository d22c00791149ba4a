"""A server that answers as a script says: the target of the passport, the tests and the benchmarks.

`python -m loadgen.scripted.server --protocol rest|grpc [--port P] [--cpu N] [script options]` prints one line of JSON
(`port`, `metrics_port`, `epoch_ns`: CLOCK_MONOTONIC time freezes are counted from) and ends when its stdin closes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from loadgen.errors import ServerUnreachable
from loadgen.scripted.grpc import GrpcSide
from loadgen.scripted.rest import RestSide
from loadgen.scripted.script import Player, Script
from loadgen.workers.own_core import prepare_process, use_fast_loop


@dataclass(frozen=True)
class Scripted:
    """A scripted server that runs: where it is, and since when its script plays (CLOCK_MONOTONIC ns)."""

    url: str
    metrics_url: str
    epoch_ns: int
    process: subprocess.Popen[str]


@contextlib.contextmanager
def running(protocol: str = "rest", script: Script | None = None, cpu: int | None = None) -> Iterator[Scripted]:
    """Run a scripted server in a process of its own for as long as the block lasts.

    Raises:
        ServerUnreachable: It ended before it listened; the message carries its last words.
    """
    script = script or Script()
    command = [sys.executable, "-m", "loadgen.scripted.server", "--protocol", protocol, *script.arguments()]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([p for p in sys.path if p])}
    with subprocess.Popen(
        command + (["--cpu", str(cpu)] if cpu is not None else []),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    ) as process:
        try:
            line = process.stdout.readline()  # type: ignore[union-attr]
            if not line:
                raise ServerUnreachable(f"The scripted server ended at once: {process.stderr.read()[-1000:]}")  # type: ignore[union-attr]
            listening = json.loads(line)
            host = f"127.0.0.1:{listening['port']}"
            url = f"http://{host}/v1/models/scripted:predict" if protocol == "rest" else host
            metrics = f"http://127.0.0.1:{listening['metrics_port']}/monitoring/prometheus/metrics"
            yield Scripted(url, metrics, listening["epoch_ns"], process)
        finally:
            process.kill()


async def _serve(given: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    script = Script(**{name: getattr(given, name) for name in Script.__dataclass_fields__})
    player = Player(script, loop, time.monotonic_ns())
    side = RestSide if given.protocol == "rest" else GrpcSide
    server = await loop.create_server(lambda: side(player), "127.0.0.1", given.port, backlog=1024)
    pages = await loop.create_server(lambda: RestSide(player), "127.0.0.1", 0)
    ports = [s.sockets[0].getsockname()[1] for s in (server, pages)]
    print(json.dumps({"port": ports[0], "metrics_port": ports[1], "epoch_ns": player.epoch_ns}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until whoever started this is gone
    os._exit(0)


def main() -> None:
    """Serve until stdin closes."""
    parser = argparse.ArgumentParser(prog="python -m loadgen.scripted.server", description=__doc__.splitlines()[0])
    parser.add_argument("--protocol", choices=("rest", "grpc"), default="rest")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cpu", type=int)
    Script.options(parser)
    given = parser.parse_args()
    prepare_process(given.cpu)
    use_fast_loop()
    asyncio.run(_serve(given))


if __name__ == "__main__":
    main()
