"""Who else used the machine, asked while something is held."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from playbook.monitor import beside, usage

SPIN = "import time; end = time.time() + 20\nwhile time.time() < end: pass"
LAUNCH = f"""
import subprocess, sys
quiet = subprocess.DEVNULL
print(subprocess.Popen([sys.executable, "-c", {SPIN!r}], stdout=quiet, stderr=quiet, start_new_session=True).pid)
"""


def test_a_process_that_is_nobodys_child_here_counts_as_another() -> None:
    pid = int(subprocess.run([sys.executable, "-c", LAUNCH], capture_output=True, text=True, check=True).stdout)
    try:
        with beside.others(beside.ours(None)) as seen:
            time.sleep(1.0)
    finally:
        os.kill(pid, signal.SIGKILL)
    assert seen[0] > 0.2
    assert "other processes used" in str(usage.disturbance(seen, 1))


def test_what_a_child_used_until_its_end_is_ours() -> None:
    trees = beside.ours(None)
    with beside.sampled(trees) as used_s:
        before = used_s()
        child = subprocess.Popen([sys.executable, "-c", SPIN])
        end = time.monotonic() + 30
        while used_s()[1] - before[1] < 0.1 and time.monotonic() < end:
            time.sleep(0.1)
        child.kill()
        child.wait()
        after = used_s()
    assert after[1] - before[1] >= 0.1


def test_next_to_nothing_is_no_disturbance() -> None:
    assert usage.disturbance([0.1, None], 2) is None
    assert usage.disturbance([], 2) is None
    assert usage.disturbance([0.1, 1.25], 2) == "other processes used 1.2 of 2 cores"
