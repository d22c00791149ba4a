"""The whole chain on the embedded server, by the command a user types; then the same chain with something broken."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import psutil
import pytest
from command import PLAYBOOK, SMOKE, playbook

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


# --- with something broken ---------------------------------------------------------------------------------------


@pytest.fixture
def base(chain, tmp_path: Path) -> tuple[Path, str]:
    """An outputs folder in which the finished chain stands, to build on without exporting again."""
    import shutil

    first = runs.newest_first(chain[1])[-1]
    shutil.copytree(first, tmp_path / "outputs" / first.name)
    return tmp_path / "outputs", first.name


def test_a_taken_port_fails_the_serve_stage_by_name(base) -> None:
    import socket

    outputs, run_id = base
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = playbook(
            "run", SMOKE, "--only", "serve", "--resume", run_id, "--outputs", outputs, "--set", f"rest_api_port={port}"
        )
    assert done.returncode == 1
    assert "Stage 'serve' failed in cell" in done.stderr
    assert f"rest_api_port {port} is taken" in done.stderr


def test_a_run_whose_model_is_gone_is_refused_before_anything_starts(base) -> None:
    import shutil

    outputs, run_id = base
    shutil.rmtree(outputs / run_id / "models" / "digits")
    done = playbook(
        "run", SMOKE, "--only", "serve", "--resume", run_id, "--outputs", outputs, "--set", "start_timeout_s=3.0"
    )
    assert done.returncode == 2
    assert f"{run_id} was to be built on, and its model is not there" in done.stderr


@pytest.fixture
def running_chain(base) -> Iterator[Callable[[Path], subprocess.Popen]]:
    """Starts serve and stress with long windows, in the background."""
    outputs, run_id = base
    process = subprocess.Popen(
        [
            *[PLAYBOOK, "run", str(SMOKE), "--only", "serve", "--only", "stress", "--resume", run_id],
            *["--outputs", str(outputs), "--set", "concurrency=[1, 2, 2, 2, 2]", "--set", "duration_s=2.0"],
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
        process.communicate()
    serve.stop_all(runs.newest_first(outputs)[0])


def expected(condition: Callable[[], object], timeout_s: float = 200.0) -> object:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if seen := condition():
            return seen
        time.sleep(0.05)
    raise AssertionError("not seen in time")


def test_a_server_killed_during_stress_is_told_and_what_was_measured_is_kept(base, running_chain) -> None:
    outputs, _ = base
    run = expected(lambda: next((r for r in runs.newest_first(outputs) if not record.has(r, "tune")), None))
    expected(lambda: (run / "data" / "levels.json").exists() and json.loads((run / "data" / "levels.json").read_text()))
    os.kill(serve.Handle.load(run).pid, signal.SIGKILL)
    _, errors = running_chain.communicate(timeout=200)
    assert running_chain.returncode == 1
    assert "Stage 'stress' failed in cell" in errors
    assert "has ended while it was needed" in errors
    kept = json.loads((run / "data" / "levels.json").read_text())
    assert kept[0]["requests"] > 0
    rows = duckdb.sql(f"SELECT count(*) FROM '{run}/data/requests/stress_000/requests.parquet'").fetchall()[0][0]
    assert rows == kept[0]["requests"]
    assert (run / "record.md").exists()


def test_a_server_that_hangs_during_stress_is_told_and_what_was_measured_is_kept(base, running_chain) -> None:
    outputs, _ = base
    run = expected(lambda: next((r for r in runs.newest_first(outputs) if not record.has(r, "tune")), None))
    expected(lambda: (run / "data" / "levels.json").exists() and json.loads((run / "data" / "levels.json").read_text()))
    os.kill(serve.Handle.load(run).pid, signal.SIGSTOP)
    _, errors = running_chain.communicate(timeout=200)
    assert running_chain.returncode == 1
    assert "Stage 'stress' failed in cell" in errors
    assert "ServerHung" in errors
    assert "answered nothing" in errors
    assert json.loads((run / "data" / "levels.json").read_text())[0]["requests"] > 0
    assert serve.Handle.load(run).process() is None


def test_sigterm_ends_the_chain_the_kernel_and_the_server(base, running_chain) -> None:
    outputs, _ = base
    run = expected(lambda: next((r for r in runs.newest_first(outputs) if not record.has(r, "tune")), None))
    expected(lambda: record.has(run, "serve") and (run / "data" / "requests").exists())
    children = psutil.Process(running_chain.pid).children(recursive=True)
    running_chain.send_signal(signal.SIGTERM)
    _, errors = running_chain.communicate(timeout=100)
    assert running_chain.returncode == 130
    assert "Interrupted" in errors
    expected(lambda: not [child for child in children if child.is_running() and child.status() != "zombie"], 10)
    assert serve.Handle.load(run).process() is None
