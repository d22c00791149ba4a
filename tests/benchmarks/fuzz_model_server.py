"""The full fuzz run of the embedded server: 100,000 generated requests, batching on and off. Run by `make fuzz`.

`python tests/benchmarks/fuzz_model_server.py [REQUESTS] [SEED]` prints what was answered; exits 1 on a finding.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HELPERS = Path(__file__).resolve().parents[1] / "helpers"
sys.path.insert(0, str(HELPERS))
from fuzzing import Checker, fuzz_bytes, fuzz_grpc, fuzz_json, fuzz_paths  # noqa: E402
from harness import Server  # noqa: E402


def make_models(folder: Path) -> Path:
    """The conformance tests' models; CONFORMANCE_MODELS names a folder of them made before."""
    if made := os.environ.get("CONFORMANCE_MODELS"):
        return Path(made)
    subprocess.run([sys.executable, HELPERS / "make_models.py", folder], check=True, capture_output=True)
    return folder


def run(folder: Path, models: Path, requests: int, seed: int, *flags: str) -> None:
    """Half of it REST, half gRPC, on one server."""
    entries = "".join(
        f'config {{ name: "{path.name}" base_path: "{path}" model_platform: "tensorflow" }} '
        for path in sorted(models.iterdir())
        if path.name != "odd"  # its slow signature is meant to take for ever
    )
    config = folder / "models.txt"
    config.write_text(f"model_config_list {{ {entries} }}")
    chance, started = random.Random(seed), time.monotonic()
    with Server(folder, f"--model_config_file={config}", *flags) as server:
        checker = Checker(server)
        fuzz_grpc(checker, requests // 2, chance)
        fuzz_bytes(checker, requests // 4, chance)
        fuzz_json(checker, requests // 8)
        fuzz_paths(checker, requests // 8)
        checker.sentinel()
        assert server.process.poll() is None
        took_s = time.monotonic() - started
        print(f"{' '.join(flags) or 'no flags'}: {checker.sent} requests in {took_s:.0f} s, no finding")
        print(f"  answers: {dict(sorted(checker.statuses.items(), key=str))}", flush=True)


def main(requests: int = 100_000, seed: int = 7) -> None:
    """Fuzz a server without batching, then one with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = make_models(folder / "models")
        run(folder, models, requests // 2, seed)
        run(folder, models, requests - requests // 2, seed + 1, "--enable_batching")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
