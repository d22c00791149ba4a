"""CPU, memory and GPU of a process and its children, of a container, and of the machine.

A container's processes are processes of this machine too, so a container is sampled by its first process; its
cgroup tells how long it was throttled. Only where the engine runs elsewhere is the engine asked.
"""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil


@dataclass
class Usage:
    """One sample; None is what this system does not tell.

    Counters (`_s`): CPU and waits of a process or container run since the first sample, its throttling since its
    cgroup began, those of the machine since boot.
    """

    who: str
    pid: int | None = None
    cpu_s: float | None = None
    rss_bytes: int | None = None
    threads: int | None = None
    run_delay_s: float | None = None  # ready to run, waiting for a core
    throttled_s: float | None = None  # stopped by the cgroup's CPU quota
    steal_s: float | None = None  # the machine's cores were with another guest
    gpu_share: float | None = None
    gpu_memory_bytes: int | None = None


@dataclass
class ProcessTree:
    """A process with all its children. Children come and go; what they used stays counted."""

    who: str
    pid: int
    skip: frozenset[int] = frozenset()
    _cpu: dict[int, float] = field(default_factory=dict)
    _delay: dict[int, float] = field(default_factory=dict)
    _cpu_s: float = 0.0
    _delay_s: float = 0.0
    _fresh: bool = True

    def sample(self) -> Usage | None:
        """Usage now, or None when the process is gone."""
        pids = [pid for pid in family(self.pid) if pid not in self.skip]
        states = {pid: state for pid in pids if (state := process_state(pid)) is not None}
        if self.pid not in states:
            return None
        self._cpu_s += self._grown(self._cpu, {pid: state["cpu_s"] for pid, state in states.items()})
        delays = {tid: delay for pid in states for tid, delay in run_delays(pid).items()}
        self._delay_s += self._grown(self._delay, delays)
        self._fresh = False
        return Usage(
            self.who,
            self.pid,
            cpu_s=self._cpu_s,
            rss_bytes=sum(state["rss_bytes"] for state in states.values()),
            threads=sum(state["threads"] for state in states.values()),
            run_delay_s=self._delay_s if delays else None,
            throttled_s=throttled_s(self.pid),
        )

    def _grown(self, before: dict[int, float], now: dict[int, float]) -> float:
        """How much was added since the last sample; what is new in between began at 0, the first sample at itself."""
        grown = 0.0 if self._fresh else sum(max(0.0, value - before.get(key, 0.0)) for key, value in now.items())
        before.clear()
        before.update(now)
        return grown


def family(pid: int) -> list[int]:
    """The process and all its descendants. Linux keeps the list; elsewhere psutil reads every process."""
    if not Path("/proc/self/task").exists():
        try:
            return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
        except psutil.Error:
            return []
    pids, queue = [], [pid]
    while queue:
        parent = queue.pop()
        pids.append(parent)
        for task in _listed(f"/proc/{parent}/task"):
            queue.extend(int(child) for child in _text(f"/proc/{parent}/task/{task}/children").split())
    return pids


def process_state(pid: int) -> dict | None:
    """CPU seconds, resident bytes and threads of one process; None when it has gone or may not be read."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return {
                "cpu_s": times.user + times.system,
                "rss_bytes": process.memory_info().rss,
                "threads": process.num_threads(),
            }
    except psutil.Error:
        return None


def run_delays(pid: int) -> dict[int, float]:
    """Seconds each thread waited for a core since it began (Linux, /proc/<pid>/task/<tid>/schedstat)."""
    delays = {}
    for task in _listed(f"/proc/{pid}/task"):
        words = _text(f"/proc/{pid}/task/{task}/schedstat").split()
        if len(words) >= 2:
            delays[int(task)] = int(words[1]) / 1e9
    return delays


def throttled_s(pid: int) -> float | None:
    """Seconds the process's cgroup was stopped by its CPU quota; None where it counts none, or off Linux."""
    path = cgroup_stat(pid)
    if path is None:
        return None
    stat = dict(line.split()[:2] for line in _text(path).splitlines() if len(line.split()) >= 2)
    if "throttled_usec" in stat:
        return int(stat["throttled_usec"]) / 1e6
    return int(stat["throttled_time"]) / 1e9 if "throttled_time" in stat else None


@functools.lru_cache(maxsize=64)
def cgroup_stat(pid: int) -> str | None:
    """The `cpu.stat` file of a process's cgroup, version 2 or 1."""
    for line in _text(f"/proc/{pid}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        roots = ["/sys/fs/cgroup"] if not controllers else [f"/sys/fs/cgroup/{controllers}"]
        if not controllers or "cpu" in controllers.split(","):
            for root in roots:
                if Path(f"{root}{path}/cpu.stat").exists():
                    return f"{root}{path}/cpu.stat"
    return None


def machine() -> Usage:
    """CPU seconds all cores were busy and, in a guest, stolen; memory in use."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    busy = sum(times[:8] if len(times) > 8 else times) - idle  # guest time is in user time already
    memory = psutil.virtual_memory()
    return Usage("machine", None, busy, memory.total - memory.available, steal_s=getattr(times, "steal", None))


def gpu() -> Usage | None:
    """Use and memory of the first GPU, where nvidia-smi is present and answers."""
    if shutil.which("nvidia-smi") is None:
        return None
    query = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
    try:
        line = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return None
    share, memory_mib = (_figure(word) for word in (line + ",").split(",")[:2])
    if share is None and memory_mib is None:
        return None
    return Usage(
        "gpu",
        gpu_share=None if share is None else share / 100,
        gpu_memory_bytes=None if memory_mib is None else int(memory_mib * 2**20),
    )


def _figure(word: str) -> float | None:
    """A number of nvidia-smi; None for `[N/A]`, which a GPU cut into parts (MIG) says of its use."""
    try:
        return float(word)
    except ValueError:
        return None


@dataclass
class Container:
    """A container whose processes this machine does not see; its engine is asked."""

    who: str
    container_id: str
    _client: Any = None
    _first_s: float | None = None

    def sample(self) -> Usage | None:
        """Usage now, or None when the container or its engine is gone."""
        try:
            if self._client is None:
                import docker

                self._client = docker.from_env(timeout=10)
            stats = self._client.api.stats(self.container_id, stream=False, one_shot=True)
            cpu_s = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        except Exception:  # the engine's client raises what its transport raises
            return None
        self._first_s = cpu_s if self._first_s is None else self._first_s
        throttled_ns = stats["cpu_stats"].get("throttling_data", {}).get("throttled_time", 0)
        threads = stats.get("pids_stats", {}).get("current")
        memory = stats.get("memory_stats", {}).get("usage")
        return Usage(self.who, None, cpu_s - self._first_s, memory, threads, throttled_s=throttled_ns / 1e9)


def container_pid(container_id: str) -> int | None:
    """The first process of a container as this machine sees it; None where the engine is remote or absent."""
    try:
        import docker

        state = docker.from_env(timeout=10).api.inspect_container(container_id)["State"]
    except Exception:  # no engine, no permission, no such container: the monitor then goes without
        return None
    pid = int(state.get("Pid") or 0)
    # Its hostname file is mounted from a folder that bears its id: a remote engine's pid may be another process here.
    here = any(container_id[:12] in _text(f"/proc/{pid}/{file}") for file in ("mountinfo", "cgroup"))
    return pid if pid and here else None


def proxy_pid(port: int) -> int | None:
    """Docker's user-land proxy of a port of this machine; None where none is seen (Docker Desktop, another machine)."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or [""]
        served = [value for flag, value in itertools.pairwise(words) if flag == "-host-port"]
        if Path(words[0]).name == "docker-proxy" and str(port) in served:
            return process.pid
    return None


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError):
        return ""
