"""The page's time axes: every stage that held load has its still picture there."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from playbook.drawing import timeline
from playbook.drawing.moving import SECONDS
from playbook.drawing.palette import LIGHT
from playbook.records import record, run_folder
from playbook.report import over_time

EXAMPLE = Path(__file__).parents[3] / "outputs" / "example"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> run_folder.RunFolder:
    """The example with the seconds of its moving load."""
    folder = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("over_time") / "run")
    told = record.load(folder, "adapt")["results"]["contenders"]
    second = {"second": [0, 1], "began_ns": 10**9, "offered": [900, 2000], "p99_ms": [np.nan, 4.0], "slowest_ms": 9.0}
    frames = [pd.DataFrame({**second, "contender": one["name"]}) for one in told]
    record.write_parquet(record.data_dir(folder) / SECONDS, pd.concat(frames))
    return run_folder.read(folder)


def test_stress_prove_and_adapt_stand_in_the_record_as_pictures(run: run_folder.RunFolder) -> None:
    pictures: dict = {}
    text = over_time.section(run, None, pictures)
    assert [Path(name).stem for name in pictures] == ["timeline", "timeline_proven", "moving_load"]
    assert "**Proven configuration**" in text
    kept = record.load(run.run_dir, "adapt")["results"]["contenders"]
    for one in kept:
        assert f"{one['name']} kept {one['kept_s']} of 2 seconds" in pictures["figures/moving_load.svg"].alt
    figure = Figure()
    pictures["figures/moving_load.svg"].draw(figure, LIGHT)
    assert len(figure.axes) == 2 * len(kept)


def test_a_level_of_one_second_is_seen(run: run_folder.RunFolder) -> None:
    figure = Figure()
    timeline.picture(timeline.read(run), 50.0).draw(figure, LIGHT)
    rate = figure.axes[0].lines[0]
    assert rate.get_marker() != "None"
    assert np.isfinite(rate.get_ydata()).sum() >= len(run.levels)


def test_what_was_not_kept_is_left_out(run: run_folder.RunFolder, tmp_path: Path) -> None:
    alone = shutil.copytree(run.run_dir, tmp_path / "alone")
    (alone / "data" / SECONDS).unlink()
    (alone / "prove.json").unlink()
    pictures: dict = {}
    over_time.section(run_folder.read(alone), None, pictures)
    assert "figures/moving_load.svg" not in pictures
