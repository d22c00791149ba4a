"""`playbook stop` ends what was left behind, finds servers whose folder is gone, and leaves a run that runs alone."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import command
import psutil
import published_run
import pytest

from playbook.records import lock
from playbook.serve import leftovers, serve
from playbook.serve.handle import Handle


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_run.published(tmp_path_factory.mktemp("exported"))


def test_stop_leaves_a_run_that_runs_alone_and_ends_what_others_left_with_a_folder_or_without(
    tmp_path: Path, base: Path
) -> None:
    spec = serve.from_parameters({"server": "embedded", "model_name": "digits"}, base)
    running, left, gone = (tmp_path / name for name in ("20260101T000000Z-a", "20260101T000000Z-b", "removed"))
    servers = {folder: serve.start(spec, folder, 120) for folder in (running, left, gone)}
    (running / "run.json").write_text('{"started_utc": "2026-01-01"}')
    shutil.rmtree(gone)
    try:
        with lock.held(running):
            done = command.playbook("stop", "--outputs", tmp_path)
            assert f"{running.name} still runs (pid" in done.stdout
            assert "--force ends them" in done.stdout
            assert f"Stopped the embedded server of 'digits' ({servers[left].pid})" in done.stdout
            assert f"Stopped the server of {gone}, which is gone ({servers[gone].pid})" in done.stdout
            assert [servers[folder].process() is None for folder in (running, left, gone)] == [False, True, True]
            one = command.playbook("stop", running.name, "--outputs", tmp_path)
            assert (one.returncode, servers[running].process() is None) == (1, False)
            forced = command.playbook("stop", running.name, "--force", "--outputs", tmp_path)
            assert (forced.returncode, servers[running].process()) == (0, None)
    finally:
        for handle in servers.values():
            serve.stop(handle)


def test_a_server_whose_folder_stands_and_another_program_are_no_orphans(tmp_path: Path) -> None:
    flag = f"--monitoring_config_file={tmp_path}/config/serve/monitoring.config"
    others = [
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", word]) for word in (flag, "--port=1")
    ]
    try:
        leftovers.stop_orphans()
        assert [process.poll() for process in others] == [None, None]
    finally:
        for process in others:
            process.kill()
            process.wait()


def test_a_server_whose_starter_was_killed_before_it_had_noted_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = f"--monitoring_config_file={tmp_path}/config/serve/monitoring.config"
    sleep = [sys.executable, "-c", "import time; time.sleep(60)", flag]
    starter = f"import subprocess as s; print(s.Popen({sleep!r}, stdout=s.DEVNULL, stderr=s.DEVNULL).pid)"
    pid = int(subprocess.run([sys.executable, "-c", starter], capture_output=True, text=True, check=True).stdout)
    left = psutil.Process(pid)
    monkeypatch.setattr(leftovers, "INIT", left.ppid())  # 1, or whoever else adopts orphans here
    handle = Handle("embedded", "digits", "", "", "", "", [], [], pid=pid)
    try:
        note = handle.note(tmp_path, "serve")
        assert not [words for words in leftovers.stop_orphans() if str(pid) in words]
        note.unlink()
        assert f"server of {tmp_path}, which has no note of it ({pid})" in leftovers.stop_orphans()
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            left.kill()
