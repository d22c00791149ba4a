"""The generator's passport: what it can measure on this machine, found out before it measures anything else.

It drives a null server (how quick is the quickest answer, how many a second at most) and a server that freezes by a
script (does the latency it reports equal the one the script implies), on the cores the level will use.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import numpy as np

from loadgen import temporary
from loadgen.level import Level
from loadgen.rows import RequestRows
from loadgen.scripted.script import Script
from loadgen.scripted.server import Scripted, running
from loadgen.verdict.summary import describe
from loadgen.workers.processes import start_early
from loadgen.workers.runner import available_cpus, run_here

STALL = Script(delay_s=0.02, freeze_s=0.1, period_s=0.4)
STALL_RPS = 1500.0
BODY_BYTES = 5414  # one row of 784 numbers in JSON
LIMITS = {
    "floor_ms": (0.25, "a reply that costs nothing takes {:.3f} ms, allowed {:.3f}"),
    "lateness_p50_us": (150.0, "half of the requests are sent over {:.0f} us late, allowed {:.0f}"),
    "lateness_p99_us": (2000.0, "1 % of the requests are sent over {:.0f} us late, allowed {:.0f}"),
    "stall_error": (0.05, "a scripted stall is reported {:.1%} wrong, allowed {:.0%}"),
}
MIN_RATE_RPS = 5000.0


def passport(
    cpus: tuple[int, ...] = (),
    protocol: str = "rest",
    timer: str = "auto",
    runner: Callable[..., Any] = run_here,
    attempts: int = 3,
) -> dict[str, Any]:
    """Measure the generator itself in about 3 s; a window that something disturbed is held up to `attempts` times.

    Returns `protocol`, `cpus`, `floor_ms` (median of an empty answer), `max_rate_rps` (one process, 32 connections),
    `lateness_p50_us`, `lateness_p99_us`, `stall_error` (largest relative error of p50 to p99 against the script), `ok`,
    `problems`, `problem_figures`, `stall_ms` (length of the scripted stall), `attempts`.

    Raises:
        LevelError: `cpus` names a core that this process may not use.
        ServerUnreachable: The null server did not start.
        WorkerFailed: A worker ended without its rows.
    """
    server_cpu = next((c for c in available_cpus() if c not in cpus), None) if len(available_cpus()) > 1 else None
    with temporary.folder("passport-") as folder, ExitStack() as stack:
        body = folder / "00000.body"
        body.write_bytes(b'{"instances": [[' + b"0," * ((BODY_BYTES - 20) // 2) + b"0]]}")
        servers = [running(protocol, script, server_cpu) for script in (Script(), STALL)]
        with ThreadPoolExecutor() as pool:  # they and the worker start at the same time
            pool.submit(start_early)
            null, stall = pool.map(lambda server: server.__enter__(), servers)
        for server in servers:
            stack.push(server)
        base = Level(null.url, protocol, body, concurrency=1, ramp_up_s=0.1, duration_s=0.3, cpus=cpus, timer=timer)
        figures: dict[str, Any] = {"protocol": protocol, "cpus": list(cpus)}
        bad = set(WINDOWS)
        for attempt in range(1, attempts + 1):
            for name, measure in WINDOWS.items():
                if name in bad:
                    figures |= measure(base, stall, runner) | {"attempts": attempt}
            bad = {WINDOW_OF[figure] for figure in _problems(figures)}
            if not bad:
                break
    return judge(figures)


def _floor(base: Level, _: Scripted, runner: Callable[..., Any]) -> dict[str, Any]:
    return {"floor_ms": _window(base, runner)[1]["latency_ms"]["p50"]}


def _most(base: Level, _: Scripted, runner: Callable[..., Any]) -> dict[str, Any]:
    return {"max_rate_rps": _window(base.with_(concurrency=32, duration_s=0.4), runner)[1]["throughput_rps"]}


def _open(base: Level, stall: Scripted, runner: Callable[..., Any]) -> dict[str, Any]:
    level = base.with_(url=stall.url, arrival="poisson", rate_rps=STALL_RPS, concurrency=None, duration_s=0.8)
    rows, summary = _window(level, runner)
    return {
        "lateness_p50_us": summary["lateness_us"]["p50"],
        "lateness_p99_us": summary["lateness_us"]["p99"],
        "stall_error": stall_error(rows, STALL, stall.epoch_ns, (0.5, 0.9, 0.95, 0.99)),
    }


WINDOWS = {"floor": _floor, "most": _most, "open": _open}
WINDOW_OF = {
    "floor_ms": "floor",
    "max_rate_rps": "most",
    "lateness_p50_us": "open",
    "lateness_p99_us": "open",
    "stall_error": "open",
}


def _window(level: Level, runner: Callable[..., Any]) -> tuple[RequestRows, dict[str, Any]]:
    rows, workers = runner(level)
    start_ns = workers[0]["start_ns"]
    window = rows.take(rows.scheduled_ns >= start_ns)
    return window, describe(rows, start_ns, level.duration_s)


def replay(scheduled_ns: np.ndarray, script: Script, epoch_ns: int) -> np.ndarray:
    """Latency in ms that `script` implies for requests due at these times.

    A request that comes in a freeze is read at its end; a reply that would leave in one leaves at its end.
    """
    due_s = (scheduled_ns - epoch_ns) / 1e9
    read_s = _thawed(due_s, script)
    return 1e3 * (_thawed(read_s + script.delay_s, script) - due_s)


def _thawed(at_s: np.ndarray, script: Script) -> np.ndarray:
    return at_s + np.maximum(script.freeze_s - at_s % script.period_s, 0.0)


def stall_error(rows: RequestRows, script: Script, epoch_ns: int, shares: tuple[float, ...]) -> float | None:
    """Largest relative error of the measured percentiles against the replayed ones; None without an answer."""
    good = rows.take(rows.kind == 0)
    if not len(good):
        return None
    measured = np.quantile((good.done_ns - good.scheduled_ns) / 1e6, shares)
    implied = np.quantile(replay(good.scheduled_ns, script, epoch_ns), shares)
    return float(np.abs(measured / implied - 1).max())


def judge(figures: dict[str, Any]) -> dict[str, Any]:
    """A passport's figures with `ok`, `problems`, `problem_figures` (what each problem is about) and `stall_ms`."""
    problems = _problems(figures)
    named = {"problems": list(problems.values()), "problem_figures": list(problems)}
    return figures | {"ok": not problems, **named, "stall_ms": 1000 * STALL.freeze_s}


def _problems(figures: dict[str, Any]) -> dict[str, str]:
    """What is wrong with which figure, in words."""
    problems = {}
    for name, (limit, text) in LIMITS.items():
        value = figures[name]
        if value is None or value > limit:
            problems[name] = f"{name} could not be measured" if value is None else text.format(value, limit)
    if figures["max_rate_rps"] < MIN_RATE_RPS:
        rate = figures["max_rate_rps"]
        problems["max_rate_rps"] = f"one process sends {rate:.0f} requests a second, {MIN_RATE_RPS:.0f} needed"
    return problems
