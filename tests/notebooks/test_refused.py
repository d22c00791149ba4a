"""What the chain refuses before it starts anything, in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import SMOKE, playbook

from playbook.records import runs


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "concurency=[1]"], "No notebook has a parameter named 'concurency'. Did you mean 'concurrency'?"),
        (["--set", "duration_s=long"], "Parameter 'duration_s' must be of type float"),
        (["--only", "strss"], "'strss' is not a verb of the chain"),
        (["--resume", "20200101"], "A run named '20200101' was expected"),
    ],
)
def test_bad_words_are_refused_before_anything_starts(tmp_path: Path, words: list, message: str) -> None:
    done = playbook("run", SMOKE, "--outputs", tmp_path / "o", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "o").exists()


def test_a_params_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text("concurrency: [1, 2")
    done = playbook("run", tmp_path / "broken.yml", "--outputs", tmp_path / "o")
    assert (done.returncode, "broken.yml is not YAML" in done.stderr) == (2, True)


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = playbook("run", SMOKE, "--outputs", tmp_path / "file" / "outputs")
    assert done.returncode == 2
    assert "not writable" in done.stderr


def test_two_runs_of_the_same_second_get_folders_of_their_own(tmp_path: Path) -> None:
    made = {runs.create(tmp_path, Path("quick.yml"), {}).name for _ in range(5)}
    assert len(made) == 5
