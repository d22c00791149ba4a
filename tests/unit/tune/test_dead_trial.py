"""A server that ends in a trial: its configuration is tried on a second one, and what ended it is told apart."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import deployable_run
import pytest
from published_run import published

from playbook.chain import outcome
from playbook.errors import ServerDied, VersionChanged
from playbook.promise import Promise
from playbook.records import record
from playbook.serve.cores import split_cpus
from playbook.serve.spec import ServerSpec
from playbook.stress.load import Load
from playbook.tfserving.config import Config
from playbook.tune import views
from playbook.tune.memory import Memory
from playbook.tune.objective import Objective
from playbook.tune.plan import Tuned, TuningPlan
from playbook.tune.search import search
from playbook.tune.steps import Tuning
from playbook.tune.timetable import timetable
from playbook.tune.timing import Timing
from playbook.tune.tuner import _none_stood
from playbook.tune.workbench import Workbench

BASE = Config()
BATCHED = Config(enable_batching=True, max_batch_size=16, num_batch_threads=1, rest_api_num_threads=33)
WIDER = Config(enable_batching=True, max_batch_size=64, num_batch_threads=1, rest_api_num_threads=33)
DEFAULT = {"score": 100.0, "rate_rps": 100.0, "kept": True}


class Killed(Tuning):
    """Tuning whose first `kills` measurements end with a SIGKILL of the server they are made on."""

    kills = 0

    def guess(self, config: Config) -> float:
        return 100.0

    def value(self, server: Any, guess_rps: float, reserve_s: float = 0.0) -> dict[str, Any]:
        if self.kills:
            self.kills -= 1
            os.kill(server.handle.pid, signal.SIGKILL)
            server.handle.process() and server.handle.process().wait(10)
        row = self.bench.hold(server, duration_s=0.3, ramp_up_s=0.0, arrival="closed", concurrency=1)
        return {"score": row["throughput_rps"], "rate_rps": row["throughput_rps"], "kept": True}


def test_no_server_of_tune_or_adapt_is_started_with_another_version_than_export_wrote(tmp_path: Path) -> None:
    """Adapt plays on the same workbench."""
    run = deployable_run.make(tmp_path / "run")
    shutil.copytree(run / "models" / "digits" / "3", run / "models" / "digits" / "4")
    with Workbench(ServerSpec("digits", run / "models" / "digits"), run, Load()) as bench:
        for start in (lambda: bench.start("default", BASE), lambda: bench.bring("trial", BATCHED)):
            with pytest.raises(VersionChanged, match="version 3, which export wrote, and version 4 is the newest"):
                start()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    run = tmp_path_factory.mktemp("run")
    published(run)
    server, client = split_cpus()
    spec = ServerSpec("digits", (run / "models" / "digits").resolve(), cpus=server)
    with Workbench(spec, run, Load(client_cpus=client)) as bench:
        yield bench


@pytest.fixture
def tuning(bench: Workbench, tmp_path: Path) -> Killed:
    bench.deaths.clear()
    plan = TuningPlan({}, Objective(Promise(50.0)))
    bar = SimpleNamespace(update=lambda *_: None, total=1.0)
    made = Killed(
        bench, timetable(plan, Load(), Timing(1.0, 1, 5.0), budget_s=3600.0), bar, Memory(tmp_path / "memory", "plan")
    )
    made.known[BASE] = DEFAULT
    return made


def searched(tuning: Killed, *configs: Config) -> Tuned:
    """What the search found, as the tuner keeps it."""
    result = search({}, tuning.measure, first=[BASE, *configs], kind="simulate")
    return Tuned(tuning.plan, DEFAULT, result, {}, {})


def test_a_configuration_whose_server_ends_twice_is_a_finding_and_never_the_winner(tuning: Killed) -> None:
    tuning.kills = 2
    tuned = searched(tuning, BATCHED, WIDER)
    ended, stood = (next(t for t in tuned.searched.trials if t.config == config) for config in (BATCHED, WIDER))
    assert ended.score is None
    assert ended.error.startswith("This configuration ends the server: it ended in both of two measurements")
    assert stood.score > 0
    assert tuned.searched.best.config != BATCHED
    assert (tuning.bench.deaths, _none_stood(tuned)) == ([], []), "a finding about one configuration fails nothing"


def test_a_server_killed_from_outside_is_measured_again_and_the_run_fails(tuning: Killed, tmp_path: Path) -> None:
    tuning.kills = 1
    (trial,) = [t for t in searched(tuning, BATCHED).searched.trials if t.config == BATCHED]
    assert trial.error is None
    assert trial.score > 0
    (said,) = tuning.bench.deaths
    assert "not in a second, on a new server: something else ended it" in said
    record.save(tmp_path, "tune", params={}, results={"deaths": [said]}, verdict="said")
    assert outcome.outcome(tmp_path) == (1, f"tune: {said}")


def test_a_server_killed_between_two_trials_is_told(tuning: Killed) -> None:
    handle = tuning.bench.bring("trial", BATCHED).handle
    os.kill(handle.pid, signal.SIGKILL)
    handle.process() and handle.process().wait(10)
    tuning.measure(BATCHED)
    (said,) = tuning.bench.deaths
    assert said.endswith("the server ended between two measurements")


def test_trials_of_which_none_could_be_measured_fail_the_run(tuning: Killed) -> None:
    tuning.measure = lambda config: DEFAULT if config == BASE else (_ for _ in ()).throw(ServerDied("It ended.\n  log"))
    (said,) = _none_stood(searched(tuning, BATCHED, WIDER))
    assert said == "none of the 2 configurations beside the default could be measured; the first: It ended."


def test_the_verdict_begins_with_the_server_that_ended() -> None:
    point = {"model_name": "m", "server": "embedded", "best": None, "default": None, "skipped": "no time."}
    results = {"points": [point | {"deaths": ["it was killed"]}], "for_all": None}
    assert views.verdict(results).startswith("A SERVER ENDED: it was killed. ")
