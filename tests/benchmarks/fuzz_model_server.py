"""The full fuzz run of the embedded server: 100,000 generated requests, batching on and off. Run by `make fuzz`.

`python tests/benchmarks/fuzz_model_server.py [REQUESTS] [SEED] [all|grpc]` prints what was answered; exits 1 on a
finding. With `grpc` all of them are gRPC: three of four are calls with generated messages, the others connections with
generated frames.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

HELPERS = Path(__file__).resolve().parents[1] / "helpers"
MOST_GROWTH = 0.1
sys.path.insert(0, str(HELPERS))
from fuzzing import Checker, fuzz_bytes, fuzz_frames, fuzz_grpc, fuzz_json, fuzz_paths  # noqa: E402
from harness import Server  # noqa: E402


def make_models(folder: Path) -> Path:
    """The conformance tests' models; CONFORMANCE_MODELS names a folder of them made before."""
    if made := os.environ.get("CONFORMANCE_MODELS"):
        return Path(made)
    subprocess.run([sys.executable, HELPERS / "make_models.py", folder], check=True, capture_output=True)
    return folder


def ask(checker: Checker, requests: int, seed: int, what: str) -> None:
    """Half of it REST, half gRPC, or all of it gRPC."""
    chance, calls = random.Random(seed), requests if what == "grpc" else requests // 2
    fuzz_grpc(checker, calls - calls // 4, chance)
    fuzz_frames(checker, calls // 4, chance)
    if what == "all":
        fuzz_bytes(checker, requests // 4, chance)
        fuzz_json(checker, requests // 8)
        fuzz_paths(checker, requests // 8)


def run(folder: Path, models: Path, requests: int, seed: int, what: str, *flags: str) -> None:
    """One server; its memory may grow by a tenth from the first tenth of the requests to the end."""
    entries = "".join(
        f'config {{ name: "{path.name}" base_path: "{path}" model_platform: "tensorflow" }} '
        for path in sorted(models.iterdir())
        if path.name != "odd" and any(path.glob("*/saved_model.pb"))  # slow without end; for other flags, or no models
    )
    config = folder / "models.txt"
    config.write_text(f"model_config_list {{ {entries} }}")
    started = time.monotonic()
    with Server(folder, f"--model_config_file={config}", *flags) as server:
        checker, process = Checker(server), psutil.Process(server.process.pid)
        ask(checker, requests // 10, seed, what)
        early = process.memory_info().rss
        ask(checker, requests - requests // 10, seed + 100, what)
        checker.sentinel()
        assert server.process.poll() is None
        assert "Traceback" not in server.log, server.log[-5000:]
        grown = process.memory_info().rss / early - 1
        assert grown < MOST_GROWTH, f"memory grew by {100 * grown:.1f} % from {early >> 20} MB"
        took_s = time.monotonic() - started
        print(f"{' '.join(flags) or 'no flags'}: {checker.sent} requests in {took_s:.0f} s, no finding")
        print(f"  answers: {dict(sorted(checker.statuses.items(), key=str))}")
        print(f"  memory {100 * grown:+.1f} % from {early >> 20} MB", flush=True)


def main(requests: str = "100000", seed: str = "7", what: str = "all") -> None:
    """Fuzz a server without batching, then one with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = make_models(folder / "models")
        half = int(requests) // 2
        run(folder, models, half, int(seed), what)
        run(folder, models, int(requests) - half, int(seed) + 1, what, "--enable_batching")


if __name__ == "__main__":
    main(*sys.argv[1:])
