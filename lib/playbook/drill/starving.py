"""Half the processor: a CPU quota for the server's processes, by cgroup or by the container's engine.

Source: Linux, Documentation/scheduler/sched-bwc.rst; cgroup-v2.rst, cpu.max.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from playbook.drill.exercise import CLIENT_SHARE, Exercise
from playbook.drill.ground import Ground
from playbook.errors import ServerDied
from playbook.monitor.resources import family
from playbook.tfserving.config import Config

Stopped = Callable[[], float | None]  # seconds for which the quota has stopped the server so far
ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 100_000  # the kernel's and Kubernetes' default
SHARE, STRETCH = 0.5, 0.4  # of the server's cores; of the drill's time
UNFELT_S = 0.05
BUSY = 0.6  # of the capacity: at less, half the processor is enough and nothing is to be seen


def busy(exercise: Exercise, folder: Path) -> dict[str, Any]:
    """The promised rate; where half the processor carries that, a rate that it does not, as the generator can send."""
    shown = BUSY * exercise.capacity_rps
    able = CLIENT_SHARE * exercise.client_rps if exercise.client_rps else shown
    return {"arrival": "poisson", "rate_rps": round(max(exercise.rate_rps, min(shown, able)), 1)}


def throttle(place: Ground) -> str:
    """Give the server half of its cores' time for a while, then all of it again."""
    cores = len(place.handle.cpus) or os.cpu_count() or 1
    seconds = max(1.0, STRETCH * place.exercise.drill_s)
    quota_us = int(SHARE * cores * PERIOD_US)
    with _engine_quota(place, quota_us) if place.handle.container_id else _quota(place, quota_us) as stopped_s:
        time.sleep(seconds)
        stopped = stopped_s()
    words = f", stopped by the quota for {stopped:.1f} s" if stopped is not None else ""
    words += ": it used no more at this rate" if stopped is not None and stopped < UNFELT_S else ""
    return f"{SHARE * cores:g} of {cores} cores for {seconds:.1f} s{words}{_at(place.exercise)}"


def _at(exercise: Exercise) -> str:
    """The rate that was held, where that is not the promised one."""
    rate, promised = busy(exercise, Path())["rate_rps"], exercise.rate_rps
    if rate <= promised:
        return ""
    times = rate / promised
    return f"; {rate:,.0f}/s were due, {times:.1f} times the promised rate: half the processor may carry that one"


def few_threads(exercise: Exercise) -> Config:
    """As many threads of TensorFlow and of batches as cores are left: the defaults count cores and see no quota."""
    left = max(1, int(SHARE * max(1, len(exercise.spec.cpus))))
    config = replace(exercise.config, tensorflow_intra_op_parallelism=left, tensorflow_inter_op_parallelism=left)
    return replace(config, num_batch_threads=left) if config.enable_batching else config


def cannot(exercise: Exercise) -> str:
    """Why no quota may be set here; empty when it may."""
    if exercise.spec.server == "docker":
        return ""
    try:
        group = _new_group()
        group.rmdir()
    except OSError as error:
        return f"no cgroup with a CPU quota may be made here ({error.strerror or error}); it takes root on Linux"
    return ""


def _new_group() -> Path:
    """A fresh cgroup that takes a quota; version 1 has a folder for the controller, version 2 must offer it."""
    first, name = ROOT / "cpu", f"playbook-drill-{os.getpid()}"
    if first.is_dir():
        group = first / name
    elif "cpu" in (ROOT / "cgroup.subtree_control").read_text().split():
        group = ROOT / name
    else:
        raise OSError(f"{ROOT} offers no cpu controller")
    group.mkdir(exist_ok=True)
    return group


@contextmanager
def _quota(place: Ground, quota_us: int) -> Iterator[Stopped]:
    process = place.handle.process()
    if process is None:
        raise ServerDied("The server has ended before its quota was set.")
    group, pids = _new_group(), family(process.pid)
    home = _home(process.pid, first=(group / "cpu.cfs_quota_us").exists())
    try:
        if (group / "cpu.cfs_quota_us").exists():
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota_us))
        else:
            (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
        _move(pids, group)
        yield lambda: _stopped_s(group)
    finally:
        _move(family(process.pid), home)
        _remove(group)


def _home(pid: int, first: bool) -> Path:
    """The cgroup that a process is in now."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if first and "cpu" in controllers.split(","):
            return ROOT / "cpu" / path.lstrip("/")
        if not first and not controllers:
            return ROOT / path.lstrip("/")
    return ROOT / "cpu" if first else ROOT


def _move(pids: list[int], group: Path) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):  # it may have ended meanwhile
            (group / "cgroup.procs").write_text(str(pid))


def _remove(group: Path) -> None:
    """A cgroup goes when its last process has left it, which the kernel may take a moment for."""
    for _ in range(50):
        try:
            group.rmdir()
            return
        except OSError:
            time.sleep(0.02)


def _stopped_s(group: Path) -> float | None:
    stat = dict(line.split()[:2] for line in (group / "cpu.stat").read_text().splitlines())
    if "throttled_usec" in stat:
        return int(stat["throttled_usec"]) / 1e6
    return int(stat["throttled_time"]) / 1e9 if "throttled_time" in stat else None


@contextmanager
def _engine_quota(place: Ground, quota_us: int) -> Iterator[Stopped]:
    from playbook.serve import docker_engine

    container = docker_engine.engine().containers.get(place.handle.container)
    with docker_engine.speaking("Setting a container's CPU quota"):
        container.update(cpu_period=PERIOD_US, cpu_quota=quota_us)
    try:
        yield lambda: None
    finally:
        with docker_engine.speaking("Taking a container's CPU quota away"):
            container.update(cpu_period=PERIOD_US, cpu_quota=-1)
