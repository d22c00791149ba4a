"""SQL over all records: documented columns, nothing broken by killed runs or other schemas, ready-made questions."""

import json
import shutil
import time

import command
import duckdb
import fake_run
import pandas as pd
import pytest

from playbook.errors import ParameterError, QueryFailed
from playbook.records import parquet, queries, record, store, tables


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    fake_run.make(folder / "20260101T000000Z-quick", seed=1)
    fake_run.make(folder / "20260102T000000Z-quick", seed=2, slow=1.2)
    return folder


def test_every_view_has_the_documented_columns_whether_or_not_there_are_files(outputs, tmp_path):
    for place in (outputs, tmp_path):
        with store.connect(place) as db:
            for view, columns in tables.documented().items():
                seen = [(name, str(kind)) for name, kind, *_ in db.execute(f'DESCRIBE "{view}"').fetchall()]
                wanted = [(column.name, column.type) for column in columns]
                assert seen[: len(wanted)] == wanted, view


def test_percentiles_are_exact_and_failed_requests_stay_out(tmp_path):
    run = tmp_path / "one"
    frame = pd.DataFrame({"level": [0] * 101, "worker": 0, "scheduled_ns": 0, "sent_ns": 0})
    frame = frame.assign(done_ns=[n * 10**6 for n in range(1, 102)], status=200, bytes=1)
    frame["error"] = [None] * 100 + ["timeout"]
    record.write_parquet(run / "data" / "requests" / "stress_000" / "requests.parquet", frame)
    found = store.query(queries.QUERIES["percentiles"].sql, tmp_path)
    assert found["answers"].tolist() == [100]
    assert found["p50_ms"][0] == 50.5
    assert found[["p95_ms", "p99_ms"]].isna().all(axis=None), "five and one of them lie beyond"
    errors = store.query(queries.QUERIES["errors"].sql, tmp_path)
    assert dict(zip(errors["kind"], errors["requests"], strict=True)) == {"none": 100, "timeout": 1}
    assert errors["share"].sum() == pytest.approx(1.0)


def test_runs_and_levels_are_read_from_the_records(outputs):
    runs = store.query("SELECT run_id, model, server, best_rps, limit_ms, problem FROM runs ORDER BY 1", outputs)
    assert runs["run_id"].tolist() == ["20260101T000000Z-quick", "20260102T000000Z-quick"]
    assert set(runs["model"]) == {"digits"}
    assert runs["best_rps"][0] > runs["best_rps"][1] * 0.99
    levels = store.query("SELECT run_id, count(*) AS n, max(latency_p99_ms) AS worst FROM levels GROUP BY 1", outputs)
    assert levels["n"].tolist() == [4, 4]


@pytest.mark.parametrize(("held", "rate"), [({"valid_windows": 0}, None), ({"valid_windows": 1}, 2000.0), ({}, None)])
def test_a_rate_counts_as_held_where_a_window_of_it_was_valid(tmp_path, held, rate):
    """A proof whose server died in the levels has held nothing; that of an INVALID window is no rate that was held."""
    proof = {"rate_rps": 2000.0, "answer": "NOT PROVEN", "held": held and {**held, "latency_p99_ms": 3.5}}
    record.save(tmp_path / "one", "prove", params={}, results=proof, verdict="said")
    found = store.query("SELECT held_rps, held_p99_ms FROM runs", tmp_path).astype(object)
    assert found.where(found.notna(), None).to_numpy().tolist() == [[rate, rate and 3.5]]


@pytest.mark.parametrize(("valid", "rate"), [(True, 900.0), (False, None), (None, 900.0)])
def test_a_tuned_rate_of_an_invalid_window_is_no_rate_of_the_index(tmp_path, valid, rate):
    best = {"rate_rps": 900.0} | ({} if valid is None else {"valid": valid})
    record.save(tmp_path / "one", "tune", params={}, results={"best": best}, verdict="said")
    found = store.query("SELECT tuned_rps FROM runs", tmp_path).astype(object)
    assert found.where(found.notna(), None).to_numpy().tolist() == [[rate]]


def test_half_files_older_and_newer_schemas_do_not_break_a_query(outputs, tmp_path):
    place = tmp_path / "outputs"
    shutil.copytree(outputs, place)
    whole = next(place.glob("*quick/data/requests/stress_000/requests.parquet"))
    for name, cut in (("half", 0.5), ("head", 0.01), ("almost", 0.999)):
        data = whole.read_bytes()
        part = place / "killed" / "data" / "requests" / f"stress_{name}" / "requests.parquet"
        part.parent.mkdir(parents=True)
        part.write_bytes(data[: int(len(data) * cut)])
    older = place / "older" / "data" / "requests.parquet"
    older.parent.mkdir(parents=True)
    duckdb.sql("SELECT 0::BIGINT AS level, 1::BIGINT AS scheduled_ns, 2::BIGINT AS done_ns").write_parquet(str(older))
    newer = place / "newer"
    newer.mkdir()
    (newer / "stress.json").write_text(json.dumps({"schema_version": 99, "results": {"levels": [{"level": 0}]}}))
    (place / "killed" / "stress.json").write_text('{"schema_version": 1, "res')
    before = store.query("SELECT count(*) AS n FROM requests", outputs)["n"][0]
    after = store.query("SELECT count(*) AS n FROM requests", place)["n"][0]
    assert after == before + 1
    problems = store.query("SELECT run_id, problem FROM runs WHERE problem IS NOT NULL ORDER BY 1", place)
    assert problems["run_id"].tolist() == ["killed", "newer"]
    assert "not readable JSON" in problems["problem"][0]
    assert "schema 99, this playbook reads up to 1" in problems["problem"][1]
    worker = store.query("SELECT worker, error FROM requests WHERE run_id = 'older'", place)
    assert worker["worker"].isna().all()


def test_a_future_column_does_not_break_the_documented_ones(tmp_path):
    path = tmp_path / "run" / "data" / "changes.parquet"
    path.parent.mkdir(parents=True)
    duckdb.sql("SELECT 'tune' AS verb, 'x' AS name, 5 AS weight").write_parquet(str(path))
    assert store.query("SELECT verb, before, weight FROM changes", tmp_path).iloc[0].tolist()[0] == "tune"


@pytest.mark.parametrize("name", queries.QUERIES)
def test_every_ready_made_question_has_an_answer(outputs, name):
    run = next(outputs.glob("*0101*"))
    assert store.answer(name, run)
    assert "run_id" in store.query(queries.QUERIES[name].sql, outputs).columns


def test_the_change_before_a_rise_of_p99_is_found(tmp_path):
    from playbook.records import journal

    second = 10**9
    rows = [(0, n * second // 300, n * second // 300 + (1 if n < 1500 else 9) * 10**6) for n in range(3000)]
    frame = pd.DataFrame(rows, columns=["level", "scheduled_ns", "done_ns"]).assign(error=None)
    frame["error"] = frame["error"].astype("str").where(frame["error"].notna(), None)
    record.write_parquet(tmp_path / "run" / "data" / "requests" / "stress_000" / "requests.parquet", frame)
    journal.note(tmp_path / "run", "tune", "early", 1, 2, "a try", at_ns=second)
    journal.note(tmp_path / "run", "adapt", "batch_timeout_micros", 0, 8000, "load rose", at_ns=int(4.99 * second))
    rises = store.query(queries.QUERIES["rises"].sql, tmp_path)
    assert rises[["name", "before", "after", "why"]].to_numpy().tolist() == [
        ["batch_timeout_micros", "0", "8000", "load rose"]
    ]
    changed = store.query(queries.QUERIES["changes"].sql, tmp_path)
    assert changed["p99_before_ms"][1] == pytest.approx(1.0)
    assert changed["p99_after_ms"][1] == pytest.approx(9.0)
    assert changed["p99_before_ms"].isna()[0], "of 300 answers"


def test_wrong_sql_names_the_columns_there_are(outputs):
    with pytest.raises(QueryFailed, match=r"(?s)latency_p98_ms.*levels: run_id, level"):
        store.query("SELECT latency_p98_ms FROM levels", outputs)
    with pytest.raises(QueryFailed, match="SELECT"):
        store.query("   ", outputs)


def test_a_place_that_is_not_there_is_named(tmp_path):
    with pytest.raises(QueryFailed, match="no such folder"):
        store.query("SELECT 1", tmp_path / "nowhere")
    with pytest.raises(QueryFailed, match=r"s3://bucket.*extension 'httpfs'"):
        store.query("SELECT 1", "s3://bucket/records")


def test_a_location_is_read_as_a_folder_is(outputs):
    sql = "SELECT run_id, stage, level, count(*) AS n FROM requests GROUP BY ALL ORDER BY ALL"
    there, here = (store.query(sql, place) for place in (f"file://{outputs}", outputs))
    assert there.equals(here)
    assert store.query("SELECT count(*) AS n FROM runs", f"file://{outputs}")["n"][0] == 2


def test_answers_are_shown_in_four_forms(outputs):
    frame = store.query("SELECT run_id, best_rps, gain FROM runs ORDER BY 1", outputs)
    assert store.render(frame, "csv").splitlines()[0] == "run_id,best_rps,gain"
    assert json.loads(store.render(frame, "json"))[0]["gain"] is None
    assert store.render(frame, "md").splitlines()[2].endswith("| – |")
    assert len(store.render(frame).splitlines()) == 4
    with pytest.raises(ParameterError, match="xml"):
        store.render(frame, "xml")


def test_two_hundred_records_are_listed_within_a_second(outputs, tmp_path):
    from playbook.report import catalogue

    source = next(outputs.glob("*0101*"))
    for number in range(200):
        folder = tmp_path / f"run{number:03d}"
        folder.mkdir()
        for path in source.glob("*.json"):
            shutil.copy(path, folder)
    seconds = []
    for _ in range(3):  # a busy machine may interrupt one of them
        begun = time.perf_counter()
        text = catalogue.listing(tmp_path)
        seconds.append(time.perf_counter() - begun)
    assert len(text.splitlines()) == 201  # a header first
    assert min(seconds) < 1.0


def test_only_whole_parquet_files_count(tmp_path):
    path = tmp_path / "a.parquet"
    duckdb.sql("SELECT 1 AS a").write_parquet(str(path))
    assert parquet.is_whole(path)
    data = path.read_bytes()
    for cut in (0, 3, 4, 11, len(data) - 1):
        path.write_bytes(data[:cut])
        assert not parquet.is_whole(path)
    assert not parquet.is_whole(tmp_path / "none.parquet")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_sql_says_which_half_written_files_its_answer_leaves_out(outputs, tmp_path, scheme):
    shutil.copytree(next(outputs.iterdir()), tmp_path / "run")
    (path, *others) = sorted((tmp_path / "run" / "data" / "requests").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-9])
    query, place = "SELECT count(DISTINCT level) AS n FROM requests", f"{scheme}{tmp_path}"
    assert store.query(query, place)["n"].tolist() == [len(others)]
    assert store.passed_over(query, place).startswith(f"1 half-written file is left out of this answer: {path}.")
    assert store.passed_over("SELECT * FROM metrics", place) == ""
    done = command.playbook("sql", query, "--outputs", place)
    assert (done.returncode, "half-written" in done.stderr, "half-written" in done.stdout) == (0, True, False)
