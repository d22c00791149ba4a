"""A file of a run is whole or is not there, whoever writes it and whatever ends the writer."""

import os
import re
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from playbook.errors import NotWritten
from playbook.records import journal, record, whole_file
from playbook.tfserving.reference import Reference

LIB = Path(__file__).parents[3] / "lib" / "playbook"
KILLED = """
import os, signal, sys
from pathlib import Path
from playbook.records import whole_file
with whole_file.writing(Path(sys.argv[1])) as part:
    part.write_text("half of the n")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_while_writing(path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False).returncode == -signal.SIGKILL


def test_a_kill_while_writing_leaves_the_file_that_stood_there(tmp_path: Path) -> None:
    path = whole_file.write_text(tmp_path / "run" / "tune.json", "the old text")
    kill_while_writing(path)
    assert path.read_text() == "the old text"
    kill_while_writing(path.with_name("new.json"))
    assert not path.with_name("new.json").exists()


def test_what_a_killed_writer_left_is_hidden_has_one_name_and_is_swept(tmp_path: Path) -> None:
    kill_while_writing(tmp_path / "rows.parquet")
    (leftover,) = tmp_path.iterdir()
    assert re.fullmatch(r"\.rows\.parquet\.\d+-0\.part", leftover.name)
    (tmp_path / ".mine.part").write_text("somebody else's")
    with whole_file.writing(tmp_path / "now.json") as living:
        living.write_text("x")
        assert whole_file.sweep(tmp_path) == [leftover]
        assert living.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.part", "now.json"]


def test_a_record_that_is_written_sweeps_what_killed_writers_left_in_its_run(tmp_path: Path) -> None:
    kill_while_writing(tmp_path / "data" / "trials.parquet")
    kill_while_writing(tmp_path / "record.md")
    record.save(tmp_path, "tune", params={}, results={}, verdict="")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["data", "tune.json"]


def test_a_block_that_raises_leaves_nothing_of_the_new_file(tmp_path: Path) -> None:
    path = whole_file.write_bytes(tmp_path / "a", b"old")

    def fail() -> None:
        with whole_file.writing(path) as part:
            part.write_bytes(b"new")
            raise KeyError("something else")

    with pytest.raises(KeyError):
        fail()
    assert {item.name: item.read_bytes() for item in tmp_path.iterdir()} == {"a": b"old"}


def test_a_private_file_is_private_from_its_first_byte_on(tmp_path: Path) -> None:
    with whole_file.writing(tmp_path / "secret", whole_file.PRIVATE) as part:
        assert stat.S_IMODE(part.stat().st_mode) == 0o600
        part.write_text("s3cret")
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert whole_file.write_text(tmp_path / "open", "x").stat().st_mode & 0o777 == 0o666 & ~_umask()


def test_a_folder_that_cannot_be_written_to_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(NotWritten, match=r"stress\.json could not be written \(.*\).*--outputs"):
        record.save(tmp_path / "file", "stress", params={}, results={}, verdict="")
    with pytest.raises(NotWritten, match="Free space"):
        whole_file.write_text(tmp_path / "file" / "deep" / "x", "")


@pytest.fixture
def full_disk():
    """No file may grow over 4 kB, as on a disk that is full: writes end with an error of the operating system."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_the_old_file_and_no_traceback_of_a_library(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random(20_000)
    writers = {
        "text.json": lambda path: whole_file.write_text(path, "x" * 10_000),
        "rows.parquet": lambda path: record.write_parquet(path, pd.DataFrame({"x": noise})),
    }
    for name, write in writers.items():
        (tmp_path / name).write_bytes(b"old")
        with pytest.raises(NotWritten, match=rf"{name} could not be written"):
            write(tmp_path / name)
        assert (tmp_path / name).read_bytes() == b"old"
    with pytest.raises(NotWritten, match=r"reference\.npz could not be written"):
        Reference("s", {"x": noise}, {"y": noise}).save(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["data", "rows.parquet", "text.json"]


def test_every_writer_of_a_run_leaves_the_final_name_alone(tmp_path: Path) -> None:
    journal.note(tmp_path, "serve", "flags", None, "x", "asked")
    record.write_parquet(tmp_path / "data" / "trials.parquet", pd.DataFrame({"a": [1]}))
    Reference("s", {"x": np.eye(2)}, {"y": np.eye(2)}).save(tmp_path)
    names = {path.name for path in (tmp_path / "data").iterdir()}
    assert names == {".changes.lock", "changes.parquet", "trials.parquet", "reference.npz"}


def test_only_one_module_renames_files_into_place() -> None:
    own = re.compile(r"NamedTemporaryFile|mkstemp|os\.replace\(|\"\.part|\.part\"|part\.replace\(")
    users = sorted(path.name for path in LIB.rglob("*.py") if own.search(path.read_text()))
    assert users == ["publishing.py", "whole_file.py"]  # publishing renames whole folders


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
