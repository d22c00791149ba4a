"""Every table of a run as a DataFrame in one line."""

from pathlib import Path

import fake_run
import pytest

from playbook import records
from playbook.errors import ParameterError, QueryFailed
from playbook.records import run_folder, tables


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_run.make(tmp_path_factory.mktemp("outputs") / "20260101T000000Z-quick", seconds=1.0)


def test_requests_come_with_their_latency(run: Path) -> None:
    frame = records.frame(run, "requests")
    level = run_folder.read(run).levels[0]
    held = frame[(frame["level"] == 0) & frame["error"].isna()]
    assert held["latency_ms"].quantile(0.5) == pytest.approx(level["latency_p50_ms"], rel=0.05)
    assert frame[frame["error"].notna()]["latency_ms"].isna().all()
    assert set(frame["run_id"]) == {run.name}


@pytest.mark.parametrize("table", list(tables.documented()))
def test_each_table_has_its_documented_columns(run: Path, table: str) -> None:
    frame = records.frame(run_folder.read(run), table)
    assert {column.name for column in tables.documented()[table]} <= set(frame.columns)


def test_another_name_or_place_is_a_sentence(run: Path) -> None:
    with pytest.raises(ParameterError, match="'request' was asked for; a run has runs, levels, drills, requests"):
        records.frame(run, "request")
    with pytest.raises(QueryFailed, match="no such folder"):
        records.frame(str(run.parent / "nowhere"), "requests")
