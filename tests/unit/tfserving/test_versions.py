"""Versions are published whole or not at all, cost no space, and leave nothing behind when they fail."""

import os
import shutil
from pathlib import Path

import pytest

from playbook.errors import PublishFailed, VersionChanged
from playbook.tfserving.batching import Batching
from playbook.tfserving.versions import BATCHING_FILE, batching_of, directory, exported, numbers, prune, publish, switch


@pytest.fixture
def base_path(tmp_path):
    version = tmp_path / "model" / "00000007"
    (version / "variables").mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(b"graph")
    (version / "variables" / "variables.index").write_bytes(b"weights")
    return tmp_path / "model"


def test_a_version_is_a_copy_without_its_weight_on_disk(base_path):
    assert publish(base_path, Batching(max_batch_size=16)) == 8
    old, new = base_path / "00000007", base_path / "8"
    assert os.stat(new / "saved_model.pb").st_ino == os.stat(old / "saved_model.pb").st_ino
    assert batching_of(base_path, 8) == Batching(max_batch_size=16)
    assert batching_of(base_path, 7) is None


def test_what_is_measured_is_the_version_that_export_wrote_and_no_other(base_path):
    assert exported(base_path, 7) == exported(base_path, None) == base_path / "00000007"
    publish(base_path, None)
    for version, seen in ((7, "version 8 is the newest there"), (9, "version 8 is the newest there")):
        with pytest.raises(VersionChanged, match=rf"hold version {version}, which export wrote, and {seen}"):
            exported(base_path, version)
    for number in numbers(base_path):
        shutil.rmtree(directory(base_path, number))
    with pytest.raises(VersionChanged, match="hold a version and none lies there"):
        exported(base_path, None)


def test_parameters_of_one_version_do_not_leak_into_the_next(base_path):
    publish(base_path, Batching(max_batch_size=16))
    publish(base_path, None)
    publish(base_path, Batching(max_batch_size=64))
    assert [batching_of(base_path, n) and batching_of(base_path, n).max_batch_size for n in (8, 9, 10)] == [
        16,
        None,
        64,
    ]
    assert not (directory(base_path, 9) / BATCHING_FILE).exists()


def test_old_versions_go_and_the_spared_one_stays(base_path):
    for size in (8, 16, 32, 64):
        publish(base_path, Batching(max_batch_size=size))
    assert prune(base_path, keep=2, spare=8) == [7, 9]
    assert numbers(base_path) == [8, 10, 11]
    assert all(name.isdecimal() for name in os.listdir(base_path))


@pytest.mark.skipif(not os.path.ismount("/sys"), reason="needs a file system even root cannot write to")
def test_a_read_only_base_path_is_named_and_nothing_is_left_behind(base_path):
    read_only = Path("/sys/kernel")
    before = os.listdir(read_only)
    with pytest.raises(PublishFailed, match="must be writable"):
        publish(read_only, None, source=base_path / "00000007")
    assert os.listdir(read_only) == before


def test_an_empty_base_path_has_nothing_to_copy(tmp_path):
    with pytest.raises(PublishFailed, match="holds no version"):
        publish(tmp_path, None)


def test_a_version_that_fails_to_load_is_removed_and_the_reason_told(base_path):
    told = {"version": "8", "state": "END", "status": {"error_message": "Last entry in allowed_batch_sizes"}}
    answers = iter([[], [told]])
    with pytest.raises(PublishFailed, match="Last entry in allowed_batch_sizes"):
        switch(base_path, Batching(max_batch_size=4), lambda: next(answers), timeout_s=5)
    assert numbers(base_path) == [7]


def test_a_number_that_failed_is_not_taken_again(base_path):
    told = [{"version": "9", "state": "END"}]
    states = iter(
        [told, [*told, {"version": "10", "state": "LOADING"}], [*told, {"version": "10", "state": "AVAILABLE"}]]
    )
    version, _ = switch(base_path, None, lambda: next(states), timeout_s=5)
    assert version == 10


def test_a_server_that_never_takes_the_version_is_told_apart(base_path):
    with pytest.raises(PublishFailed, match="unseen"):
        switch(base_path, None, lambda: [], timeout_s=0.2)
    assert numbers(base_path) == [7]
