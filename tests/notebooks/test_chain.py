"""The whole chain on the embedded server, by the command a user types."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import duckdb
import psutil
import pytest
from command import SMOKE, playbook

from playbook.records import record, runs
from playbook.serve import serve

pytestmark = pytest.mark.timeout(900)  # a machine that does other things too makes the chain slow, not wrong
VERBS = list(runs.NOTEBOOKS)


def only_run(outputs: Path) -> Path:
    (run,) = runs.newest_first(outputs)
    return run


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    outputs = tmp_path_factory.mktemp("outputs")
    return playbook("run", SMOKE, "--outputs", outputs, timeout_s=800), outputs


def test_the_chain_passes_and_says_one_line_a_stage(chain) -> None:
    done, outputs = chain
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for verb in VERBS:
        done_lines = [line for line in lines if re.match(rf"{verb} +\d+\.\d s  [^█·]", line)]
        assert len(done_lines) == 1, lines
    assert re.search(r"\d+ s in all: \d+ s measuring and training, \d+ s everything else\.", done.stdout)
    assert str(only_run(outputs) / "record.md") in done.stdout.replace("\n", "")


def test_every_verb_leaves_its_record_its_notebook_and_its_page(chain) -> None:
    run = only_run(chain[1])
    for verb, name in runs.NOTEBOOKS.items():
        kept = record.load(run, verb)
        assert kept["verdict"]
        assert kept["params"]["run_dir"]
        assert (run / f"{name}.ipynb").exists()
        assert (run / f"{name}.md").read_text().startswith(f"# {name[:2]} · ")


@pytest.mark.parametrize("verb", VERBS)
def test_a_record_has_the_fields_of_the_committed_example(chain, verb: str) -> None:
    """Numbers differ from machine to machine, fields do not: who reads records may rely on them."""
    ours, example = (record.load(run, verb) for run in (only_run(chain[1]), runs.ROOT / "outputs" / "example"))
    assert ours.keys() == example.keys()
    assert ours["params"].keys() == example["params"].keys()
    assert ours["environment"].keys() == example["environment"].keys()
    assert ours["results"].keys() == example["results"].keys()
    for rows in ("levels", "windows", "contenders"):
        if ours["results"].get(rows) and example["results"].get(rows):
            assert ours["results"][rows][0].keys() == example["results"][rows][0].keys()


def test_figures_of_a_notebook_are_in_its_markdown(chain) -> None:
    run = only_run(chain[1])
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", (run / "40_stress.md").read_text())
    assert pictures
    assert all((run / picture).stat().st_size > 1000 for picture in pictures)


def test_the_record_opens_with_a_verdict_and_names_the_server_kind(chain) -> None:
    run = only_run(chain[1])
    text = (run / "record.md").read_text()
    assert "embedded" in text.split("\n\n")[1]
    assert "playbook run" in text
    page = (run / "record.html").read_text()
    assert "<svg" in page
    assert not re.search(r'(src|href)="(?!data:|#|https?://)[^"]+\.(png|svg|css|js)"', page), "one file, images inside"


def test_tuning_names_a_gain_over_the_default_or_says_that_none_was_shown(chain) -> None:
    kept = record.load(only_run(chain[1]), "tune")
    gain = kept["results"]["gain"]
    assert kept["results"]["default"]["rate_rps"] > 0
    assert gain > 0 if gain is not None else "no gain" in kept["verdict"]  # windows of 0.3 s may all be INVALID


def test_every_request_is_a_row_of_parquet(chain) -> None:
    run = only_run(chain[1])
    levels = record.load(run, "stress")["results"]["levels"]
    rows = f"'{run}/data/requests/stress_*/requests.parquet'"
    counted = dict(duckdb.sql(f"SELECT level, count(*) FROM {rows} GROUP BY level").fetchall())
    assert {level["level"]: level["requests"] for level in levels} == counted


def test_nothing_is_left_running(chain) -> None:
    run = only_run(chain[1])
    left = [
        p.info for p in psutil.process_iter(["cmdline"]) if any(str(run) in word for word in p.info["cmdline"] or [])
    ]
    assert left == []
    assert serve.Handle.load(run).process() is None


def test_a_part_of_the_chain_builds_on_the_newest_run(chain) -> None:
    outputs = chain[1]
    first = runs.newest_first(outputs)[-1]
    done = playbook("run", SMOKE, "--only", "analyze", "--outputs", outputs)
    assert done.returncode == 0, done.stderr
    second = runs.newest_first(outputs)[0]
    assert second != first
    for taken_over in ("serve", "stress"):
        assert record.load(second, taken_over) == record.load(first, taken_over)
    assert "embedded" in (second / "record.md").read_text().split("\n\n")[1]
    assert record.load(second, "analyze")["created_utc"] >= record.load(first, "analyze")["created_utc"]
    for path in (second, *(second.glob("**/*"))):
        assert path.exists()


def test_a_finished_run_has_nothing_left_to_resume(chain) -> None:
    outputs = chain[1]
    first = runs.newest_first(outputs)[-1]
    before = (first / "stress.json").stat().st_mtime_ns
    done = playbook("run", SMOKE, "--resume", first.name, "--outputs", outputs)
    assert done.returncode == 0, done.stderr
    assert "nothing left to do" in done.stdout
    assert (first / "stress.json").stat().st_mtime_ns == before
