"""Who controls a server under load leaves it its cores."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from playbook.serve.cores import NICENESS, step_aside


def _seen() -> tuple[set[int], int]:
    return os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="threads have cores and niceness of their own on Linux")
@pytest.mark.parametrize("named", [True, False])
def test_a_thread_steps_aside_and_no_other_does(named):
    before = cores, _ = _seen()
    chosen = {max(cores)} if named else cores
    with ThreadPoolExecutor(1, "aside", step_aside, (tuple(chosen) if named else (),)) as pool:
        assert pool.submit(_seen).result() == (chosen, NICENESS)
        with ThreadPoolExecutor(1) as started_by_it:
            assert pool.submit(lambda: started_by_it.submit(_seen).result()).result() == (chosen, NICENESS)
    assert _seen() == before
