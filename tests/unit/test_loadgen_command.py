"""`python -m loadgen` and the package itself: options, exit codes, files, weight."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import loadgen
from loadgen.__main__ import parser
from loadgen.scripted import running

README = Path(loadgen.__file__).with_name("README.md").read_text()
COLUMNS = ["level", "worker", "scheduled_ns", "sent_ns", "done_ns", "status", "error", "bytes"]


def run(*arguments):
    command = [sys.executable, "-m", "loadgen", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def body(tmp_path):
    path = tmp_path / "one.body"
    path.write_text('{"instances": [[0.0]]}')
    return path


@pytest.mark.parametrize(("protocol", "how"), [("rest", ["--rate", 2000]), ("grpc", ["--concurrency", 4])])
def test_one_level_is_one_json_object_and_a_parquet_file(protocol, how, body, tmp_path):
    with running(protocol) as server:
        done = run(
            *("--url", server.url, "--protocol", protocol, "--body", body, *how, "--level", 7, "--out", tmp_path),
            *("--duration", 1, "--ramp-up", 0.1, "--p99-limit-ms", 500, "--metrics-url", server.metrics_url),
        )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["requests"] > 500
    assert summary["balance"]["balanced"]
    assert summary["claim"]["text"].startswith("p99 <= 500 ms")
    assert set(summary["latency_ms"]) == {"mean", "p50", "p90", "p95", "p99", "p999", "max", "p99_low", "p99_high"}
    table = duckdb.sql(f"FROM '{tmp_path}/requests.parquet'")
    assert table.columns == COLUMNS
    rows = table.fetchall()
    assert len(rows) == summary["requests"]
    assert {row[0] for row in rows} == {7}
    assert all(due <= sent <= done for _, _, due, sent, done, *_ in rows)


def test_every_summary_field_is_explained_in_the_readme(body, tmp_path):
    with running("rest") as server:
        done = run("--url", server.url, "--body", body, "--concurrency", 1, "--duration", 0.3, "--out", tmp_path)
    missing = [field for field in json.loads(done.stdout) if f"`{field}`" not in README and f"`{field}." not in README]
    assert not missing


def test_every_option_is_explained_in_the_readme():
    options = [option for action in parser()._actions for option in action.option_strings if option.startswith("--")]
    assert [option for option in options if f"`{option}`" not in README and option != "--help"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--url", "http://127.0.0.1:1/"],
        ["--url", "http://127.0.0.1:1/", "--body", "/no/such/file", "--concurrency", "1"],
        ["--url", "http://127.0.0.1:1/", "--body", "BODY"],
        ["--url", "http://127.0.0.1:1/", "--body", "BODY", "--rate", "-1"],
        ["--url", "http://127.0.0.1:1/", "--body", "BODY", "--trace", "/no/such/trace"],
        ["--concurrency", "1"],
    ],
)
def test_bad_arguments_are_exit_code_two_and_name_what_is_wrong(arguments, body):
    done = run(*[str(body) if a == "BODY" else a for a in arguments])
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("usage:")


def test_nothing_measured_is_exit_code_three(body, tmp_path):
    done = run(
        *("--url", "http://127.0.0.1:9/", "--body", body, "--rate", 50, "--duration", 20, "--out", tmp_path / "out")
    )
    assert done.returncode == 3
    assert json.loads(done.stdout)["valid"] is False


def test_public_names_are_what_the_package_says():
    assert loadgen.__all__ == sorted(loadgen.__all__, key=lambda name: (name[0].islower(), name))
    assert all(getattr(loadgen, name) for name in loadgen.__all__)
    assert all(f"`{name}`" in README or f"`{name}(" in README for name in loadgen.__all__)


def test_a_worker_is_light_and_knows_nothing_of_models():
    code = (
        "import sys, loadgen.worker\n"
        "heavy = {'tensorflow', 'pandas', 'playbook', 'model_server', 'duckdb', 'scipy', 'distributed', 'grpc'}\n"
        "print(heavy & set(sys.modules), loadgen.worker.memory_mb())"
    )
    spent = []
    for _ in range(3):
        before = os.times()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        after = os.times()  # CPU seconds: what it takes, whatever else this machine does
        spent.append(after.children_user - before.children_user + after.children_system - before.children_system)
    loaded, megabytes = done.stdout.rsplit(" ", 1)
    assert loaded == "set()"
    assert float(megabytes) <= 100
    assert min(spent) <= 0.5


def test_the_whole_package_imports_neither_tensorflow_nor_the_playbook():
    names = [p.stem for p in Path(loadgen.__file__).parent.glob("*.py") if p.stem != "__main__"]
    code = f"import sys, importlib\nfor name in {names!r}: importlib.import_module('loadgen.' + name)\n"
    code += "print({'tensorflow', 'pandas', 'playbook', 'model_server'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
