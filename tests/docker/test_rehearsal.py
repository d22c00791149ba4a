"""The rehearsal runs the built image under the quota that ships, and what it showed reaches verdict and sizes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from playbook import deploy
from playbook.deploy.sizing import Demand
from playbook.records import record
from playbook.records.cited import Cited

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


LIMIT_MS = 3000.0  # that a server with a quota keeps also where others use the machine
WINDOW_S = 2.0


def rehearsed(run: Path, image: str, folder: Path, rate_rps: float, cores: float | None = None):
    """A run that claims to have measured this rate, its bundle rehearsed; the plan, what was seen and the results."""
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("deploy"))
    level = {"throughput_rps": rate_rps, "latency_p99_ms": 9.0, "latency_max_ms": 30.0, "valid": True}
    served = {"server": "docker", "cpus": [0], "start_s": 2.0}
    for verb in ("tune", "prove", "serve", "stress"):
        (folder / f"{verb}.json").unlink(missing_ok=True)
    record.save(folder, "serve", params={"enable_batching": False}, results=served, verdict="up")
    stressed = {"limit_ms": LIMIT_MS, "best": level, "levels": [level]}
    record.save(folder, "stress", params={}, results=stressed, verdict="stressed")
    plan = deploy.plan_of(folder, image, Demand(2 * rate_rps))
    if cores is not None:
        plan = replace(plan, sizing=replace(plan.sizing, cpu_limit=Cited(cores, "of this test")))
    deploy.write(plan)
    built, why = deploy.rehearsal.choose(plan, "auto")
    assert built, why
    seen = deploy.rehearsal.run(plan, built, WINDOW_S, [], why)
    return plan, seen, deploy.results(plan, [], checks=[], rehearsal=seen)


@pytest.fixture(scope="module")
def kept(run, image, engine, tmp_path_factory):
    yield rehearsed(run, image, tmp_path_factory.mktemp("kept") / "rehearsal-kept", 400.0)
    engine.images.remove("digits-serving:rehearsal-kept", force=True)


def test_a_rate_that_is_carried_refutes_nothing(kept):
    plan, seen, results = kept
    assert seen["errors"] == 0
    assert seen["throughput_rps"] == pytest.approx(plan.sizing.planned_rps.value, rel=0.3)
    assert results["refuted"] == []


def test_cores_memory_and_throttled_periods_of_the_container_are_measured(kept):
    _, seen, _ = kept
    assert 0.005 < seen["cpu_cores"] < 1.1  # the quota is one core
    assert 50e6 < seen["rss_bytes"] < 4e9
    assert 0 <= seen["throttled_share"] <= 1


def test_sizes_follow_the_rehearsed_server(kept):
    plan, seen, _ = kept
    sized = deploy.refined(plan, seen).sizing
    assert sized.cpu_target_percent.source.startswith("deploy.json results.rehearsal.cpu_cores")
    assert sized.memory_limit_mib.source.startswith("deploy.json results.rehearsal.rss_bytes")
    assert sized.memory_limit_mib.value >= 2 * seen["rss_bytes"] / 2**20


def test_a_rate_beyond_its_quota_is_not_carried_and_the_throttling_is_said(run, image, engine, tmp_path):
    _, seen, results = rehearsed(run, image, tmp_path / "rehearsal-beyond", 20_000.0, cores=0.2)
    engine.images.remove("digits-serving:rehearsal-beyond", force=True)
    assert deploy.verdict(results).startswith("NOT CARRIED: ")
    assert seen["throughput_rps"] < 14_000
    assert seen["throttled_share"] > 0.02
    assert any("the CPU quota stopped the server" in sentence for sentence in results["refuted"])
