"""The whole chain on a Docker engine by params/docker.yml, with the image's name overridden and short windows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import DOCKER, playbook

from playbook.records import record, runs

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]
# What docker.yml holds for minutes, this holds for a second: the test is of the chain, not of the numbers.
SHORT = {
    "duration_s": 1.0,
    "ramp_up_s": 0.2,
    "concurrency": "[4]",
    "rate_shares": "[0.5]",
    "space": "{enable_batching: [true], max_batch_size: [16], batch_timeout_micros: [500], num_batch_threads: [1], "
    "rest_api_num_threads: [33]}",
    "max_trials": 2,
    "windows": 1,
    "trial_s": 0.3,
    "tolerance": 0.3,
    "trial_ramp_up_s": 0.1,
    "warmup_repeats": 1,
    "gain_repeats": 0,
    "ablation": 0,
    "moving_s": 2.0,
    "policies": "[threshold]",
    "batch_size_bounds": "[8, 16]",
    "prove_level_s": 1.0,
    "prove_s": 4.0,
    "drills": "[swap]",  # test_container_drills.py holds the others
    "drill_s": 1.0,
    "target_rate_rps": 2000.0,
    "headroom": 0.8,  # windows this short overrate a server: the rehearsal is not to refute them
    "rehearsal_s": 1.0,
}


@pytest.fixture(scope="module")
def chain(engine, image, run) -> Path:
    """A run of other parameters that builds on the export."""
    words = [word for name, value in SHORT.items() for word in ("--set", f"{name}={value}")]
    words += ["--resume", run.name, "--from", "serve", "--set", f"image={image}", "--no-verify"]
    done = playbook("run", DOCKER, *words, "--outputs", run.parent, timeout_s=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return runs.newest_first(run.parent)[0]


def test_every_verb_leaves_its_record(chain):
    for verb in runs.NOTEBOOKS:
        assert record.load(chain, verb)["verdict"]
    assert (chain / "record.md").exists()


def test_every_headline_names_the_docker_server(chain):
    assert record.load(chain, "serve")["results"]["server"] == "docker"
    assert "docker server" in record.load(chain, "serve")["verdict"]


def test_no_container_is_left(chain, engine):
    left = engine.containers.list(all=True, filters={"label": f"playbook.run={chain.name}"})
    assert [container.name for container in left] == []


def test_deploy_built_the_image_and_rehearsed_it(chain):
    seen = record.load(chain, "deploy")["results"]["rehearsal"]
    assert seen["server"] == "docker"
    assert "was built on" in seen["why"]
    assert seen["errors"] == 0
    assert seen["parity_max_abs_diff"] < 1e-4
    assert seen["throughput_rps"] > 0


def test_the_record_of_resources_is_of_the_container(chain):
    sources = record.load(chain, "deploy")["results"]["sizing"]["sources"]
    assert sources["memory_request_mib"].startswith(("data/resources", "deploy.json results.rehearsal"))


def test_the_built_image_is_healthy_by_state_and_not_without_it(chain, engine):
    kept = json.loads((chain / "deploy.json").read_text())["results"]
    name = kept["rehearsal"]["image"]
    config = engine.images.get(name).attrs["Config"]
    assert config["Labels"]["playbook.run-id"] == chain.name
    assert config["User"] == "65532:65532"
    assert config["Healthcheck"]["Test"] == ["CMD", "bash", "/etc/tensorflow-serving/healthy.sh"]
    container = engine.containers.run(name, detach=True, read_only=True, tmpfs={"/tmp": ""}, cap_drop=["ALL"])
    try:
        check = "for i in $(seq 150); do bash /etc/tensorflow-serving/healthy.sh && exit 0; sleep 0.1; done; exit 9"
        assert container.exec_run(["bash", "-c", check]).exit_code == 0
        other = container.exec_run(["bash", "/etc/tensorflow-serving/healthy.sh"], environment={"MODEL_NAME": "other"})
        assert other.exit_code == 1
        assert container.exec_run(["id", "-u"]).output.strip() == b"65532"
    finally:
        container.remove(force=True)
        engine.images.remove(name, force=True)
