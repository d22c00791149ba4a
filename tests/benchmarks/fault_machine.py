"""Faults of the machine a chain runs on: its clock is set, memory, shared memory or addresses are short."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import psutil
from fault_driver import SMOKE, Chain, Outcome, left, until
from fault_kinds import LEVELS, SERVER, held, in_second_level, stressed

CLOCK = Path(__file__).with_name("clock_shift.c")
GROUPS = Path("/sys/fs/cgroup")
LITTLE_BYTES = 1 << 16  # a process that is moved into such a group is ended at its next page
SHM_FULL = "mount -t tmpfs -o size=4k tmpfs /dev/shm && head -c 4096 /dev/zero > /dev/shm/filling"
SHM_GONE = "umount -l /dev/shm; mount -t tmpfs -o ro,mode=0 tmpfs /dev/shm"
IPV4_ALONE = "ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"
IPV6_ALONE = "ip link set lo up && ip -4 address flush dev lo"


def _before(line: str, *spaces: str) -> list[str]:
    """A prefix that has a shell do something in namespaces of its own first."""
    return ["unshare", *spaces, "sh", "-c", f'{line} && exec "$@"', "sh"] if spaces else _shell(line)


def _shell(line: str) -> list[str]:
    return ["bash", "-c", f'{line} && exec "$@"', "bash"]


def _words(base: Path) -> list[object]:
    return ["run", SMOKE, "--resume", base.name, "--from", "serve", "--only", "stress", "--outputs", base.parent]


def whole(name: str, base: Path, prefix: list[str]) -> Outcome:
    """It comes to its end all the same."""
    chain = Chain(*_words(base), prefix=prefix)
    code = chain.end()
    assert code == 0, chain.lines
    run_dir = chain.run_dir(base.parent)
    assert (run_dir / "stress.json").exists()
    return Outcome(name, "nothing", None, chain.lines[-1][1], code, left(base.parent, run_dir))


def refused(name: str, base: Path, prefix: list[str], word: str) -> Outcome:
    """It cannot work there, and says so in a sentence."""
    chain = Chain(*_words(base), prefix=prefix)
    code = chain.end()
    noticed_s, message = chain.told(chain.began)
    assert code in (1, 2), chain.lines
    assert not any("Traceback" in line for _, line in chain.lines), chain.lines
    assert word in " ".join(line for _, line in chain.lines), chain.lines
    return Outcome(name, "nothing: nothing could begin", noticed_s, message, code, left(base.parent))


def clock_set(name: str, base: Path, by_s: int) -> Outcome:
    """What the time is, for the chain and all it starts, is set while a level is held."""
    if shutil.which("cc") is None:
        return Outcome(name, "not tried: there is no C compiler here", None, "–", None, 0)
    with tempfile.TemporaryDirectory(prefix="faults-clock-") as folder:
        clock, library = Path(folder) / "clock", Path(folder) / "clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, CLOCK, "-ldl"], check=True)
        clock.write_text("0")
        chain = stressed(base, *LEVELS, FAULT_CLOCK=str(clock), LD_PRELOAD=str(library))
        run_dir = chain.run_dir(base.parent)
        until(lambda: held(run_dir) >= 1, 60, chain.process)
        time.sleep(1.0)
        clock.write_text(str(by_s))
        code = chain.end()
    assert code == 0, chain.lines
    rows = json.loads((run_dir / "stress.json").read_text())["results"]["levels"]
    (took,) = [line for _, line in chain.lines if " s in all: " in line]
    assert 0 < float(took.split(" s in all")[0].replace(",", "")) < 600, took
    assert not any("stood still" in text for row in rows for text in row["warnings"]), rows
    made = [json.loads((run_dir / f"{verb}.json").read_text())["created_utc"] for verb in ("serve", "stress")]
    apart_s = (datetime.fromisoformat(made[1]) - datetime.fromisoformat(made[0])).total_seconds()
    assert abs(apart_s - by_s) < 600, "the clock was not set"
    return Outcome(name, "nothing", None, took, code, left(base.parent, run_dir))


@contextmanager
def _little_memory() -> Iterator[Path]:
    """A control group with next to no memory: the file that takes a pid."""
    unified = (GROUPS / "cgroup.controllers").exists()
    folder = (GROUPS if unified else GROUPS / "memory") / f"playbook-faults-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / ("memory.max" if unified else "memory.limit_in_bytes")).write_text(str(LITTLE_BYTES))
        yield folder / "cgroup.procs"
    finally:
        until(lambda: not (folder / "cgroup.procs").read_text(), 10)
        folder.rmdir()


def out_of_memory(name: str, base: Path, word: str, grandchild: bool = False) -> Outcome:
    """Linux ends a process of a stress that holds its second level, for lack of memory."""
    with _little_memory() as procs:
        chain, run_dir, target = in_second_level(base, word, grandchild)
        at = time.monotonic()
        for one in [target, *(target.children() if word == "loadgen" else [])]:
            _moved(one, procs)
        code = chain.end(120)
        noticed_s, message = chain.told(at)
    said = next((line.strip() for _, line in chain.lines if "lack of memory" in line), "")
    assert code == 1, chain.lines
    assert said, f"lack of memory was to be named: {chain.lines}"
    lost = "nothing: the levels before are kept" if held(run_dir) else "the level that was held"
    return Outcome(name, lost, noticed_s, message, code, left(base.parent, run_dir))


def _moved(process: psutil.Process, procs: Path) -> None:
    procs.write_text(str(process.pid))


KINDS: dict[str, Callable[[str, Path], Outcome]] = {
    "clock set back by an hour in a level": partial(clock_set, by_s=-3600),
    "clock set forward by an hour in a level": partial(clock_set, by_s=3600),
    "/dev/shm full": partial(whole, prefix=_before(SHM_FULL, "-m")),
    "/dev/shm that nobody may use": partial(whole, prefix=_before(SHM_GONE, "-m")),
    "a machine without IPv6": partial(whole, prefix=_before(IPV4_ALONE, "-n")),
    "a machine without IPv4, loopback included": partial(
        refused, prefix=_before(IPV6_ALONE, "-n"), word="has no address 127.0.0.1"
    ),
    "HOME not writable, no TMPDIR, umask 077": partial(
        whole, prefix=_before("umask 077; export HOME=/proc TMPDIR=/nowhere")
    ),
    "load worker: ended by Linux for lack of memory": partial(out_of_memory, word="loadgen"),
    "server: ended by Linux for lack of memory": partial(out_of_memory, word=SERVER),
    "kernel: ended by Linux for lack of memory": partial(out_of_memory, word="playbook.chain.warm", grandchild=True),
}
