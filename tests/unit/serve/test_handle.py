"""The process behind a handle: found again by pid and start, whatever happens to the wall clock meanwhile."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from playbook.records.process import begun_s, living


@pytest.fixture
def process() -> Iterator[psutil.Process]:
    started = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield psutil.Process(started.pid)
    started.kill()
    started.communicate()


def test_a_process_is_found_until_it_has_ended(process: psutil.Process) -> None:
    begun = begun_s(process)
    assert living(process.pid, begun) == process
    process.kill()
    process.wait()
    assert living(process.pid, begun) is None


def test_a_pid_that_was_given_out_again_is_not_taken_for_the_server(process: psutil.Process) -> None:
    assert living(process.pid, begun_s(process) - 5) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the boot time of Linux's /proc/stat")
def test_a_clock_that_is_set_does_not_lose_the_server(process: psutil.Process, monkeypatch: pytest.MonkeyPatch) -> None:
    from psutil import _pslinux

    begun, told, boot = begun_s(process), process.create_time(), _pslinux.boot_time()
    monkeypatch.setattr(_pslinux, "boot_time", lambda: boot + 3600)  # the clock was set an hour on
    assert psutil.Process(process.pid).create_time() == pytest.approx(told + 3600), "psutil's own time has moved"
    assert living(process.pid, begun) is not None
