"""A chain in poor surroundings (few files, another locale, nobody's home, a full disk) says so, or goes on."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import PLAYBOOK, ROOT, SMOKE
from rich.console import Console

from playbook.chain import pipeline, temporary
from playbook.chain.terminal import StageLine
from playbook.errors import NotWritten, ParameterError
from playbook.records import record, runs


def test_too_few_files_to_open_are_told_before_anything_starts(tmp_path: Path) -> None:
    words = f"ulimit -n 64; exec {PLAYBOOK} run {SMOKE} --outputs {tmp_path / 'outputs'}"
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.startswith("A process may open 64 files here, and a chain needs 256")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "outputs").exists()


def test_a_locale_without_utf8_changes_nothing_that_is_read() -> None:
    poor = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    words = [PLAYBOOK, "run", str(SMOKE), "--set", "duration=1"]  # what notebooks declare is read to refuse it
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, env=poor)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'duration'" in done.stderr
    assert "duration_s" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_path_that_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    with pytest.raises(ParameterError, match="bytes that are no UTF-8"):
        pipeline.prepare(SMOKE, folder, {}, [], None, None)


def test_where_nobody_may_write_at_home_kernels_keep_their_things_elsewhere(monkeypatch) -> None:
    for name in temporary.AT_HOME:
        monkeypatch.delenv(name, raising=False)
    with temporary.folder():
        assert "IPYTHONDIR" not in os.environ, "at home, where one may write there"
    monkeypatch.setenv("HOME", "/proc")
    with temporary.folder() as made:
        assert {Path(os.environ[name]).parent for name in temporary.AT_HOME} == {made}
    assert "IPYTHONDIR" not in os.environ
    assert not made.exists()


def test_a_run_that_cannot_take_over_what_it_builds_on_is_not_left_behind(tmp_path: Path) -> None:
    base = runs.create(tmp_path, SMOKE, {}, ["export"])
    version = base / "models" / "m" / "1"
    version.mkdir(parents=True)
    for name in ("saved_model.pb", "variables"):
        (version / name).write_bytes(b"x" * 9000)
    record.save(base, "export", params={}, results={"base_path": "models/m"}, verdict="")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, before[1]))  # no file may grow over it, as on a full disk
    try:
        with pytest.raises(NotWritten, match=r"models/m/1/\w+.* could not be written \(File too large\)"):
            pipeline.prepare(SMOKE, tmp_path, {}, ["serve"], None, base.name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == [base.name]


def test_a_log_on_a_full_disk_ends_no_run() -> None:
    full = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115 (closing it raises)
    StageLine(Console(file=full)).done("stress", 1.0, "said to nobody")
    with pytest.raises(OSError, match="No space left"):
        full.close()


def test_who_reads_the_lines_may_go_after_the_first(tmp_path: Path) -> None:
    code = (
        "import sys; from playbook.chain.terminal import StageLine; line = StageLine(); line.say('first'); "
        "sys.stdin.read(); line.say('second'); line.say('third'); sys.exit(7)"
    )
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as told:
        assert told.stdout.readline() == "first\n"
        told.stdout.close()
        told.stdin.close()
        assert (told.wait(), told.stderr.read()) == (7, "")
