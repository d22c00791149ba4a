"""A temporary folder goes with its process, however that ends; nobody else's is touched."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from loadgen import temporary

KILLED = """
import os, signal, sys
from pathlib import Path
from loadgen import temporary
with temporary.folder("loadgen-", Path(sys.argv[1])) as made:
    (made / "0.rows").write_bytes(b"12345678")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_goes_when_the_next_folder_is_made(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    mine = tmp_path / "loadgen-results"
    mine.mkdir()
    with temporary.folder("loadgen-", tmp_path) as first, temporary.folder("loadgen-", tmp_path) as second:
        assert not left.exists()
        assert [path.is_dir() for path in (first, second)] == [True, True], "those of the living stay"
        assert temporary.stale("loadgen-", tmp_path) == []
    assert list(tmp_path.iterdir()) == [mine]
