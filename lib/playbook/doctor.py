"""Doctor: what this machine can do, each part with how to get it when it is missing."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import time
from collections.abc import Iterator
from importlib import metadata

import numpy as np

from playbook.serve.cores import split_cpus

NOISE_LIMIT_US = 500.0


def report() -> str:
    """One line a part: ok, missing or note, what was seen, what to do."""
    width = 12
    return "\n".join(f"{mark:<8}{name:<{width}}{text}" for mark, name, text in examine())


def examine() -> Iterator[tuple[str, str, str]]:
    """Each part of the machine as (`ok` or `missing` or `note`, name, what was seen and what to do)."""
    yield "ok", "python", platform.python_version()
    yield _tensorflow()
    yield _cores()
    yield _priority()
    yield _noise()
    yield _docker()
    for name, program, remedy in (
        ("binary", "tensorflow_model_server", "server 'binary' needs it; 'embedded' and 'docker' do not"),
        ("prometheus", "promtool", "apt-get install prometheus; only tests and the checks of 'deploy' use it"),
        ("browser", "chromium", "apt-get install chromium; only tests use it"),
        ("kubectl", "kubectl", "needed to apply what 'deploy' writes, not to write it"),
    ):
        path = shutil.which(program)
        yield ("ok", name, path) if path else ("missing", name, f"no {program} on the PATH: {remedy}")


def _tensorflow() -> tuple[str, str, str]:
    """The package under whichever name it is installed: tensorflow-cpu is the same without a GPU."""
    for name in ("tensorflow", "tensorflow-cpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return "ok", "tensorflow", f"{metadata.version(name)} (embedded server and export)"
    return "missing", "tensorflow", "export and the embedded server need it: make .venv"


def _cores() -> tuple[str, str, str]:
    server, client = split_cpus()
    if set(server) & set(client):
        return "note", "cores", "one core: server and client share it, and every record will say so"
    return "ok", "cores", f"server on {_list(server)}, client on {_list(client)}"


def _priority() -> tuple[str, str, str]:
    """Whether load workers may go before everything else on their core, as they do where they can."""
    try:
        before = os.sched_getscheduler(0)
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, before, os.sched_param(0))
    except (OSError, AttributeError):  # not allowed; not on this platform
        remedy = "be root or have CAP_SYS_NICE (docker run --cap-add SYS_NICE)"
        return "note", "priority", f"what else runs on the client's core is measured as the server's latency; {remedy}"
    return "ok", "priority", "load workers go before everything else on their core"


def _noise(duration_s: float = 0.3) -> tuple[str, str, str]:
    """How long this process is kept from a core: the gaps in a loop that only reads the clock."""
    stamps, end = [], time.perf_counter_ns() + int(duration_s * 1e9)
    while (now := time.perf_counter_ns()) < end:
        stamps.append(now)
    worst_us = float(np.diff(stamps).max()) / 1e3
    text = f"longest pause {worst_us:,.0f} µs in {duration_s:g} s"
    if worst_us > NOISE_LIMIT_US:
        return (
            "note",
            "noise",
            f"{text}: something else is running; p99 below {worst_us / 1e3:.1f} ms is not to be trusted",
        )
    return "ok", "noise", text


def _docker() -> tuple[str, str, str]:
    import docker

    try:
        engine = docker.from_env(timeout=3)
        return "ok", "docker", f"engine {engine.version()['Version']}"
    except Exception as error:  # the SDK raises requests', its own and the OS's errors alike
        installed = (
            "start it: dockerd &" if shutil.which("dockerd") else "apt-get install docker.io, then start dockerd"
        )
        who = f", as user {os.getuid()}" if hasattr(os, "getuid") else ""
        return "missing", "docker", f"no engine answers ({type(error).__name__}{who}); {installed}"


def _list(cpus: tuple[int, ...]) -> str:
    return f"core{'s' if len(cpus) > 1 else ''} {', '.join(map(str, cpus))}"
