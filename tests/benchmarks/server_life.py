"""How the embedded server starts, idles and swaps versions."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
import time
from pathlib import Path

from server_setting import BATCHING, Row, Server, batching_flags, embedded, rest_body, wait_until


def bench_start(folder: Path, models: Path) -> list[Row]:
    """From exec to the first AVAILABLE over HTTP, and memory then."""
    times, rss = [], 0.0
    for _ in range(3):
        started = time.monotonic()
        with Server(folder, f"--model_base_path={models}/digits", wait=False) as server:
            wait_until(lambda s=server: answered(s), 30)
            times.append(time.monotonic() - started)
            rss = rss_mb(server)
    middle = sorted(times)[1]
    return [
        Row("start to AVAILABLE", f"{middle:.2f} s", "13 s: import tensorflow", target="≤ 4 s", met=middle <= 4),
        Row("memory after the start", f"{rss:.0f} MB", "627 MB: import tensorflow"),
    ]


def answered(server: Server) -> bool:
    """Whether REST says AVAILABLE."""
    with contextlib.suppress(OSError):
        return "AVAILABLE" in server.states("default").values()
    return False


def rss_mb(server: Server) -> float:
    """Resident memory of the server."""
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024


def cpu_s(server: Server) -> float:
    """CPU seconds the server has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bench_idle(folder: Path, models: Path) -> list[Row]:
    """CPU of a server nobody asks anything."""
    with embedded(folder, models, *batching_flags(folder, BATCHING)) as server:
        time.sleep(1)
        before, started = cpu_s(server), time.monotonic()
        time.sleep(10)
        share = (cpu_s(server) - before) / (time.monotonic() - started)
    return [Row("idle CPU of a core, batching on", f"{share:.1%}", target="≤ 2 %", met=share <= 0.02)]


def bench_swaps(folder: Path, models: Path, count: int = 1000, width: int = 50) -> list[Row]:
    """`count` version swaps, `width` models at each poll, under load: failed requests and growth of memory."""
    source = models / "digits" / "1"
    bases = [folder / "swaps" / f"m{index}" for index in range(width)]
    for base in bases:
        shutil.copytree(source, base / "1")
    entries = "".join(f'config {{ name: "{b.name}" base_path: "{b}" model_platform: "tensorflow" }} ' for b in bases)
    config = folder / "swaps.txt"
    config.write_text(f"model_config_list {{ {entries} }}")
    flags = (f"--model_config_file={config}", "--enable_batching", "--rest_api_num_threads=32", "--num_load_threads=1")
    with Server(folder, *flags) as server:
        ended, counts = threading.Event(), [0, 0]
        clients = [threading.Thread(target=ask_until, args=(server, bases, i, ended, counts)) for i in range(4)]
        for client in clients:
            client.start()
        sizes = [swap_all(server, source, bases, version) for version in range(2, count // width + 2)]
        ended.set()
        for client in clients:
            client.join()
    growth = sizes[-1] / sizes[1] - 1
    return [
        Row(
            f"{count} swaps under load: failed of {counts[0]:,} requests", str(counts[1]), target="0", met=not counts[1]
        ),
        Row(f"growth of memory over {count - 2 * width} swaps", f"{growth:+.1%}", target="≤ 10 %", met=growth <= 0.1),
    ]


def swap_all(server: Server, source: Path, bases: list[Path], version: int) -> float:
    """Publish a version of every model, wait until all serve it and the old ones are gone; memory in MB."""
    for base in bases:
        draft = base / "draft"
        shutil.copytree(source, draft, copy_function=os.link)
        draft.rename(base / str(version))
    for base in bases:
        wanted = {version: "AVAILABLE", version - 1: "END"}
        wait_until(lambda b=base, w=wanted: w.items() <= server.states(b.name).items(), 120)
        shutil.rmtree(base / str(version - 1))
    return rss_mb(server)


def ask_until(server: Server, bases: list[Path], start: int, ended: threading.Event, counts: list[int]) -> None:
    """Ask one model after the other; counts are [requests, failures]."""
    import requests

    body, step = rest_body(), start
    with requests.Session() as session:
        while not ended.is_set():
            name = bases[step % len(bases)].name
            reply = session.post(f"{server.url}/v1/models/{name}:predict", data=body, timeout=30)
            counts[0] += 1
            counts[1] += reply.status_code != 200
            step += 1
