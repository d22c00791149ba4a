"""Memory that is free is what the machine has, and no more than the control groups of this process leave."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from playbook.errors import ModelError
from playbook.export import lowering
from playbook.export.free_memory import free_bytes


def group(folder: Path, names: tuple[str, str], limit: str, taken: int, cache: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{taken}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{cache}\n")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own").write_text("3:cpu,cpuacct:/x\n4:memory:/box\n0::/outer/inner\n")
    return tmp_path / "own"


def test_the_tightest_limit_of_a_group_or_one_above_it_counts_and_cached_files_are_free(
    own: Path, tmp_path: Path
) -> None:
    second = ("memory.max", "memory.current")
    group(tmp_path / "outer" / "inner", second, "max", 50, "inactive_file 0")
    assert free_bytes(tmp_path, own) > 1 << 20  # no limit: the machine's
    group(tmp_path / "outer", second, "1000", 700, "inactive_file 200")
    assert free_bytes(tmp_path, own) == 500
    group(tmp_path / "memory" / "box", ("memory.limit_in_bytes", "memory.usage_in_bytes"), "400", 90,
          "total_inactive_file 10")  # fmt: skip
    assert free_bytes(tmp_path, own) == 320
    group(tmp_path / "outer" / "inner", second, "60", 70, "inactive_file 0")
    assert free_bytes(tmp_path, own) == 0


def test_without_control_groups_the_machine_tells(tmp_path: Path) -> None:
    assert 0 < free_bytes(tmp_path, tmp_path / "none") <= psutil.virtual_memory().total
    assert 0 < free_bytes() <= psutil.virtual_memory().total


def test_a_conversion_that_would_take_more_than_half_of_what_is_free_is_refused_with_both_figures(
    tmp_path: Path,
) -> None:
    with (tmp_path / "weights").open("wb") as file:
        os.truncate(file.fileno(), 1000)
        lowering._check_memory(tmp_path)
        os.truncate(file.fileno(), psutil.virtual_memory().total)  # takes no space
    with pytest.raises(ModelError, match=r"would take about \S+ GB of memory to convert it, and \S+ GB are free"):
        lowering._check_memory(tmp_path)
