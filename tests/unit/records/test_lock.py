"""A run folder belongs to one chain at a time, and a chain that was killed holds nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from playbook.errors import ParameterError
from playbook.records import lock

HOLDS = (
    "import sys, time\nfrom pathlib import Path\nfrom playbook.records import lock\n"
    "with lock.held(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(600)"
)


@contextmanager
def another(run_dir: Path) -> Iterator[subprocess.Popen]:
    """Another process that holds the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(run_dir)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_folder_that_another_holds_is_refused_with_its_pid_and_free_once_that_is_killed(tmp_path: Path) -> None:
    with another(tmp_path) as process:
        assert lock.holder(tmp_path).pid == process.pid
        for use in (lambda: lock.check_free(tmp_path), lambda: lock.held(tmp_path).__enter__()):
            with pytest.raises(ParameterError, match=rf"still runs \(pid {process.pid}\).*kill -INT {process.pid}"):
                use()
    assert (tmp_path / lock.FILE).read_text(), "it was killed: its note is still there"
    assert lock.holder(tmp_path) is None
    with lock.held(tmp_path):
        assert lock.holder(tmp_path) is not None
    assert lock.holder(tmp_path) is None


def test_where_a_folder_knows_no_locks_the_pid_and_its_start_decide(tmp_path: Path, monkeypatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    with another(tmp_path) as process:
        monkeypatch.setattr(lock.fcntl, "flock", unsupported)
        assert lock.holder(tmp_path).pid == process.pid
        note = (tmp_path / lock.FILE).read_text()
        (tmp_path / lock.FILE).write_text(note.replace('"started": ', '"started": 9'))
        assert lock.holder(tmp_path) is None, "the pid belongs to another by now"
