"""Publishing: a whole version by one rename, or none; no version is ever overwritten."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from playbook.errors import PublishFailed
from playbook.export import publish
from playbook.tfserving import versions


def staged(base: Path, content: str = "graph") -> Path:
    place = publish.stage(base)
    path = place / "as_trained"
    (path / "variables").mkdir(parents=True)
    (path / "saved_model.pb").write_text(content)
    (path / "variables" / "variables.index").write_text("index")
    return path


def test_versions_count_up_and_older_ones_are_left_alone(tmp_path: Path) -> None:
    assert [publish.publish(staged(tmp_path, text), tmp_path) for text in ("a", "b")] == [1, 2]
    assert (tmp_path / "1" / "saved_model.pb").read_text() == "a"
    assert (tmp_path / "2" / "saved_model.pb").read_text() == "b"


def test_the_next_number_is_after_the_highest(tmp_path: Path) -> None:
    (tmp_path / "00041").mkdir()
    assert publish.publish(staged(tmp_path), tmp_path) == 42


def test_a_version_that_exists_is_never_overwritten(tmp_path: Path) -> None:
    publish.publish(staged(tmp_path, "first"), tmp_path, 7)
    with pytest.raises(PublishFailed, match=r"/7 exists.*never overwritten.*next free number \(8\)"):
        publish.publish(staged(tmp_path, "second"), tmp_path, 7)
    assert (tmp_path / "7" / "saved_model.pb").read_text() == "first"


def test_a_number_written_with_zeros_is_the_same_version(tmp_path: Path) -> None:
    (tmp_path / "007").mkdir()
    with pytest.raises(PublishFailed, match="never overwritten"):
        publish.publish(staged(tmp_path), tmp_path, 7)


def test_a_file_in_the_way_is_not_overwritten_either(tmp_path: Path) -> None:
    (tmp_path / "1").write_text("notes")
    with pytest.raises(PublishFailed, match="never overwritten"):
        publish.publish(staged(tmp_path), tmp_path, 1)
    assert (tmp_path / "1").read_text() == "notes"


def test_a_staging_place_is_invisible_to_servers_and_goes_when_something_fails(tmp_path: Path) -> None:
    place = publish.stage(tmp_path)
    assert versions.numbers(tmp_path) == []
    (place / "half").write_text("half")
    with pytest.raises(KeyError), publish.writing(place):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_publishes_nothing_and_names_the_remedy(tmp_path: Path) -> None:
    place = publish.stage(tmp_path)
    (place / "graph.pb").write_text("half of a graph")
    says = r"No space left on device\. The disk is full \(\d+ MiB free\).*run_dir"
    with pytest.raises(PublishFailed, match=says), publish.writing(place):
        Path("/dev/full").write_text("the other half")  # every write there fails as on a full disk
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_really_full_publishes_nothing(tmp_path: Path) -> None:
    """A file size limit makes the kernel refuse, in the middle of the training's result."""
    code = (
        "import resource, signal; from pathlib import Path; from playbook.export import publish\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"place = publish.stage(Path({str(tmp_path)!r}))\n"
        "with publish.writing(place):\n    (place / 'variables.data').write_bytes(bytes(100_000))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "PublishFailed: No version was published" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_place_nobody_may_write_is_named() -> None:
    with pytest.raises(PublishFailed, match=r"under /proc/models.*Check that the run folder exists and is writable"):
        publish.stage(Path("/proc/models/m"))


def test_a_base_path_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    with pytest.raises(PublishFailed, match="Check that the run folder exists and is writable"):
        publish.stage(tmp_path / "models" / "m")


def test_what_a_killed_export_left_is_swept_up(tmp_path: Path) -> None:
    left = tmp_path / f"{publish.STAGING}999999999-1"
    left.mkdir()
    mine = publish.stage(tmp_path)
    assert list(tmp_path.iterdir()) == [mine]


def test_a_staging_place_goes_when_the_process_ends(tmp_path: Path) -> None:
    code = "import sys, pathlib as p; from playbook.export import publish; print(publish.stage(p.Path(sys.argv[1])))"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert publish.STAGING in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_fingerprint_is_of_graph_and_variables_alone(tmp_path: Path) -> None:
    path = staged(tmp_path)
    before = publish.fingerprint(path)
    (path / "assets.extra").mkdir()
    (path / "assets.extra" / "tf_serving_warmup_requests").write_text("warm")
    (path / "batching_params.pbtxt").write_text("max_batch_size { value: 8 }")
    assert publish.fingerprint(path) == before
    (path / "variables" / "variables.index").write_text("other")
    assert publish.fingerprint(path) != before


def test_quota_counts_as_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(PublishFailed, match="The disk is full"), publish.writing(publish.stage(tmp_path)):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
