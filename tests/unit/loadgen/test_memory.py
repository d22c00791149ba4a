"""Lack of memory is named where Linux tells of it, and not where it does not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loadgen import memory

GREEDY = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); x = b'x' * (512 << 20)"
GROUPS = Path("/sys/fs/cgroup/memory")


@pytest.fixture
def small_group():
    """A control group of 64 MB, by the file that takes a pid."""
    folder = GROUPS / f"playbook-test-{os.getpid()}"
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    folder = Path("/sys/fs/cgroup") / folder.name if unified else folder
    try:
        folder.mkdir()
        (folder / ("memory.max" if unified else "memory.limit_in_bytes")).write_text(str(64 << 20))
        yield folder / "cgroup.procs"
    except OSError as error:
        pytest.skip(f"a control group of its own takes root and a file system for them: {error}")
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()


def test_a_process_that_linux_ended_for_lack_of_memory_is_told_as_that(small_group: Path) -> None:
    before = memory.OomWatch()
    process = subprocess.Popen([sys.executable, "-c", GREEDY, str(small_group)])
    if process.wait() != -signal.SIGKILL:
        pytest.skip("its limit does not hold here: there is swap, or no such limit")
    said = before.why(process.pid)
    assert "for lack of memory" in said
    assert "Linux ended it" in said or "Whether it was this one is not known" in said


def test_a_process_that_somebody_killed_is_not_told_as_one_without_memory(tmp_path: Path, monkeypatch) -> None:
    counts = tmp_path / "vmstat"
    counts.write_text("oom_kill_other 9\noom_kill 4\n")
    monkeypatch.setattr(memory, "MACHINE", counts)
    monkeypatch.setattr(memory, "_group_count", lambda: None)
    before = memory.OomWatch()
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process.kill()
    process.wait()
    assert before.why(process.pid) == "Linux ended no process for lack of memory meanwhile."
    counts.write_text("oom_kill 5\n")
    assert "ended a process of this machine meanwhile for lack of memory" in before.why(process.pid)


def test_where_nobody_tells_it_stays_a_question(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(memory, "MACHINE", tmp_path / "none")
    monkeypatch.setattr(memory, "_group_count", lambda: None)
    assert memory.OomWatch().why(1) == memory.UNKNOWN
    monkeypatch.setattr(memory, "LOG", tmp_path / "kmsg")
    (tmp_path / "kmsg").write_text("6,1,99999999999999,-;Out of memory: Killed process 1 (init) total-vm:1kB")
    assert "its log names pid 1" in memory.OomWatch().why(1)


def test_an_old_line_of_the_log_is_about_an_old_process(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(memory, "LOG", tmp_path / "kmsg")
    (tmp_path / "kmsg").write_text("6,1,12,-;Memory cgroup out of memory: Killed process 77 (python) total-vm:1kB")
    monkeypatch.setattr(memory, "MACHINE", tmp_path / "none")
    monkeypatch.setattr(memory, "_group_count", lambda: None)
    assert memory.OomWatch().why(77) == memory.UNKNOWN
