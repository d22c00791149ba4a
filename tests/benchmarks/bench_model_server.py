"""The embedded server against plain apps and others. `python tests/benchmarks/bench_model_server.py [PART ...]`.

Parts: `start`, `idle`, `numbers` (what is compiled, over simdjson and printf), `rest` (a plain app on the same HTTP
library, granian, batching on and off), `grpc` (REST, the server on grpc.aio
that git remembers, no-op grpcio servers), `peers` (MLServer, BentoML, Ray Serve in
environments of their own under .bench/, made with uv), `swaps`. One 784-float row a request (784-128-10 network), 32
connections, server on core 0, client (wrk, h2load: Debian packages wrk and nghttp2-client) on core 1. What is compared
is up at the same time and loaded in turns, in windows of BENCH_WINDOW_S (1) seconds, BENCH_ROUNDS (8) of them; a ratio
is the median of the rounds' ratios.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from server_life import bench_idle, bench_start, bench_swaps
from server_numbers import bench_numbers
from server_setting import make_models
from server_speed import bench_grpc, bench_peers, bench_rest

PARTS = {
    "start": bench_start,
    "idle": bench_idle,
    "numbers": bench_numbers,
    "rest": bench_rest,
    "grpc": bench_grpc,
    "peers": bench_peers,
    "swaps": bench_swaps,
}


def main(*parts: str) -> bool:
    """Print the table; True when every target was met."""
    if not shutil.which("wrk") or not shutil.which("h2load"):
        print("bench_model_server needs wrk and h2load: apt-get install wrk nghttp2-client")
        return False
    print("| figure | measured | peer | ratio | target | met |\n|---|---|---|---|---|---|")
    met = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = make_models(folder / "models")
        for part in parts or PARTS:
            for row in PARTS[part](folder, models):
                print(row.line(), flush=True)
                met = met and row.met is not False
    return met


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:]) else 1)
