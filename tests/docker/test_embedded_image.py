"""What the helper that builds the test image leaves behind when it fails: never a removal across a mount."""

import os
import subprocess
from pathlib import Path

import embedded_image
import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@pytest.fixture
def precious(tmp_path):
    """A folder that stands for /proc: mounted elsewhere, it must never lose a file."""
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "file").write_text("kept")
    return folder


def bind(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    done = subprocess.run(["mount", "--bind", source, target], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no right to mount here: {done.stderr.strip()}")


def test_a_mount_that_a_failure_left_is_undone_before_the_folder_goes(precious, tmp_path):
    with pytest.raises(KeyError), embedded_image.unmounted_after(tmp_path) as folder:  # noqa: PT012
        bind(precious, folder / "debian" / "proc")
        raise KeyError("debootstrap failed")
    assert (precious / "file").read_text() == "kept"
    assert not folder.exists()


def test_a_mount_that_stays_keeps_the_folder_and_is_named(precious, tmp_path, monkeypatch):
    run = subprocess.run
    with pytest.raises(RuntimeError, match="still mounted"), embedded_image.unmounted_after(tmp_path) as folder:  # noqa: PT012
        bind(precious, folder / "debian" / "proc")
        monkeypatch.setattr(subprocess, "run", lambda *words, **more: None)
    monkeypatch.setattr(subprocess, "run", run)
    assert (folder / "debian" / "proc" / "file").read_text() == "kept"
    run(["umount", folder / "debian" / "proc"], check=True)
    assert (precious / "file").read_text() == "kept"
