"""A run folder has one reader: what is broken in it is told by every command in the same words, and is not fatal."""

import re
from pathlib import Path

import duckdb
import fake_run
import pytest

from playbook.errors import RecordUnreadable
from playbook.monitor import series, usage
from playbook.records import places, record, run_folder, runs, store
from playbook.records.cited import Records

LIB = Path(__file__).parents[3] / "lib" / "playbook"
BROKEN = {
    '{"schema_version": 1, "res': "not readable JSON",
    '{"schema_version": 99}': "has schema 99, this playbook reads up to 1",
    '{"schema_version": "two"}': "has schema two",
    "[1, 2]": "has schema list",
    "\xff": "not readable JSON",
}


@pytest.mark.parametrize(("text", "words"), BROKEN.items())
def test_a_broken_record_is_told_alike_by_every_reader(tmp_path: Path, text: str, words: str) -> None:
    run = tmp_path / "one"
    run.mkdir()
    (run / "tune.json").write_bytes(text.encode("latin-1"))
    (run / "run.json").write_bytes(text.encode("latin-1"))
    for read in (lambda: record.load(run, "tune"), lambda: Records(run).get("tune", "gain"), lambda: runs.note(run)):
        with pytest.raises(RecordUnreadable, match=words):
            read()
    assert words in run_folder.read(run).problems[0]
    assert words in str(places.Local(tmp_path).records()["one"]["tune"])
    assert words in store.query("SELECT problem FROM runs", tmp_path)["problem"][0]
    location = store.query("SELECT problem FROM runs", f"file://{tmp_path}")["problem"]
    assert not len(location) or words in location[0]


def test_levels_outlive_a_stress_that_was_killed(tmp_path: Path) -> None:
    run_folder.keep_levels(tmp_path, [{"level": 0, "throughput_rps": 5.0}])
    assert run_folder.read(tmp_path).levels == [{"level": 0, "throughput_rps": 5.0}]
    record.save(tmp_path, "stress", params={}, results={"levels": [{"level": 0}, {"level": 1}]}, verdict="")
    assert len(run_folder.read(tmp_path).levels) == 2


def test_a_record_that_no_longer_holds_is_kept_under_a_number(tmp_path: Path) -> None:
    for rate in (1, 2):
        record.save(tmp_path, "serve", params={}, results={"rate": rate}, verdict="")
        record.set_aside(tmp_path, "serve")
    assert not record.has(tmp_path, "serve")
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["serve.1.json", "serve.2.json"]
    record.set_aside(tmp_path, "serve")


def test_files_of_an_older_playbook_are_read_with_the_columns_they_have(tmp_path: Path) -> None:
    for table, sql in {
        "metrics": "SELECT 5::BIGINT AS at_ns, 'm' AS name, '{}' AS labels, 2.0 AS value",
        "resources": "SELECT unnest([1, 2, 3])::BIGINT * 1000000000 AS at_ns, 'server' AS who, at_ns / 1e9 AS cpu_s",
    }.items():
        path = tmp_path / "data" / table / "part-00000.parquet"
        path.parent.mkdir(parents=True)
        duckdb.sql(sql).write_parquet(str(path))
    assert series.read(tmp_path, ["m"])
    used = usage.read(tmp_path).used("server", 0, 4 * 10**9)
    assert (used.cores, used.rss_bytes) == (1.0, None)


def test_a_run_without_files_has_no_rows(tmp_path: Path) -> None:
    with store.table(tmp_path, "resources") as db:
        assert db.execute("SELECT count(*) FROM resources").fetchall() == [(0,)]
    assert not len(run_folder.read(tmp_path).rows(0))


def test_requests_of_another_stage_are_not_a_levels_own(tmp_path: Path) -> None:
    run = fake_run.make(tmp_path / "run", seconds=1.0)
    own = len(run_folder.read(run).rows(0))
    tuned = run / "data" / "requests" / "tune_000"
    tuned.mkdir()
    (tuned / "requests.parquet").write_bytes(
        (run / "data" / "requests" / "stress_000" / "requests.parquet").read_bytes()
    )
    assert len(run_folder.read(run).rows(0)) == own > 0


def test_records_are_opened_in_one_room() -> None:
    by_hand = re.compile(r"""/ f"\{verb\}|/ "(?:run|serve|stress|tune|levels)\.json"|/ "data" / LEVELS""")
    users = {path.relative_to(LIB).parts[0] for path in LIB.rglob("*.py") if by_hand.search(path.read_text())}
    assert users == {"records"}
