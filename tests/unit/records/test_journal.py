"""The change journal keeps every applied configuration, whoever writes it and however often."""

import subprocess
import sys
import time

import pytest

from playbook.records import journal


def test_a_change_is_kept_with_before_after_reason_and_effect(tmp_path):
    begun_ns = time.monotonic_ns()
    at_ns = journal.note(tmp_path, "serve", "--port", None, 8500, "started")
    later_ns = journal.note(tmp_path, "adapt", "batch_timeout_micros", 0, 2000, "rate above 100/s")
    journal.effect(tmp_path, later_ns, "p99 41 ms to 28 ms")
    first, second = journal.read(tmp_path)
    assert begun_ns < at_ns < later_ns
    assert (first["before"], first["after"], first["effect"]) == (None, "8500", None)
    assert second["effect"] == "p99 41 ms to 28 ms"
    assert second["why"] == "rate above 100/s"
    assert abs(second["when_utc"].timestamp() - first["when_utc"].timestamp()) < 5


def test_two_changes_at_one_moment_stay_two(tmp_path):
    names = {journal.note(tmp_path, "tune", name, 1, 2, "", at_ns=7) for name in "abc"}
    assert names == {7, 8, 9}
    assert [row["name"] for row in journal.read(tmp_path)] == ["a", "b", "c"]


def test_an_effect_without_its_change_is_refused(tmp_path):
    journal.note(tmp_path, "tune", "a", 1, 2, "")
    with pytest.raises(KeyError, match="no change was noted"):
        journal.effect(tmp_path, 5, "nothing")
    assert journal.read(tmp_path)[0]["effect"] is None


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    code = (
        "import sys; from pathlib import Path; from playbook.records import journal\n"
        "for n in range(5): journal.note(Path(sys.argv[1]), 'adapt', f'{sys.argv[2]}{n}', n, n + 1, 'a test')"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    rows = journal.read(tmp_path)
    assert sorted(row["name"] for row in rows) == sorted(f"{name}{n}" for name in "abc" for n in range(5))
    assert [row["at_ns"] for row in rows] == sorted(row["at_ns"] for row in rows)


def test_a_run_without_changes_has_none(tmp_path):
    assert journal.read(tmp_path) == []
