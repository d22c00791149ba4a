"""Processes are named by pid and start; one that nobody has asked for yet has ended all the same."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from playbook.records.process import begun_s, ended, living

GRANDCHILD = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'pass'])\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(60)\n"
)


@pytest.fixture
def parent():
    """A process that never asks for its child."""
    with subprocess.Popen([sys.executable, "-c", GRANDCHILD], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_one_that_its_parent_has_not_asked_for_has_ended(parent):
    pid = int(parent.stdout.readline())
    assert ended(pid, None, within_s=30.0)
    assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_one_that_runs_on_has_not_ended_and_a_child_of_ours_is_no_zombie_afterwards():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        started = begun_s(psutil.Process(process.pid))
        assert not ended(process.pid, started, within_s=0.05)
        process.kill()
        assert ended(process.pid, started, within_s=30.0)
        assert not psutil.pid_exists(process.pid)
        assert living(process.pid, started) is None


def test_no_process_and_one_of_another_start_have_ended():
    assert ended(None, None, within_s=0.0)
    mine = psutil.Process()
    assert ended(mine.pid, begun_s(mine) - 60.0, within_s=0.0)
