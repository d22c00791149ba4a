"""The faults that `make faults` tries on a chain, each a function from the run to build on to what came of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import embedded_image  # as tests/docker builds it: none can be pulled everywhere
import psutil
from fault_driver import SMOKE, Chain, Outcome, left, until

from playbook.serve import containers, docker_engine

SERVER = "-m model_server"
LEVELS = ("--set", "duration_s=3", "--set", "concurrency=[1,2,4]")


def stressed(base: Path, *words: str, prefix: Sequence[str] = (), **environment: str) -> Chain:
    """A chain whose stress has begun, on what `base` left."""
    outputs = ("--outputs", str(base.parent))
    chain = Chain("run", SMOKE, "--resume", base.name, "--from", "serve", "--only", "stress", *outputs, *words, prefix=prefix, **environment)  # fmt: skip  # noqa: E501
    assert chain.said(r"serve .*is AVAILABLE"), chain.lines
    return chain


def held(run_dir: Path) -> int:
    """Load levels that are on disk."""
    try:
        return len(json.loads((run_dir / "data" / "levels.json").read_text()))
    except (OSError, ValueError):
        return 0


def server_of(run_dir: Path) -> psutil.Process | None:
    """The server of a run, by its note: the kernel that started it has ended."""
    notes = [json.loads(path.read_text()) for path in (run_dir / "servers").glob("*.json")]
    return psutil.Process(notes[-1]["pid"]) if notes else None


def in_second_level(base: Path, word: str, grandchild: bool = False) -> tuple[Chain, Path, psutil.Process]:
    """A chain whose stress holds its second level, its run folder, and that process of it which a word names."""
    chain = stressed(base, *LEVELS)
    run_dir = chain.run_dir(base.parent)
    until(lambda: held(run_dir) >= 1, 60, chain.process)
    time.sleep(1.0)
    target = server_of(run_dir) if word == SERVER else chain.child(word, grandchild=grandchild)
    assert target, chain.lines
    return chain, run_dir, target


def _outcome(fault: str, chain: Chain, base: Path, at: float, lost: str) -> Outcome:
    code = chain.end(120)
    noticed_s, message = chain.told(at)
    return Outcome(fault, lost, noticed_s, message, code, left(base.parent, chain.run_dir(base.parent)))


def _killed(word: str, signal_: int, grandchild: bool = False) -> Callable[[str, Path], Outcome]:
    """A process of a stress that holds its second level gets a signal."""

    def fault(name: str, base: Path) -> Outcome:
        chain, run_dir, target = in_second_level(base, word, grandchild)
        at = time.monotonic()
        for one in [target, *(target.children(recursive=True) if word == "loadgen" else [])]:
            one.send_signal(signal_)
        outcome = _outcome(name, chain, base, at, "nothing: the levels before are kept")
        return outcome if held(run_dir) else outcome._replace(lost="the level that was held")

    return fault


def runner_killed(name: str, base: Path) -> Outcome:
    """SIGKILL of the chain in stress, then --resume."""
    chain = stressed(base, *LEVELS)
    run_dir = chain.run_dir(base.parent)
    until(lambda: held(run_dir) >= 2, 60, chain.process)
    time.sleep(1.0)
    chain.process.kill()
    remains, before = left(base.parent, run_dir), held(run_dir)
    again = Chain("run", SMOKE, "--resume", run_dir.name, "--outputs", base.parent)
    code = again.end()
    rows = json.loads((run_dir / "stress.json").read_text())["results"]["levels"] if code == 0 else []
    kept = sum("held by an earlier attempt" in " ".join(row["warnings"]) for row in rows)
    lost = (
        f"nothing: resumed behind {kept} whole levels of {len(rows)}" if kept == before else f"{before - kept} levels"
    )
    return Outcome(name, lost, None, again.lines[-1][1], code, remains)


def container_orphaned(name: str, base: Path) -> Outcome:
    """SIGKILL of the chain while its server runs in a container."""
    if docker_engine.problem() is not None:
        return Outcome(name, "not tried: there is no Docker engine here", None, "–", None, 0)
    if not containers.has_image(embedded_image.IMAGE):
        assert embedded_image.can_build(), (
            f"no image {embedded_image.IMAGE}: it takes root, debootstrap, Debian's Python"
        )
        embedded_image.build()
    docker = ("--set", "server=docker", "--set", f"image={embedded_image.IMAGE}", "--no-verify")
    chain = stressed(base, *docker, *LEVELS)
    run_dir, at = chain.run_dir(base.parent), time.monotonic()
    chain.process.kill()
    chain.end()
    remains = left(base.parent, run_dir)
    gone = f"the container was gone after {time.monotonic() - at:.1f} s" if not remains else "it stays"
    return Outcome(name, "nothing: --resume goes on", None, gone, None, remains)


def terminated(name: str, base: Path) -> Outcome:
    """SIGTERM of the chain in stress."""
    chain, at = stressed(base, *LEVELS), time.monotonic()
    chain.process.send_signal(signal.SIGTERM)
    return _outcome(name, chain, base, at, "nothing: --resume goes on")


def folder_removed(name: str, base: Path) -> Outcome:
    """The run folder goes in mid-stress."""
    chain = stressed(base)
    time.sleep(2.0)
    at = time.monotonic()
    shutil.rmtree(chain.run_dir(base.parent))
    return _outcome(name, chain, base, at, "what was removed")


def resumed_twice(name: str, base: Path) -> Outcome:
    """--resume of a run that runs."""
    chain = stressed(base)
    again = Chain("run", SMOKE, "--resume", chain.run_dir(base.parent).name, "--outputs", base.parent)
    code = again.end(60)
    seconds, message = again.told(again.began)
    first = chain.end()
    lost = "nothing: the first ends with 0" if first == 0 else f"the first ended with {first}"
    return Outcome(name, lost, seconds, message, code, left(base.parent, chain.run_dir(base.parent)))


def other_parameters(name: str, base: Path) -> Outcome:
    """--resume with another --set."""
    again = Chain("run", SMOKE, "--resume", base.name, "--outputs", base.parent, "--set", "seed=99")
    code = again.end(60)
    seconds, message = again.told(again.began)
    shown = [line.strip() for _, line in again.lines if "then," in line]
    return Outcome(name, "nothing", seconds, " ".join([message, *shown]), code, 0)


def half_a_record(name: str, base: Path) -> Outcome:
    """serve.json is cut in half, then --resume."""
    run_dir = base.parent / "20260101T000000Z-half"
    shutil.copytree(base, run_dir)
    note = json.loads((run_dir / "run.json").read_text()) | {"run_id": run_dir.name, "verbs": ["export", "serve"]}
    (run_dir / "run.json").write_text(json.dumps(note))
    (run_dir / "serve.json").write_text('{"schema_version": 1, "verb": "ser')
    again = Chain("run", SMOKE, "--resume", run_dir.name, "--outputs", base.parent)
    code = again.end()
    return Outcome(name, "nothing: it is made again", None, again.lines[0][1], code, left(base.parent, run_dir))


def half_a_parquet(name: str, base: Path) -> Outcome:
    """A file of raw rows is cut, then asked for by SQL."""
    path = base / "data" / "changes.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    asked = Chain("sql", "SELECT count(*) FROM changes", "--outputs", base.parent)
    code = asked.end(60)
    path.write_bytes(whole)
    return Outcome(name, "its rows, and that is said", *asked.told(asked.began), code, 0)


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of a few megabytes (needs root)."""
    folder = Path("/tmp/playbook_faults_disk")
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


def fill(folder: Path) -> None:
    file = os.open(folder / "filling", os.O_CREAT | os.O_WRONLY)
    try:
        while os.write(file, b"x" * 4096):
            pass
    except OSError:
        os.close(file)


def disk_full(name: str, base: Path) -> Outcome:
    """The disk of the run folder fills in mid-stress."""
    with small_disk(8) as folder:
        copy = folder / base.name
        shutil.copytree(base, copy)
        chain, at = stressed(copy), time.monotonic()
        fill(folder)
        return _outcome(name, chain, copy, at, "the level that was held")


def temporary_full(name: str, base: Path) -> Outcome:
    """The disk of temporary files fills before stress."""
    with small_disk(4) as folder:
        chain, at = stressed(base, TMPDIR=str(folder)), time.monotonic()
        fill(folder)
        return _outcome(name, chain, base, at, "nothing: --resume goes on")


KINDS: dict[str, Callable[[str, Path], Outcome]] = {
    "chain: SIGKILL in its third level, then --resume": runner_killed,
    "chain: SIGTERM": terminated,
    "chain: SIGKILL, its server in a container": container_orphaned,
    "kernel: SIGKILL while a cell runs": _killed("playbook.chain.warm", signal.SIGKILL, grandchild=True),
    "load worker: SIGKILL in a level": _killed("loadgen", signal.SIGKILL),
    "server: SIGKILL in a level": _killed(SERVER, signal.SIGKILL),
    "server: SIGSTOP in a level": _killed(SERVER, signal.SIGSTOP),
    "run folder removed": folder_removed,
    "--resume of a run that runs": resumed_twice,
    "--resume with another --set": other_parameters,
    "record cut in half, then --resume": half_a_record,
    "Parquet cut in half, then sql": half_a_parquet,
    "disk of the run folder full": disk_full,
    "disk of temporary files full": temporary_full,
}
