"""`python -m playbook.serve.watcher OWNER SINCE NOTE` ends the server of a note when its owner has ended.

A SIGKILL or a closed terminal leaves the owner no time to end what it started; a server that goes on beside the next
measurement falsifies it. The watcher waits for either to end, without asking again and again where Linux tells it.
"""

from __future__ import annotations

import os
import select
import sys
import time
from pathlib import Path

from playbook.records.process import living
from playbook.serve import container_state, serve
from playbook.serve.handle import Handle

LOOK_EVERY_S = 0.5  # where nothing tells of an end: containers, and systems without pidfd
LOOKS_AN_ASK = 10  # looks for each time the engine is asked whether a container is still there


def watch(owner: int, since: float, note: Path) -> None:
    """Wait until the owner or the server has ended; a server that lives then is ended, and its note removed.

    A container that has stopped is still its owner's to remove; only one that is gone ends the watch.
    """
    handle, looks = Handle.read(note), 0
    while living(owner, since) is not None:
        if handle.pid and handle.process() is None:
            return
        if not note.exists():  # the run has ended it, or was removed as a whole
            if not note.parent.exists():
                break
            return
        looks += 1
        if handle.container_id and looks % LOOKS_AN_ASK == 0 and container_state.gone(handle.container_id):
            return
        _wait(owner, handle.pid)
    serve.stop(handle)
    note.unlink(missing_ok=True)


def _wait(*pids: int | None) -> None:
    """Return when one of these processes has ended, or after a while."""
    if not hasattr(os, "pidfd_open") or None in pids:
        return time.sleep(LOOK_EVERY_S)
    files = []
    try:
        files = [os.pidfd_open(pid) for pid in pids if pid]
        select.select(files, [], [], 10 * LOOK_EVERY_S)
    except OSError:  # one has ended already
        time.sleep(0.05)
    finally:
        for file in files:
            os.close(file)


if __name__ == "__main__":
    watch(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
