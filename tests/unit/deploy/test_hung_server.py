"""A server that is stopped still (SIGSTOP) under the load of prove or the rehearsal is told as hanging.

Tune and adapt share `tune.workbench.check_answered`, which tests/unit/adapt/test_dead_server.py stops a server for.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import deployable_run
import pytest

import loadgen
from playbook import deploy, progress
from playbook.chain import outcome, params
from playbook.chain.terminal import StageLine
from playbook.errors import ServerHung
from playbook.prove import holding, words
from playbook.prove.proof import Proof, proof_of
from playbook.records.runs import NOTEBOOK_DIR
from playbook.serve.handle import Handle

HANGS = r"hangs: it answered nothing from second .* of the level on, its status neither"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with the default model and the records that prove and deploy read, the load generator's passport too."""
    run = deployable_run.real(tmp_path_factory.mktemp("hung") / "run")
    deployable_run.change(run, "stress", "passport", {"ok": True})
    return run


@pytest.fixture(autouse=True)
def stopped(run: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every server of the run gets SIGSTOP a moment after a load on it has begun."""
    held, handles = loadgen.hold, []

    def hold(*given, **more):
        handles.extend(handle for _, handle in Handle.noted(run) if handle.process())
        threading.Timer(0.8, lambda: handles[-1].process() and handles[-1].process().suspend()).start()
        return held(*given, **more)

    monkeypatch.setattr(loadgen, "hold", hold)
    yield
    for handle in handles:
        if process := handle.process():
            process.kill()


def test_in_the_rehearsal_it_ends_the_stage_and_the_bundle_claims_nothing(run: Path) -> None:
    plan = deploy.plan_of(run, deploy.IMAGE, deploy.Demand(200.0))
    deploy.write(plan)
    with pytest.raises(ServerHung, match=HANGS):
        deploy.rehearsal.run(plan, False, 30.0, [])
    assert "NOT REHEARSED" in (run / "deploy" / "README.md").read_text()


def proof(run: Path) -> Proof:
    defaults = {name: value for name, (_, value) in params.declared(NOTEBOOK_DIR / "65_prove.ipynb").items()}
    asked = {"run_dir": str(run), "target_rate_rps": 100.0, "concurrency": [1], "rate_shares": []}
    return proof_of(defaults | asked)


def test_in_prove_it_is_told_before_the_verdict_and_is_one(run: Path, tmp_path, monkeypatch, capsys) -> None:
    channel = tmp_path / "progress.json"
    monkeypatch.setenv(progress.CHANNEL, str(channel))
    with StageLine().stage("prove", channel):
        held = holding.hold(proof(run))
        expected = [f"ServerHung: {held.ended}"]
        assert json.loads(channel.read_text())["failed"] == expected
    assert held.ended.startswith("The embedded server of 'digits'")
    assert "hangs: it answered nothing" in held.ended
    assert f"Stage 'prove' failed: {expected[0].splitlines()[0]}" in capsys.readouterr().err


def test_another_version_of_the_model_is_no_proof_of_anything_and_fails_the_run(run: Path) -> None:
    added = shutil.copytree(run / "models" / "digits" / "1", run / "models" / "digits" / "2")
    try:
        asked = proof(run)
        results = words.results(asked, holding.hold(asked))
    finally:
        shutil.rmtree(added)
    assert results["answer"] == "NOT PROVEN"
    assert "with version 1, version 2 answers now (somebody changed" in results["why"]
    assert results["failures"] == []
    assert outcome.failures({"prove": {"results": results}}) == [f"prove: {results['why']}"]
