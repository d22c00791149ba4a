"""`python -m loadgen` and the package itself: options, exit codes, files, weight."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import psutil
import pytest

import loadgen
from loadgen.__main__ import main, parser
from loadgen.scripted.server import running

README = Path(loadgen.__file__).with_name("README.md").read_text()
COLUMNS = ["level", "worker", "scheduled_ns", "sent_ns", "done_ns", "status", "error", "bytes"]


def run(*arguments):
    command = [sys.executable, "-m", "loadgen", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def body(tmp_path_factory):
    path = tmp_path_factory.mktemp("bodies") / "one.body"
    path.write_text('{"instances": [[0.0]]}')
    return path


HOW = {"rest": ["--rate", 2000, "--connections", 50], "grpc": ["--concurrency", 4], "nothing": ["--rate", 50]}


@pytest.fixture(scope="module")
def ran(body, tmp_path_factory):
    """The command, run over REST, over gRPC and against a port where nothing listens, all at once; by name."""
    folder = tmp_path_factory.mktemp("ran")

    def one(name):
        common = ("--body", body, *HOW[name], "--ramp-up", 0.1, "--level", 7, "--out", folder / name)
        if name == "nothing":
            return run("--url", "http://127.0.0.1:9/", *common, "--duration", 20)
        with running(name) as server:
            url = ("--url", server.url, "--protocol", name, "--metrics-url", server.metrics_url)
            return run(*url, *common, "--duration", 0.8, "--p99-limit-ms", 500)

    with ThreadPoolExecutor() as pool:
        return folder, dict(zip(HOW, pool.map(one, HOW), strict=True))


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_one_level_is_one_json_object_and_a_parquet_file(protocol, ran):
    folder, done = ran[0] / protocol, ran[1][protocol]
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["requests"] > 500
    assert summary["balance"]["balanced"]
    assert summary["claim"]["text"].startswith("p99 <= 500 ms")
    assert set(summary["latency_ms"]) == {"mean", "p50", "p90", "p95", "p99", "p999", "max", "p99_low", "p99_high"}
    table = duckdb.sql(f"FROM '{folder}/requests.parquet'")
    assert table.columns == COLUMNS
    rows = table.fetchall()
    assert len(rows) == summary["requests"]
    assert {row[0] for row in rows} == {7}
    assert all(due <= sent <= done for _, _, due, sent, done, *_ in rows)


def test_every_summary_field_is_explained_in_the_readme(ran):
    fields = json.loads(ran[1]["rest"].stdout)
    missing = [field for field in fields if f"`{field}`" not in README and f"`{field}." not in README]
    assert not missing


def test_every_option_is_explained_in_the_readme():
    options = [option for action in parser()._actions for option in action.option_strings if option.startswith("--")]
    assert [option for option in options if f"`{option}`" not in README and option != "--help"] == []


HELD = ["--url", "http://127.0.0.1:1/", "--body", "BODY"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--url", "http://127.0.0.1:1/"], "body"),
        (["--url", "http://127.0.0.1:1/", "--body", "/no/such/file", "--concurrency", "1"], "/no/such/file"),
        (["--concurrency", "1"], "--url"),
        (["--url", "ftp://127.0.0.1:1/", "--body", "BODY", "--rate", "5"], "rest expects one of http://, https://"),
        (["--url", "grpc://127.0.0.1:1", "--body", "BODY", "--rate", "5"], "rest expects one of http://, https://"),
        ([*HELD, "--rate", "5", "--ca", "BODY"], "https://"),
        ([*HELD, "--rate", "5", "--header", "no colon"], "Name: value"),
        ([*HELD, "--rate", "5", "--header", "Content-Length: 7"], "Content-Length"),
        ([*HELD, "--rate", "5", "--header", "@/no/such/file"], "/no/such/file"),
        (["--url", "http://127.0.0.1:port/", "--body", "BODY", "--rate", "5"], "port"),
        (["--url", "", "--body", "BODY", "--rate", "5"], "no host"),
        (HELD, "concurrency"),
        ([*HELD, "--rate", "-1"], "rate_rps"),
        ([*HELD, "--rate", "inf"], "rate_rps"),
        ([*HELD, "--rate", "5", "--duration", "inf"], "duration_s"),
        ([*HELD, "--rate", "5", "--seed", "-1"], "seed"),
        ([*HELD, "--rate", "5", "--concurrency", "5"], "--concurrency and --rate"),
        ([*HELD, "--rate", "5", "--cpus", "4096"], "4096"),
        ([*HELD, "--rate", "5", "--out", "BODY"], "out is"),
        ([*HELD, "--trace", "/no/such/trace"], "/no/such/trace"),
    ],
)
def test_bad_arguments_are_exit_code_two_and_name_what_is_wrong(arguments, named, body, capsys):
    with pytest.raises(SystemExit) as left:
        main([str(body) if a == "BODY" else a for a in arguments])
    assert left.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("usage:")
    assert named in said.err.splitlines()[-1]


def test_an_interrupted_level_is_exit_code_130_and_leaves_nothing_behind(body, tmp_path):
    command = [sys.executable, "-m", "loadgen", "--body", str(body), "--rate", "50", "--duration", "60"]
    with running("rest") as server:
        begun = subprocess.Popen(
            [*command, "--url", server.url, "--out", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        )
        until = time.monotonic() + 20
        while len(workers := psutil.Process(begun.pid).children(recursive=True)) < 2:  # a worker, and its level
            assert time.monotonic() < until
            time.sleep(0.05)
        begun.terminate()
        out, said = begun.communicate(timeout=20)
    assert begun.returncode == 130
    assert (out, said) == ("", "Interrupted: nothing was written.\n")
    assert psutil.wait_procs(workers, timeout=3)[1] == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_measured_is_exit_code_three(ran):
    done = ran[1]["nothing"]
    assert done.returncode == 3
    assert json.loads(done.stdout)["valid"] is False


def test_a_worker_is_light_and_knows_nothing_of_models():
    code = (
        "import sys, loadgen.workers.worker\n"
        "heavy = {'tensorflow', 'pandas', 'playbook', 'model_server', 'duckdb', 'scipy', 'distributed', 'grpc'}\n"
        "print(heavy & set(sys.modules), loadgen.workers.worker.memory_mb())"
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
