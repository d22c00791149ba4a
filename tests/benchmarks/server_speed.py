"""How fast the embedded server answers, beside plain apps, no-op gRPC servers and other model servers."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
from peer_servers import PEERS, Peer, environment
from server_setting import (
    BATCHING,
    EAGER,
    HERE,
    WINDOW_S,
    Load,
    Row,
    Server,
    batching_flags,
    embedded,
    family,
    free_port,
    h2load,
    in_turns,
    one_row,
    predict_load,
    predict_request,
    process,
    rest_body,
    tensor,
    wait_until,
    wrk,
)

PLAIN_APPS = {
    "connection": lambda: sys.executable,
    "granian": lambda: sys.executable,
    "uvicorn": lambda: environment("uvicorn", "uvicorn", "httptools", "uvloop", "orjson"),
}


def bench_rest(folder: Path, models: Path) -> list[Row]:
    """REST against its ceilings, and batching on against off."""
    with contextlib.ExitStack() as running:
        windows, single = {}, {}
        for name, python in PLAIN_APPS.items():
            port = free_port()
            running.enter_context(process([str(python()), str(HERE / "plain_apps.py"), name, str(port)], port))
            url = f"http://127.0.0.1:{port}/v1/models/x:predict"
            windows[name] = lambda url=url: wrk(url, folder, rest_body())
        for name, text in (("on", BATCHING), ("eager", EAGER), ("off", "")):
            place = folder / name
            place.mkdir()
            flags = batching_flags(place, text) if text else ()
            server = running.enter_context(embedded(place, models, *flags))
            windows[name] = lambda server=server: predict_load(server, folder)
            single[name] = lambda server=server: predict_load(server, folder, 1)
        loads, one = in_turns(windows), in_turns(single)
    best = max(loads["on"], loads["eager"], key=lambda load: load.rate_rps)
    rows = []
    for name, what in (("granian", "an RSGI app on granian"), ("uvicorn", "an ASGI app on the same HTTP library")):
        ratio = best.over(loads[name])
        rows.append(Row(f"REST, batching on, over {what}", str(best), str(loads[name]), ratio, "≥ 0.7", ratio >= 0.7))
    bare, off = loads["connection"], loads["off"]
    figure = "REST, batching on, over our bare HTTP layer with a constant answer"
    rows.append(Row(figure, str(best), str(bare), best.over(bare)))
    gain, slower = best.over(off), one["eager"].over(one["off"])
    rows.append(Row("batching on over off, 32 connections", str(best), str(off), gain, "≥ 3", gain >= 3))
    figure = "timeout 0 over off, 1 connection"
    rows.append(Row(figure, str(one["eager"]), str(one["off"]), slower, "≥ 0.9", slower >= 0.9))
    rows.append(
        Row(
            "timeout 0 over 2 ms, 32 connections",
            str(loads["eager"]),
            str(loads["on"]),
            loads["eager"].over(loads["on"]),
        )
    )
    return rows


def grpc_message() -> bytes:
    """A PredictRequest with one row as tensor_content."""
    proto = tensor([[0.0]])
    del proto.float_val[:], proto.tensor_shape.dim[:]
    for size in (1, 784):
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_content = np.array(one_row(), np.float32).tobytes()
    return predict_request("default", inputs=proto).SerializeToString()


def bench_grpc(folder: Path, models: Path) -> list[Row]:
    """gRPC beside REST on the same servers, the server of before on grpc.aio, and no-op servers with the same answer.

    Each server comes twice, with time-out 2 ms and 0; told is the better of the two.
    """
    message, answer = grpc_message(), folder / "answer"
    with contextlib.ExitStack() as running:
        windows, costs = {}, {}
        old = server_on_grpc_aio(folder / "old")
        for name, text in (("2 ms", BATCHING), ("0", EAGER)):
            place = folder / f"grpc_{len(windows)}"
            place.mkdir()
            server = running.enter_context(embedded(place, models, *batching_flags(place, text)))
            answer.write_bytes(server.channel.unary_unary(PREDICT)(message, timeout=9))
            windows["grpc", name] = lambda place=place, port=server.port: h2load(port, place, message)
            windows["rest", name] = lambda place=place, server=server: predict_load(server, place)
            costs["grpc", name] = costs["rest", name] = server.process.pid
            if old:
                port = free_port()
                command = [sys.executable, "-m", "model_server", f"--port={port}", "--grpc_max_threads=130"]
                command += [f"--model_base_path={models}/digits", *batching_flags(place, text)]
                pid = running.enter_context(process(command, port, env={**os.environ, "PYTHONPATH": str(old)}))
                windows["old", name] = lambda place=place, port=port: h2load(port, place, message)
                costs["old", name] = pid
        for name in ("grpc_aio", "grpc_sync"):
            port = free_port()
            command = [sys.executable, str(HERE / "plain_apps.py"), name, str(port), str(answer)]
            running.enter_context(process(command, port))
            windows[name, ""] = lambda port=port: h2load(port, folder, message)
        measured = {key: Cost(pid) for key, pid in costs.items()}
        loads = in_turns(windows | {key: cost.of(windows[key]) for key, cost in measured.items()})
    return grpc_rows(loads, measured)


def grpc_rows(loads: dict[tuple[str, str], Load], costs: dict[tuple[str, str], Cost]) -> list[Row]:
    """gRPC over each of GRPC_PEERS, the better time-out of each, and the CPU time of their requests."""
    names = dict.fromkeys(name for name, _ in loads)
    best = {name: max((key for key in loads if key[0] == name), key=lambda key: loads[key].rate_rps) for name in names}
    ours, rows = best["grpc"], []
    for name, (what, target) in GRPC_PEERS.items():
        figure = f"gRPC, batching on (time-out {ours[1]}), over {what}"
        if name not in best:
            rows.append(Row(figure, str(loads[ours]), "not measured: git does not have it here"))
            continue
        ratio = loads[ours].over(loads[best[name]])
        met = None if target is None else ratio >= target
        rows.append(Row(figure, str(loads[ours]), str(loads[best[name]]), ratio, f"≥ {target}" if target else "", met))
    for name in ("rest", "old"):
        if name in best:
            on, other = costs[ours].median_us, costs[best[name]].median_us
            figure = f"CPU of the server for a gRPC request, under {GRPC_PEERS[name][0]}"
            rows.append(Row(figure, f"{on:.1f} µs", f"{other:.1f} µs", other / on))
    return rows


GRPC_PEERS = {  # what gRPC is told beside, and the ratio to reach
    "rest": ("REST on the same server", 0.8),
    "old": ("the server of before (d15bea3), on grpc.aio", 5),
    "grpc_aio": ("a no-op grpc.aio server", 3),
    "grpc_sync": ("a no-op grpcio server with threads", None),
}


class Cost:
    """CPU time of a process a request, of windows that are measured anyway; the first one warms up."""

    def __init__(self, pid: int):
        self._process, self._costs_us = psutil.Process(pid), []

    def of(self, window: Callable[[], Load]) -> Callable[[], Load]:
        """The window, with the process's CPU time looked at before and behind it."""

        def measured() -> Load:
            before = sum(self._process.cpu_times()[:2])
            load = window()
            spent_s = sum(self._process.cpu_times()[:2]) - before
            self._costs_us.append(spent_s / (load.rate_rps * WINDOW_S) * 1e6)
            return load

        return measured

    @property
    def median_us(self) -> float:
        """Microseconds a request."""
        return statistics.median(self._costs_us[1:])


LAST_ON_GRPC_AIO = "d15bea3"  # the last commit whose gRPC was grpc.aio's


def server_on_grpc_aio(folder: Path) -> Path | None:
    """The package as it was then, from git, with today's compiled helpers; None where git does not have it."""
    folder.mkdir()
    packed = subprocess.run(
        ["git", "archive", LAST_ON_GRPC_AIO, "lib/model_server"], cwd=HERE.parents[1], capture_output=True, check=False
    )
    if packed.returncode:
        return None
    subprocess.run(["tar", "-x", "-C", str(folder), "--strip-components=1"], input=packed.stdout, check=True)
    for helper in (HERE.parents[1] / "lib" / "model_server").glob("*.so"):
        shutil.copy(helper, folder / "model_server")
    return folder


PREDICT = "/tensorflow.serving.PredictionService/Predict"


def bench_peers(folder: Path, models: Path) -> list[Row]:
    """The same network behind other servers, with their own batching (their numpy needs no TensorFlow runtime)."""
    rows, best = [], []
    with embedded(folder, models, *batching_flags(folder, BATCHING)) as server:
        for peer in PEERS:
            try:
                loads = beside(peer, server, folder)
            except (OSError, AssertionError, subprocess.CalledProcessError) as error:
                reason = f"not measured: {type(error).__name__}: {str(error)[:80]}"
                rows.append(Row(f"embedded over {peer.name}", "", reason))
                continue
            ours, theirs = loads["ours"], loads["theirs"]
            best.append((theirs.p99_ms, ours.p99_ms))
            ratio = ours.over(theirs)
            rows.append(Row(f"embedded over {peer.name}", str(ours), str(theirs), ratio, "≥ 8", ratio >= 8))
    if best:
        lowest, ours_ms = min(best)
        figure = "p99 under the best peer's"
        rows.append(Row(figure, f"{ours_ms:.1f} ms", f"{lowest:.1f} ms", met=ours_ms < lowest))
    return rows


def beside(peer: Peer, server: Server, folder: Path) -> dict[str, Load]:
    """The embedded server's load and the peer's, in turns.

    Raises:
        OSError, AssertionError, CalledProcessError: the peer cannot be installed, started or asked.
    """
    python, port, place = peer.environment(), free_port(), folder / peer.name
    command = peer.prepare(place, python, port)
    with process(command, port, cwd=place, env=peer.variables(python)) as pid:
        body = peer.body(one_row())
        wait_until(lambda: peer.answers(port, body), 90)
        url = f"http://127.0.0.1:{port}{peer.path}"

        def ours() -> Load:
            with stopped(pid):
                return predict_load(server, folder)

        return in_turns({"ours": ours, "theirs": lambda: wrk(url, folder, body)})


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A server stands still: what it does in idle times is not to weigh on what shares its core."""
    still = family(pid)
    for one in still:
        one.suspend()
    try:
        yield
    finally:
        for one in still:
            one.resume()
