"""The bundle says what the record says, number by number, and its own checks find what is wrong with it."""

import json
import os
import re
import shutil

import deployable_run
import jinja2
import pandas as pd
import pytest
import yaml

from playbook import deploy
from playbook.deploy import bundle, bundle_check, context, kubernetes, replica, words
from playbook.deploy.sizing import Demand
from playbook.errors import BundleBroken, ParameterError, SizingRefused
from playbook.lint.linter import lint
from playbook.records import record
from playbook.tfserving.batching import Batching


def bundled(run, target_rate_rps=5000.0, **demand):
    made = deploy.plan_of(run, deploy.IMAGE, Demand(target_rate_rps, **demand))
    deploy.write(made)
    return run / "deploy", made


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return deployable_run.make(tmp_path_factory.mktemp("outputs") / "20261122-quick")


@pytest.fixture(scope="module")
def written(run):
    return bundled(run)


@pytest.fixture
def fresh(tmp_path):
    return deployable_run.make(tmp_path / "fresh")


def manifest(folder, name="base/deployment"):
    return yaml.safe_load((folder / "kubernetes" / f"{name}.yaml").read_text())


def container(folder):
    return manifest(folder)["spec"]["template"]["spec"]["containers"][0]


def sized_replicas(folder):
    return re.search(r"--replicas=(\d+)", (folder / "README.md").read_text())[1]


@pytest.mark.parametrize(
    ("verb", "path", "value", "read", "before", "after"),
    [
        ("tune", "best.rate_rps", 900.0, lambda f: manifest(f, "base/autoscaler")["spec"]["minReplicas"], 4, 4),
        ("tune", "best.rate_rps", 900.0, lambda f: sized_replicas(f), "5", "11"),
        ("tune", "best.rate_rps", 900.0, lambda f: manifest(f, "base/autoscaler")["spec"]["maxReplicas"], 11, 24),
        ("serve", "cpus", [0, 1, 2], lambda f: container(f)["resources"]["limits"]["cpu"], 2, 3),
        ("serve", "start_s", 90.0, lambda f: container(f)["startupProbe"]["failureThreshold"], 36, 450),
        (
            "stress",
            "best.latency_max_ms",
            9100.0,
            lambda f: manifest(f)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
            56,
            63,
        ),
        (
            "tune",
            "best.config.rest_api_num_threads",
            96,
            lambda f: [word for word in container(f)["args"] if "rest" in word],
            ["--rest_api_num_threads=64"],
            ["--rest_api_num_threads=96"],
        ),
        (
            "tune",
            "best.config.max_enqueued_batches",
            7,
            lambda f: Batching.parse((f / "config/batching.config").read_text()).max_enqueued_batches,
            100,
            7,
        ),
        ("stress", "limit_ms", 20.0, lambda f: "* 1000 > 20" in (f / "monitoring/rules.yml").read_text(), False, True),
    ],
)
def test_a_changed_record_changes_the_manifest(fresh, verb, path, value, read, before, after):
    folder, _ = bundled(fresh)
    assert read(folder) == before
    deployable_run.change(fresh, verb, path, value)
    folder, _ = bundled(fresh)
    assert read(folder) == after


def test_changed_samples_change_requests_and_limits(run, tmp_path):
    bare = deployable_run.make(tmp_path / "bare", samples=False)
    measured, assumed = container(bundled(run)[0])["resources"], container(bundled(bare)[0])["resources"]
    assert measured["requests"] == {"cpu": 2, "memory": "832Mi"}
    assert measured["limits"] == measured["requests"]
    assert assumed["requests"] == {"cpu": 2, "memory": "2048Mi"}


def test_every_number_of_a_manifest_names_its_source(written):
    number = re.compile(r"[:=] *\"?[0-9][^#]*$|[:=] *\"?[0-9][\w.]*[,}\] ]")
    generated = ("rules.yaml", "dashboard.yaml")  # of monitoring/, whose sources stand above each rule
    places = [path for folder in ("kubernetes", "kserve") for path in (written[0] / folder).rglob("*.yaml")]
    assert len(places) > 20
    for path in [*places, written[0] / "helm" / "values.yaml"]:
        for line in path.read_text().splitlines() if path.name not in generated else ():
            told = line.lstrip().startswith("#") or "#" in line or not number.search(line)
            named = any(
                word in line
                for word in (
                    "apiVersion",
                    "-serving",
                    "run-id",
                    "fingerprint",
                    "--url",
                    "app.kubernetes.io/version",
                    "rclone",
                )
            )
            assert told or named, f"{path.name}: {line.strip()} has a number without a source"


def test_the_comment_of_a_measured_number_names_a_field_that_exists(written, run):
    cited = set()
    for path in (written[0] / "kubernetes").rglob("*.yaml"):
        cited |= set(re.findall(r"# .*?(\w+)\.json results\.([\w.]+\w)", path.read_text()))
    assert {verb for verb, _ in cited} == {"tune", "serve", "stress"}
    for verb, path in cited:
        place = json.loads((run / f"{verb}.json").read_text())["results"]
        for name in path.split("."):
            place = place[name]


def test_lint_finds_nothing_in_the_bundle(written):
    assert [hit for hit in lint(written[0]) if hit.severity != "note"] == []


def test_lint_finds_nothing_in_a_bundle_whose_image_is_built_on_one_of_your_own(fresh):
    deploy.write(deploy.plan_of(fresh, "mine/serving:1", Demand(5000.0)))
    assert "mine/serving:1" in (fresh / "deploy" / "Dockerfile").read_text()
    assert [hit for hit in lint(fresh / "deploy") if hit.severity != "note"] == []


def test_all_checks_of_the_bundle_pass_or_say_what_is_missing(written):
    rows = bundle_check.files(written[0], written[1].replica)
    assert bundle_check.failed(rows) == []
    assert {row["outcome"] for row in rows if row["what"] in ("playbook lint", "manifests, strictly")} == {"passed"}


@pytest.mark.skipif(not kubernetes.can_build(), reason="kubectl is not installed")
@pytest.mark.parametrize("component", bundle.components())
def test_kustomize_builds_each_component_on_the_cpu_overlay(written, tmp_path, component):
    folder = shutil.copytree(written[0] / "kubernetes", tmp_path / "kubernetes")
    overlay = folder / "overlays" / "cpu" / "kustomization.yaml"
    overlay.write_text(f"{overlay.read_text()}components: [../../components/{component}]\n")
    text = kubernetes.build(overlay.parent)
    assert kubernetes.validate(text, component) >= 6
    kinds = {item["kind"] for item in kubernetes.objects(text)}
    expected = {"requests-per-second": "ConfigMap", "model-volume": "PersistentVolumeClaim", "keda": "ScaledObject",
                "service-monitor": "PrometheusRule", "grpc-route": "GRPCRoute"}  # fmt: skip
    assert expected.get(component, "Deployment") in kinds
    assert ("HorizontalPodAutoscaler" in kinds) == (component != "keda")
    if component == "requests-per-second":
        assert "serving_requests_per_second" in text
        assert "averageUtilization" not in text


@pytest.mark.skipif(not kubernetes.can_build(), reason="kubectl is not installed")
def test_the_gpu_overlay_is_a_gpus_and_not_the_cpus(written):
    text = kubernetes.build(written[0] / "kubernetes" / "overlays" / "gpu")
    assert kubernetes.validate(text, "gpu") >= 6
    assert "serving_requests_per_second" in text
    (deployment,) = (item for item in kubernetes.objects(text) if item["kind"] == "Deployment")
    (server,) = deployment["spec"]["template"]["spec"]["containers"]
    assert server["image"].startswith("digits-serving-gpu:")
    assert server["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert server["resources"]["requests"] == server["resources"]["limits"]
    assert int(server["resources"]["limits"]["memory"].removesuffix("Mi")) >= 4096
    cpus = server["resources"]["limits"]["cpu"]  # not the counts that the CPU's kernels were tuned to
    counts = [flag for flag in server["args"] if "op_parallelism" in flag]
    assert counts == [f"--tensorflow_{name}_op_parallelism={cpus}" for name in ("intra", "inter")]
    assert "--rest_api_num_threads=64" in server["args"]
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


@pytest.mark.skipif(not kubernetes.can_build(), reason="kubectl is not installed")
def test_naming_the_pushed_image_keeps_the_gpu_image_apart(written, tmp_path):
    folder = shutil.copytree(written[0] / "kubernetes", tmp_path / "kubernetes")
    overlay = folder / "overlays" / "gpu" / "kustomization.yaml"
    pushed = "images: [{name: digits-serving, newName: registry/digits-serving, digest: 'sha256:" + "0" * 64 + "'}]\n"
    overlay.write_text(overlay.read_text() + pushed)
    assert "registry/digits-serving@" not in kubernetes.build(overlay.parent)


BROKEN = [  # in which file, what is written there instead, and the check that must find it
    ("kubernetes/base/deployment.yaml", "readinessProbe:", "readynessProbe:", "manifests, strictly"),
    ("config/batching.config", "value: 32", "value: 64", "batching file read back"),
    ("monitoring/grafana/dashboards/serving.json", "{", "", "Grafana dashboard is JSON"),
    ("Dockerfile", "\nCMD [", '\nCMD ["tensorflow_model_server", ', "playbook lint"),
    ("monitoring/rules.yml", "histogram_quantile(", "histogram_quantil(", "promtool check"),
    ("kubernetes/overlays/cpu/kustomization.yaml", "../../base", "../../bass", "kubectl kustomize"),
    ("compose.yml", "services:", "servicess:", "docker compose config"),
]


def test_the_checks_find_what_is_broken(written, tmp_path):
    """Everything at once: each check tells its own."""
    folder = shutil.copytree(written[0], tmp_path / "deploy")
    for name, old, new, _ in BROKEN:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))
    rows = {row["what"]: row for row in bundle_check.files(folder, written[1].replica)}
    assert {what: rows[what]["outcome"] for *_, what in BROKEN if rows[what]["outcome"] != "not tried"} == {
        what: "failed" for *_, what in BROKEN if rows[what]["outcome"] != "not tried"
    }


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("kubernetes/components/keda/scaledobject.yaml", "maxReplicaCount", "maxReplicas"),
        ("kserve/service.yaml", "storageUri", "storageURI"),
    ],
)
def test_a_misspelt_field_of_an_operators_object_is_found(written, name, old, new):
    text = (written[0] / name).read_text()
    kubernetes.validate(text, name)
    with pytest.raises(BundleBroken, match=new):
        kubernetes.validate(text.replace(old, new, 1), name)


def test_an_invalid_object_is_named_with_its_field():
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: many}]}\n"
    with pytest.raises(BundleBroken, match=r"svc\.yaml: Service s .*port"):
        kubernetes.validate(text, "svc.yaml")


def test_a_template_that_asks_for_an_unknown_name_is_an_error(written):
    names = context.of(written[1])
    names.pop("drain_s")
    with pytest.raises(jinja2.UndefinedError, match="drain_s"):
        bundle.render(names)


def test_the_bundle_stands_alone(written, tmp_path):
    folder = shutil.copytree(written[0], tmp_path / "elsewhere")
    assert (folder / "models" / "digits" / "3" / "saved_model.pb").read_bytes().endswith(b"serve")
    assert list((folder / "loadtest" / "bodies").glob("*.body"))
    assert (folder / "loadtest" / "loadgen" / "__main__.py").exists()
    assert re.search(r"^uvloop==\d", (folder / "loadtest" / "requirements.txt").read_text(), re.MULTILINE)
    assert str(written[0].parent) not in "".join(
        path.read_text() for path in folder.rglob("*") if path.suffix in (".yaml", ".yml", ".md", "")
        and path.is_file()
    )  # fmt: skip


def test_files_that_only_the_owner_may_read_are_opened_for_the_user_of_the_image(tmp_path):
    run = deployable_run.make(tmp_path / "private")
    secret = run / "models" / "digits" / "3" / "saved_model.pb"
    secret.chmod(0o600)
    folder, _ = bundled(run)
    assert (folder / "models" / "digits" / "3" / "saved_model.pb").stat().st_mode & 0o044 == 0o044
    assert secret.stat().st_mode & 0o777 == 0o600


def test_a_record_without_tuning_deploys_the_measured_default_and_says_so(tmp_path):
    folder, made = bundled(deployable_run.make(tmp_path / "untuned", tuned=False))
    assert not (folder / "config" / "batching.config").exists()
    assert "--enable_batching=true" not in container(folder)["args"]
    assert any("no tuning record" in text for text in made.sizing.warnings)
    assert "untuned" in words.carries(made)
    assert made.replica.rate_rps.source == "stress.json results.best.throughput_rps"


@pytest.mark.parametrize("doubt", [{"valid": False}, {"latency_p99_ms": None}], ids=["broken", "not enough"])
def test_levels_that_prove_nothing_size_a_bundle_that_says_not_proven(doubt, tmp_path):
    levels = [{**deployable_run.LEVEL, **doubt}]
    stress = {"limit_ms": 50.0, "best": None, "levels": levels}
    _, made = bundled(deployable_run.make(tmp_path / "unsure", tuned=False, stress=stress))
    assert words.carries(made).startswith("NOT PROVEN, for want of a VALID level: ")
    assert "in windows that prove nothing" in words.carries(made)


def test_the_curve_of_a_tuned_replica_ends_at_its_own_rate_and_p99(run):
    curve = deploy.plan_of(run, deploy.IMAGE, Demand(10.0)).replica.curve
    assert curve.value == [(1800.0, 41.0)]
    assert "stress.json results.levels, rates × 2.25" in curve.source


def test_a_tuned_best_that_is_not_valid_is_not_proven(fresh):
    deployable_run.change(fresh, "tune", "best.valid", False)
    assert words.carries(bundled(fresh)[1]).startswith("NOT PROVEN")


def test_valid_levels_that_all_miss_the_limit_are_refused(tmp_path):
    stress = {"limit_ms": 10.0, "best": None, "levels": [deployable_run.LEVEL]}
    with pytest.raises(SizingRefused, match="kept the limit of 10 ms"):
        bundled(deployable_run.make(tmp_path / "slow", tuned=False, stress=stress))


def test_levels_without_a_limit_are_refused_with_what_to_do(tmp_path):
    stress = {"best": None, "levels": [deployable_run.LEVEL]}
    with pytest.raises(SizingRefused, match="Set p99_limit_ms and run 'stress' again"):
        bundled(deployable_run.make(tmp_path / "no-limit", tuned=False, stress=stress))


def test_a_name_that_is_no_image_is_refused(run):
    with pytest.raises(ParameterError, match="tensorflow/serving"):
        deploy.plan_of(run, "no such image; rm -rf", Demand(10.0))


def test_a_replica_is_planned_for_the_lowest_rate_its_winner_reached_when_measured_again(fresh):
    deployable_run.change(fresh, "tune", "repeats", [[780.0, 1900.0], [810.0, 1500.0]])
    rate = deploy.plan_of(fresh, deploy.IMAGE, Demand(10.0)).replica.rate_rps
    assert (rate.value, rate.source) == (1500.0, "tune.json results.repeats, the winner's lowest")


def test_repeats_of_another_objective_are_no_rates(fresh):
    deployable_run.change(fresh, "tune", "repeats", [[20.0, 25.0], [21.0, 24.0]])
    deployable_run.change(fresh, "tune", "kind", "min_p99_at_rate")
    assert deploy.plan_of(fresh, deploy.IMAGE, Demand(10.0)).replica.rate_rps.value == 1800.0


def test_the_load_test_sends_the_requests_that_the_replica_was_tuned_for(fresh):
    deployable_run.change(fresh, "tune", "best.config.protocol", "grpc")
    told = json.loads((fresh / "tune.json").read_text())
    (fresh / "tune.json").write_text(json.dumps(told | {"params": {"protocol": "rest", "rows_per_request": 4}}))
    _, made = bundled(fresh)
    assert (made.protocol, made.mix.rows_per_request) == ("grpc", 4)
    assert context.of(made)["load_url"].startswith("grpc://")


HELD = {"answer": "KEPT", "why": "", "rate_rps": 1100.0, "held": {"latency_p99_ms": 33.0}}
PROVED = [{"throughput_rps": 900.0, "latency_p99_ms": 12.0, "valid": True},
          {"throughput_rps": 1500.0, "latency_p99_ms": 44.0, "valid": True},
          {"throughput_rps": 1900.0, "latency_p99_ms": 77.0, "valid": True},
          {"throughput_rps": 2500.0, "latency_p99_ms": 30.0, "valid": False}]  # fmt: skip


FAILING = [PROVED[0], PROVED[1] | {"success_rate": 0.99}]


@pytest.mark.parametrize(
    ("results", "rate_rps", "source"),
    [
        ({**HELD, "levels": PROVED}, 1500.0, "prove.json results.levels.1.throughput_rps"),
        ({**HELD, "levels": PROVED[:1]}, 1100.0, "prove.json results.rate_rps"),
        ({**HELD, "answer": "NOT KEPT", "levels": PROVED[:1]}, 900.0, "prove.json results.levels.0.throughput_rps"),
        ({**HELD, "answer": "NOT PROVEN", "levels": PROVED[:1]}, 1800.0, "tune.json results.best.rate_rps"),
        ({**HELD, "answer": "NOT KEPT", "levels": FAILING}, 900.0, "prove.json results.levels.0.throughput_rps"),
        (
            {**HELD, "answer": "NOT KEPT", "levels": PROVED, "failures": ["3 of 9 answers compared were wrong"]},
            1500.0,
            "prove.json results.levels.1.throughput_rps",
        ),
    ],
    ids=["best level", "the promise held", "not kept", "disturbed", "a level that failed requests", "wrong answers"],
)
def test_the_rate_that_was_proven_goes_before_the_rate_that_was_tuned(fresh, results, rate_rps, source):
    record.save(fresh, "prove", params={}, results=results, verdict="proved")
    made = bundled(fresh)[1]
    assert (made.replica.rate_rps.value, made.replica.rate_rps.source) == (rate_rps, source)
    doubted = words.carries(made).startswith("NOT PROVEN, as prove does not confirm it: ")
    assert doubted == (results["answer"] == "NOT PROVEN" or "failures" in results)
    assert "inside the limit" in words.carries(made)


def test_cores_and_memory_are_those_of_the_server_that_prove_held_not_of_the_default_flags(fresh):
    """Stress's server, with the default flags, used 1.9 cores; prove's, tuned, 0.6 and half the memory."""
    data = record.data_dir(fresh)
    use = {"who": ["server"] * 40, "at_ns": range(40), "cpu_cores": [1.9] * 20 + [0.6] * 20,
           "rss_bytes": [800 * 2**20] * 20 + [400 * 2**20] * 20}  # fmt: skip
    record.write_parquet(data / "resources" / "0.parquet", pd.DataFrame(use))
    for number, stage in enumerate(("stress", "prove")):
        rows = pd.DataFrame({"scheduled_ns": [20 * number], "done_ns": [20 * number + 19]})
        record.write_parquet(data / "requests" / f"{stage}_000" / "0.parquet", rows)
    one = replica.of_run(fresh)
    assert (one.cpu_cores.value, one.memory_bytes.value) == (0.6, 400 * 2**20)
    assert one.cpu_cores.source.endswith("in prove")
    shutil.rmtree(data / "requests")
    assert replica.of_run(fresh).cpu_cores.value == 1.9
    assert replica.of_run(fresh).cpu_cores.source.endswith("under the default flags")


def test_a_program_that_hangs_says_nothing_of_a_bundle_and_ends_no_stage(tmp_path, monkeypatch):
    tool = tmp_path / "promtool"
    tool.write_text("#!/bin/sh\nexec sleep 20\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(bundle_check, "PROGRAM_S", 0.2)
    check = bundle_check._run("promtool check", lambda: bundle_check._promtool(tmp_path), "")
    assert (check.outcome, "timed out after 0.2 seconds" in check.detail) == ("not tried", True)
