"""Faults of what surrounds a chain, or of a part of it for a while: from the run to build on to what came of it."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
from fault_driver import PLAYBOOK, SMOKE, Chain, Outcome, left, until
from fault_kinds import LEVELS, held, small_disk, stressed

NOWHERE = "http://127.0.0.1:9"  # nobody listens there


def _words(base: Path) -> list[object]:
    return ["run", SMOKE, "--resume", base.name, "--from", "serve", "--only", "stress", "--outputs", base.parent]


def _whole(name: str, chain: Chain, base: Path, code: int | None, expected: int = 0) -> Outcome:
    """A chain that is to come to its end all the same."""
    assert code == expected, chain.lines
    run_dir = chain.run_dir(base.parent)
    assert (run_dir / "stress.json").exists()
    return Outcome(name, "nothing", None, chain.lines[-1][1], code, left(base.parent, run_dir))


def surrounded(name: str, base: Path, **environment: str) -> Outcome:
    """Environment variables that are of no use."""
    chain = Chain(*_words(base), **environment)
    return _whole(name, chain, base, chain.end())


def few_files(name: str, base: Path) -> Outcome:
    """A limit on open files."""
    line = shlex.join([PLAYBOOK, *map(str, _words(base))])
    done = subprocess.run(["bash", "-c", f"ulimit -n 64; {line}"], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done
    return Outcome(name, "nothing", None, done.stderr.strip(), done.returncode, left(base.parent))


def nobody_reads(name: str, base: Path) -> Outcome:
    """The program that reads its lines ends after the first."""
    line = shlex.join([PLAYBOOK, *map(str, _words(base))])
    before = set(base.parent.iterdir())
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {line} | head -1"], capture_output=True, text=True, check=False)  # fmt: skip  # noqa: E501
    (made,) = [path for path in base.parent.iterdir() if path not in before and path.is_dir()]
    assert (made / "record.html").exists(), done
    return Outcome(name, "nothing", None, done.stdout.strip(), done.returncode, left(base.parent, made))


def impatient(name: str, base: Path) -> Outcome:
    """Ctrl-C, and twice more while it ends what it started."""
    chain = stressed(base, *LEVELS)
    at = time.monotonic()
    for _ in range(3):
        chain.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    code = chain.end(120)
    return Outcome(name, "nothing: --resume goes on", *chain.told(at), code, left(base.parent, chain.run_dir(base.parent)))  # fmt: skip  # noqa: E501


def chain_stopped(name: str, base: Path) -> Outcome:
    """SIGSTOP of the chain for 10 s."""
    chain = stressed(base, *LEVELS)
    chain.process.send_signal(signal.SIGSTOP)
    time.sleep(10.0)
    chain.process.send_signal(signal.SIGCONT)
    return _whole(name, chain, base, chain.end())


def worker_stopped(name: str, base: Path) -> Outcome:
    """SIGSTOP of the load worker for 2 s: the level must say so, and not accuse the server."""
    chain = stressed(base, *LEVELS)
    run_dir = chain.run_dir(base.parent)
    until(lambda: held(run_dir) >= 1, 60, chain.process)
    time.sleep(1.0)
    worker = chain.child("loadgen.workers.worker")
    assert worker, chain.lines
    for signum, then_s in ((signal.SIGSTOP, 2.0), (signal.SIGCONT, 0.0)):
        for one in [worker, *worker.children()]:
            one.send_signal(signum)
        time.sleep(then_s)
    outcome = _whole(name, chain, base, chain.end())
    levels = json.loads((run_dir / "stress.json").read_text())["results"]["levels"]
    (said,) = {text for level in levels for text in level["warnings"] if "itself stood still" in text}
    assert not any("the server stood still" in text for level in levels for text in level["warnings"])
    return outcome._replace(lost="that level: it is INVALID", message=said)


def monitor_killed(name: str, base: Path) -> Outcome:
    """SIGKILL of the process that watches the server."""
    chain = stressed(base, *LEVELS)
    run_dir = chain.run_dir(base.parent)
    until(lambda: held(run_dir) >= 1, 60, chain.process)
    watch = chain.child("playbook.monitor.watch")
    assert watch, chain.lines
    watch.kill()
    outcome = _whole(name, chain, base, chain.end())
    with duckdb.connect() as db:
        asked = f"SELECT detail FROM '{run_dir}/data/events/*.parquet' WHERE event = 'gone' AND what = 'monitor'"
        (said,) = db.execute(asked).fetchall()
    return outcome._replace(lost="the server's metrics from then on", message=f"event: {said[0]}")


def read_only(name: str, base: Path) -> Outcome:
    """The disk of the run folder becomes read-only, as after an error of it."""
    with small_disk(64) as folder:
        subprocess.run(["cp", "-a", base, folder], check=True)
        chain = stressed(folder / base.name, *LEVELS)
        run_dir = chain.run_dir(folder)
        until(lambda: held(run_dir) >= 1, 60, chain.process)
        at = time.monotonic()
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        try:
            code = chain.end(120)
            remains = left(folder, run_dir, half=False)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
        assert code == 1, chain.lines
        return Outcome(name, "the level that was held", *chain.told(at), code, remains)


def renamed(name: str, base: Path) -> Outcome:
    """The run folder gets another name in mid-stress."""
    chain = stressed(base, *LEVELS)
    run_dir = chain.run_dir(base.parent)
    until(lambda: held(run_dir) >= 1, 60, chain.process)
    at = time.monotonic()
    moved = run_dir.rename(run_dir.with_name(f"{run_dir.name}-renamed"))
    code = chain.end(120)
    assert code == 1, chain.lines
    assert held(moved) >= 1
    return Outcome(name, "nothing: it lies where it was moved to", *chain.told(at), code, left(base.parent, run_dir))


POOR = {"HOME": "/proc", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TMPDIR": "/proc"}
PROXIES = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "grpc_proxy"), NOWHERE)
KINDS: dict[str, Callable[[str, Path], Outcome]] = {
    "http_proxy names a proxy that is not there": partial(surrounded, **PROXIES),
    "HOME and TMPDIR unwritable, a locale without UTF-8": partial(surrounded, **POOR),
    "a process may open 64 files": few_files,
    "who reads its lines goes after the first": nobody_reads,
    "chain: Ctrl-C three times": impatient,
    "chain: SIGSTOP for 10 s": chain_stopped,
    "load worker: SIGSTOP for 2 s in a level": worker_stopped,
    "monitor: SIGKILL in a level": monitor_killed,
    "disk of the run folder becomes read-only": read_only,
    "run folder renamed": renamed,
}
