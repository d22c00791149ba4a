"""A server ends with its owner however that ends, and outlives a kernel that owns nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import published_run
import pytest

from playbook.records.process import living
from playbook.serve import owner, serve
from playbook.serve.handle import Handle

CODE = """
import os, signal, sys, time
from pathlib import Path
from playbook.serve import serve
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored where the tests run under nohup
run, base, how = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
spec = serve.from_parameters({"server": "embedded", "model_name": "digits"}, base)
if how == "block":
    with serve.running(spec, run, 120):
        print("up", flush=True)
        time.sleep(600)
serve.start(spec, run, 120)
print("up", flush=True)
time.sleep(600)
"""


def test_a_note_that_another_took_away_first_does_not_stop_the_ending(tmp_path, monkeypatch):
    """The watcher of an owner that has just ended, and the chain that clears up, end the same server."""
    handle = Handle("docker", "digits", "/models", "http://127.0.0.1:1", "127.0.0.1:1", "", [], [], container_id="gone")
    note = handle.note(tmp_path, "deploy")
    monkeypatch.setattr(serve, "stop", lambda _: note.unlink() or True)
    assert len(serve.stop_all(tmp_path)) == 1
    assert Handle.noted(tmp_path) == []


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_run.published(tmp_path_factory.mktemp("exported"))


def began(run: Path, base: Path, how: str, **environment: str) -> tuple[subprocess.Popen, Handle]:
    """A process that has started a server, and the server."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(run), str(base), how],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    ((_, handle),) = Handle.noted(run)
    return process, handle


def within(seconds: float, true: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP])
def test_a_server_of_a_block_ends_with_its_process_however_that_ends(tmp_path: Path, base: Path, how: int) -> None:
    process, handle = began(tmp_path, base, "block")
    try:
        assert handle.process() is not None
        process.send_signal(how)
        process.communicate()
        assert within(15, lambda: handle.process() is None)
        assert within(5, lambda: not Handle.noted(tmp_path))
    finally:
        process.kill()
        serve.stop(handle)


def test_a_server_that_a_notebook_starts_outlives_its_kernel_unless_the_chain_owns_it(
    tmp_path: Path, base: Path
) -> None:
    chain = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    kernel, alone = began(tmp_path / "alone", base, "start")
    second, owned = began(tmp_path / "owned", base, "start", **{owner.CHANNEL: str(chain.pid)})
    try:
        for process in (kernel, second):
            process.kill()
            process.communicate()
        time.sleep(1.0)
        assert owned.process() is not None, "the kernel has ended, the chain has not"
        chain.kill()
        chain.communicate()
        assert within(15, lambda: owned.process() is None)
        assert alone.process() is not None
    finally:
        chain.kill()
        for handle in (alone, owned):
            serve.stop(handle)


def test_a_watcher_ends_with_its_server(tmp_path: Path, base: Path) -> None:
    process, handle = began(tmp_path, base, "block")
    try:
        assert within(10, lambda: bool(watchers(tmp_path)))
        serve.stop(handle)
        assert within(10, lambda: not watchers(tmp_path))
        assert living(process.pid, None) is not None
    finally:
        process.kill()
        process.communicate()


def watchers(run: Path) -> list[psutil.Process]:
    commands = ((one, one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"]))
    return [one for one, words in commands if "playbook.serve.watcher" in words and any(str(run) in w for w in words)]
