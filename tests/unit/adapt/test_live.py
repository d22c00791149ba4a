"""Live changes on the embedded server: versions that switch or fail, servers that die, controllers that end."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import command
import pytest
from published_run import published

import loadgen
from playbook.adapt.controller import Pace, Target, adapt, present
from playbook.adapt.governor import Governor, Rules
from playbook.adapt.policies import Wish
from playbook.errors import PlaybookError, PublishFailed
from playbook.monitor.sensor import Sensor, between
from playbook.promise import Promise
from playbook.records import journal, record
from playbook.serve import client
from playbook.serve.spec import ServerSpec
from playbook.stress.load import Load
from playbook.stress.stress import level_of
from playbook.tfserving.config import DEFAULT, Config
from playbook.tfserving.versions import numbers, switch
from playbook.tune.configured import batching_of
from playbook.tune.workbench import Workbench

BASE = Config(enable_batching=True, max_batch_size=16, num_batch_threads=1, rest_api_num_threads=33)
LIMIT = Promise(500.0)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run folder with the default model published in it, its warm-up records of up to eight rows inside."""
    run = tmp_path_factory.mktemp("run")
    published(run)
    return run


@pytest.fixture(scope="module")
def bench(run_dir):
    spec = ServerSpec("digits", (run_dir / "models" / "digits").resolve())
    with Workbench(spec, run_dir, Load(duration_s=0.8, ramp_up_s=0.1)) as bench:
        yield bench


@pytest.fixture
def server(bench):
    return bench.bring("trial", BASE)


def always(config):
    """A policy that wishes one configuration whatever it sees."""
    return Governor(lambda seen, now: Wish(config, "because"), LIMIT, Rules(confirm=1, cool_down_s=0.0))


def test_a_version_changes_the_batching_of_a_server_under_load_without_a_failed_request(bench, server):
    with ThreadPoolExecutor(1) as pool:
        load = replace(bench.load, duration_s=4.0)
        level = level_of(server.handle, load, bench.bodies("rest"), arrival="poisson", rate_rps=200.0)
        played = pool.submit(loadgen.hold, level, bench.folder / "swap")
        changed = [replace(BASE, max_batch_size=size, batch_timeout_micros=wait) for size, wait in ((64, 3000), (8, 0))]
        for config in changed:
            bench.bring("trial", config)
            assert present(Target(server.handle, server.base_path), BASE) == config
        summary = played.result()
    assert summary["errors"] == 0
    assert summary["requests"] > 500
    assert summary["answers"]["wrong"] == 0


def test_a_version_without_a_file_is_not_batched(bench, server):
    sensor, rows = Sensor(server.handle.metrics_url, "digits"), []
    for config in (BASE, replace(BASE, enable_batching=False, max_batch_size=0)):
        bench.bring("trial", config)
        before = sensor.read()
        bench.hold(bench.benches["trial"], arrival="closed", concurrency=8)
        rows.append(between(before, sensor.read()).batch_rows)
    assert rows[0] >= 1.0
    assert rows[1] is None


def test_a_version_that_fails_to_load_is_removed_and_the_old_one_serves_on(bench, server):
    before = numbers(server.base_path)
    small = replace(BASE, max_batch_size=2)  # the warm-up records are larger
    with pytest.raises(PublishFailed, match="Task size"):
        switch(server.base_path, batching_of(small), lambda: client.status(server.handle), timeout_s=20)
    assert numbers(server.base_path) == before
    assert client.available_version(server.handle) == before[-1]


def test_the_controller_changes_notes_verifies_and_keeps_few_versions(bench, server, tmp_path):
    sizes = iter(range(24, 100_000, 8))
    governor = Governor(
        lambda seen, now: Wish(replace(BASE, max_batch_size=next(sizes)), "grow"),
        LIMIT,
        Rules(confirm=1, cool_down_s=0),
    )
    target = Target(server.handle, server.base_path)
    adapted = adapt(target, governor, BASE, Pace(every_s=0.3, for_s=5.0, keep=2), tmp_path)
    server.config = adapted.config
    assert len(adapted.switch_s) >= 2
    assert len(numbers(server.base_path)) <= 2
    noted = journal.read(tmp_path)
    assert [row["verb"] for row in noted] == ["adapt"] * len(noted)
    assert len(noted) == len(adapted.changes)
    assert noted[0]["effect"]
    assert present(target, BASE) == adapted.config


def test_a_dry_run_notes_and_changes_nothing(bench, server, tmp_path):
    before = numbers(server.base_path)
    target = Target(server.handle, server.base_path)
    wide = replace(BASE, max_batch_size=99)
    adapted = adapt(target, always(wide), BASE, Pace(every_s=0.2, for_s=1.0, dry_run=True), tmp_path)
    assert adapted.changes
    assert all("dry run" in row["why"] for row in journal.read(tmp_path))
    assert numbers(server.base_path) == before
    assert adapted.config == BASE


def test_the_controller_ends_when_a_version_fails_and_leaves_the_old_one(bench, server, tmp_path):
    target = Target(server.handle, server.base_path)
    bad = always(replace(BASE, max_batch_size=2))
    adapted = adapt(target, bad, BASE, Pace(every_s=0.2, for_s=20.0, switch_timeout_s=20), tmp_path)
    assert "could not be made" in adapted.ended
    assert "not done" in journal.read(tmp_path)[-1]["effect"]
    assert adapted.changes[-1]["effect"] == journal.read(tmp_path)[-1]["effect"], "its row says so too"
    assert present(target, BASE) == BASE


def test_a_read_only_base_path_ends_the_controller(server, tmp_path):
    target = Target(server.handle, Path("/sys/kernel"))
    wide = always(replace(BASE, max_batch_size=32))
    adapted = adapt(target, wide, BASE, Pace(every_s=0.2, for_s=20.0), tmp_path)
    assert "could not be made" in adapted.ended


def test_the_command_ends_on_sigterm_and_leaves_a_valid_version(server, tmp_path):
    code = (
        "import sys; from pathlib import Path; from playbook.adapt import command as c; "
        "c.run(c.Settings(sys.argv[1], Path(sys.argv[2]), 'aimd', every_s=0.3, model_name='digits'), Path(sys.argv[3]),"
        " lambda text: print(text, flush=True))"
    )
    words = [sys.executable, "-c", code, server.handle.rest_url, str(server.base_path), str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "a stop was asked for" in told
    assert record.load(tmp_path, "adapt")["results"]["ended"] == "a stop was asked for"
    assert client.available_version(server.handle) == numbers(server.base_path)[-1]


def test_a_server_that_dies_in_a_window_is_an_error_and_the_next_trial_gets_a_new_one(bench):
    server = bench.start("victim", DEFAULT)
    threading.Timer(0.6, os.kill, (server.handle.pid, signal.SIGKILL)).start()
    with pytest.raises(PlaybookError):
        bench.hold(server, arrival="closed", concurrency=4)
    again = bench.bring("victim", BASE)
    assert bench.hold(again, arrival="closed", concurrency=4)["errors"] == 0
    bench.end("victim")


def test_the_controller_ends_when_the_server_is_gone_and_its_command_exits_1(bench, tmp_path):
    server = bench.start("gone", BASE, live=True)
    asked = ["adapt", "--url", server.handle.rest_url, "--base-path", server.base_path, "--model-name", "digits"]
    words = [command.PLAYBOOK, *asked, "--every", "0.3", "--for", "60", "--outputs", tmp_path]
    with subprocess.Popen([*map(str, words)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        bench.end("gone")
        told, _ = process.communicate(timeout=60)
    assert "Ended: the server did not answer 3 times in a row" in told
    assert process.returncode == 1
    (run,) = tmp_path.iterdir()
    assert "did not answer" in record.load(run, "adapt")["results"]["ended"]
    assert numbers(server.base_path)
