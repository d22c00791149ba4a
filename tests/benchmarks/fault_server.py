"""The embedded server under abuse: memory and descriptors over mixed requests, neighbours of a body of 80 MB."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from fuzz_model_server import Checker, Server, ask, make_models

PAD = 80_000_000


def figures(requests: int, seed: int) -> list[str]:
    """Lines of the report."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = make_models(folder / "models")
        return [*_mixed(folder, models, requests, seed), *_long_body(folder, models)]


def _mixed(folder: Path, models: Path, requests: int, seed: int) -> list[str]:
    entries = "".join(
        f'config {{ name: "{path.name}" base_path: "{path}" model_platform: "tensorflow" }} '
        for path in sorted(models.iterdir())
        if path.name != "odd" and any(path.glob("*/saved_model.pb"))
    )
    config = folder / "models.txt"
    config.write_text(f"model_config_list {{ {entries} }}")
    with Server(folder, f"--model_config_file={config}") as server:
        checker, process = Checker(server), psutil.Process(server.process.pid)
        ask(checker, requests // 10, seed, "all")
        seen = [(process.memory_info().rss, process.num_fds())]
        ask(checker, requests - requests // 10, seed + 100, "all")
        time.sleep(2.0)
        seen.append((process.memory_info().rss, process.num_fds()))
    (before, files), (after, files_after) = seen
    return [
        f"| memory over {requests:,} mixed requests (REST, gRPC, broken bytes and frames) | "
        f"{before / 1e6:.0f} MB after the first tenth, {after / 1e6:.0f} MB at the end |",
        f"| descriptors over the same | {files}, then {files_after} |",
    ]


def _long_body(folder: Path, models: Path) -> list[str]:
    with Server(folder, f"--model_base_path={models}/half_plus_two", "--model_name=m") as server:
        process = psutil.Process(server.process.pid)
        small, long = b'{"instances": [1.0]}', b" " * PAD + b'{"instances": [1.0]}'
        for _ in range(50):
            server.predict("m", small)
        quiet_ms = _slowest_ms(server, small, 2.0)
        sending = threading.Thread(target=_post, args=(server.url, long))
        sending.start()
        beside_ms = _slowest_ms(server, small, 3.0)
        sending.join()
        time.sleep(20.0)
        before = process.memory_info().rss
        _post(server.url, b" " * (200_000_000 - 20) + small)
        time.sleep(25.0)
        after = process.memory_info().rss
    return [
        f"| slowest of small requests beside a body of 80 MB | {beside_ms:.1f} ms (alone {quiet_ms:.1f} ms) |",
        f"| memory after a body of 200 MB | {after / 1e6:.0f} MB (before it {before / 1e6:.0f} MB) |",
    ]


def _slowest_ms(server: Server, body: bytes, for_s: float) -> float:
    end, slowest = time.monotonic() + for_s, 0.0
    while time.monotonic() < end:
        began = time.perf_counter()
        server.predict("m", body)
        slowest = max(slowest, time.perf_counter() - began)
    return slowest * 1e3


def _post(url: str, body: bytes) -> None:
    """From a process of its own: what it costs to send must not slow the one that measures."""
    code = (
        "import sys, urllib.request; body = sys.stdin.buffer.read(); "
        f"urllib.request.urlopen('{url}/v1/models/m:predict', body, timeout=120).read()"
    )
    subprocess.run([sys.executable, "-c", code], input=body, check=True, timeout=180)
