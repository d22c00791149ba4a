"""The record: written once, whole, readable later."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from playbook import stopwatch
from playbook.errors import RecordExists, RecordUnreadable
from playbook.records import record
from playbook.records.environment import PACKAGES, environment
from playbook.tfserving.reference import Reference

LIB = Path(__file__).parents[3] / "lib"


def save(run: Path, **results: object) -> dict:
    return record.save(run, "stress", params={"seed": 7}, results=results, verdict="It holds.")


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    kept = save(tmp_path, rate_rps=np.float64(812.5), missing=None)
    assert record.load(tmp_path, "stress") == kept
    assert kept["results"] == {"rate_rps": 812.5, "missing": None}
    assert {"schema_version", "params", "environment", "results", "warnings", "verdict"} <= kept.keys()


def test_a_record_is_written_once(tmp_path: Path) -> None:
    save(tmp_path, a=1)
    with pytest.raises(RecordExists, match=r"stress\.json stands already"):
        save(tmp_path, a=2)
    assert record.load(tmp_path, "stress")["results"]["a"] == 1


def test_the_scratch_run_may_be_rewritten(tmp_path: Path) -> None:
    save(tmp_path / "dev", a=1)
    assert save(tmp_path / "dev", a=2)["results"]["a"] == 2


def test_seconds_of_measuring_are_told_once(tmp_path: Path) -> None:
    stopwatch.take()
    stopwatch.add(2.5)
    assert save(tmp_path / "one")["measured_s"] == 2.5
    assert save(tmp_path / "two")["measured_s"] == 0.0


def test_a_nan_raises_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        save(tmp_path, p99_ms=float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_record_names_the_notebook_to_run(tmp_path: Path) -> None:
    with pytest.raises(RecordUnreadable, match="Run the 'tune' notebook first"):
        record.load(tmp_path, "tune")


@pytest.mark.parametrize(("text", "words"), [("{", "not readable JSON"), ('{"schema_version": 99}', "schema 99")])
def test_a_record_that_cannot_be_read_says_why(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "stress.json").write_text(text)
    with pytest.raises(RecordUnreadable, match=words):
        record.load(tmp_path, "stress")


def test_parquet_comes_back_by_sql(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "data" / "rows.parquet"
    record.write_parquet(path, pd.DataFrame({"sent_ns": [1, 2, 3]}))
    assert duckdb.sql(f"SELECT sum(sent_ns) FROM '{path}'").fetchall() == [(6,)]
    assert [item.name for item in path.parent.iterdir()] == ["rows.parquet"]


def test_the_environment_tells_machine_versions_and_commit() -> None:
    seen = environment()
    assert seen["cores"] >= 1
    assert seen["packages"]["tensorflow"]
    json.dumps(seen, allow_nan=False)


def test_every_version_in_a_record_is_of_a_package_the_library_imports() -> None:
    modules = {"tensorflow-serving-api": "tensorflow_serving", "grpcio": "grpc"}
    source = "\n".join(path.read_text() for path in LIB.rglob("*.py"))
    for package in PACKAGES:
        assert re.search(rf"^\s*(?:import|from) {modules.get(package, package)}\b", source, re.MULTILINE), package


def test_no_module_cites_the_design_notes_that_are_not_in_the_repository() -> None:
    assert not [path.name for path in LIB.rglob("*.py") if re.search(r"\b(design|house)\.md", path.read_text())]


def test_reference_rows_survive_exactly(tmp_path: Path) -> None:
    texts = np.empty(3, dtype=object)
    texts[:] = [b"\x89PNG\x00\x00", b"", b"\x00"]
    made = Reference("serving_default", {"image": texts, "x": np.eye(3, dtype=np.float32)}, {"y": np.arange(3)})
    made.save(tmp_path)
    read = Reference.load(tmp_path)
    assert read.signature == "serving_default"
    assert list(read.inputs["image"]) == list(texts)
    np.testing.assert_array_equal(read.inputs["x"], made.inputs["x"])
    assert read.slice(1, 3).outputs["y"].tolist() == [1, 2]
    assert len(read) == 3


def test_a_run_without_reference_rows_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(RecordUnreadable, match="Run the 'export' notebook first"):
        Reference.load(tmp_path)
