"""outputs/README.md documents every view, every column and every ready-made question, and nothing else."""

import re
from pathlib import Path

import fake_run
import pytest

from playbook.analyze import analysis
from playbook.promise import Promise
from playbook.records import queries, record, run_folder, store, tables

TEXT = (Path(__file__).parents[3] / "outputs" / "README.md").read_text()


def test_every_view_is_documented_column_by_column_as_it_is():
    assert tables.described() in TEXT


def test_the_documentation_is_true_of_the_views(tmp_path):
    shown = re.findall(r"### `(\w+)`\n\n\| column .*\n\| --- .*\n((?:\|.*\n?)+)", TEXT)
    assert {view for view, _ in shown} == set(tables.documented())
    with store.connect(tmp_path) as db:
        for view, rows in shown:
            told = re.findall(r"^\| `(\w+)` \| ([\w\[\]]+) \|", rows, re.M)
            seen = [(name, str(kind).lower()) for name, kind, *_ in db.execute(f'DESCRIBE "{view}"').fetchall()]
            assert told == seen, view


def test_every_number_wears_its_unit():
    for view, columns in tables.documented().items():
        for column in columns:
            unit = {"_ms": "ms", "_ns": "ns", "_s": "s", "_us": "us", "_rps": "requests/s", "_bytes": "bytes"}
            wanted = next((u for end, u in unit.items() if column.name.endswith(end)), None)
            assert wanted is None or column.unit == wanted, (view, column)


def test_every_ready_made_question_is_in_the_readme():
    for name, query in queries.QUERIES.items():
        assert f"**{name}**: {query.question}\n\n```sql\n{query.sql.strip()}\n```" in TEXT


def test_the_trials_are_documented_as_tune_writes_them():
    from playbook.tfserving import config
    from playbook.tune import findings

    frame_columns = {"point", "trial", "source", "score", "error", "config", "finalist"}
    wanted = frame_columns | set(findings._MEASURED) | {f"predicted_{name}" for name in findings._PREDICTED}
    assert {column.name for column in tables.TABLES["trials"]} == wanted | set(config.NAMES)


@pytest.mark.parametrize("key", re.findall(r"`analyze.json` `results\.(\w+)", TEXT))
def test_the_keys_of_analyze_exist(key, tmp_path):
    run = run_folder.read(fake_run.make(tmp_path / "run", seconds=1.0))
    assert key in analysis.results(run, Promise(3.0))


def test_the_parts_of_a_record_are_the_documented_ones(tmp_path):
    kept = record.save(tmp_path / "run", "stress", params={}, results={}, verdict="")
    line = next(line for line in TEXT.splitlines() if line.startswith("| `<verb>.json`"))
    assert set(re.findall(r"`(\w+)`", line)) == set(kept)
