"""A deployment that survives its first bad day: overload, drain, lost pods and other people."""

import json
import re
import shutil
import subprocess

import deployable_run
import pytest
import yaml

from playbook import deploy
from playbook.deploy import kubernetes, rehearsal, runbook, server_flags
from playbook.deploy.bundle import components
from playbook.deploy.sizing import Demand
from playbook.errors import SizingRefused


def written(folder, target_rate_rps=5000.0, **changes):
    run = deployable_run.make(folder)
    for path, value in changes.items():
        verb, _, place = path.partition("__")
        deployable_run.change(run, verb, place.replace("__", "."), value)
    plan = deploy.plan_of(run, deploy.IMAGE, Demand(target_rate_rps))
    deploy.write(plan)
    return run / "deploy"


def with_extra_flags(folder, flags):
    run = deployable_run.make(folder)
    record = json.loads((run / "serve.json").read_text())
    record["params"]["extra_flags"] = flags
    (run / "serve.json").write_text(json.dumps(record))
    return deploy.plan_of(run, deploy.IMAGE, Demand(5000.0))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return written(tmp_path_factory.mktemp("outputs") / "bad-day")


def objects(bundle, *path):
    return list(kubernetes.objects((bundle / "kubernetes").joinpath(*path).read_text()))


def deployment(bundle):
    return objects(bundle, "base", "deployment.yaml")[0]


def pod(bundle):
    return deployment(bundle)["spec"]["template"]["spec"]


def flags(bundle):
    return dict(word.lstrip("-").split("=", 1) for word in pod(bundle)["containers"][0]["args"])


def test_grpc_is_let_in_as_widely_as_rest_and_as_two_batches(tmp_path):
    assert int(flags(written(tmp_path / "rest"))["grpc_max_threads"]) == 64
    config = {**deployable_run.BEST, "max_batch_size": 256, "allowed_batch_sizes": []}
    assert int(flags(written(tmp_path / "batch", tune__best__config=config))["grpc_max_threads"]) == 512


def test_a_grpc_thread_count_that_was_measured_over_grpc_stays(tmp_path):
    config = {**deployable_run.BEST, "protocol": "grpc", "grpc_max_threads": 17}
    assert flags(written(tmp_path / "grpc", tune__best__config=config))["grpc_max_threads"] == "17"


def test_the_readme_says_which_protocol_was_not_measured(bundle, tmp_path):
    assert "gRPC was not measured" in (bundle / "README.md").read_text()
    config = {**deployable_run.BEST, "protocol": "grpc"}
    other = written(tmp_path / "grpc", tune__best__config=config)
    assert "REST was not measured" in (other / "README.md").read_text()


def test_applying_again_leaves_the_number_of_pods_to_the_autoscaler(bundle):
    assert "replicas" not in deployment(bundle)["spec"]
    assert objects(bundle, "base", "autoscaler.yaml")[0]["spec"]["minReplicas"] == 4


def test_no_probe_of_the_base_waits_in_the_queue_of_predictions(bundle):
    server = pod(bundle)["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert "tcpSocket" in server[probe]
    assert server["readinessProbe"]["failureThreshold"] >= 6
    assert server["livenessProbe"]["failureThreshold"] >= 6


@pytest.mark.skipif(not kubernetes.can_build(), reason="kubectl is not installed")
@pytest.mark.parametrize("component", ["model-volume", "model-bucket"])
def test_where_a_model_may_be_missing_the_state_is_asked_with_patience(bundle, tmp_path, component):
    folder = shutil.copytree(bundle / "kubernetes", tmp_path / "kubernetes")
    overlay = folder / "overlays" / "cpu" / "kustomization.yaml"
    overlay.write_text(f"{overlay.read_text()}components: [../../components/{component}]\n")
    built = {item["kind"]: item for item in kubernetes.objects(kubernetes.build(overlay.parent))}
    server = built["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert server["readinessProbe"]["exec"]["command"][-1].endswith("healthy.sh")
    assert server["readinessProbe"]["failureThreshold"] >= 6
    assert "tcpSocket" not in server["readinessProbe"]
    assert {"name": "models", "mountPath": "/models", "readOnly": True} in server["volumeMounts"]


def test_a_pod_drains_longer_than_its_longest_connection_and_answer(bundle):
    channel = dict(pair.split("=") for pair in flags(bundle)["grpc_channel_arguments"].split(","))
    age_s = int(channel["grpc.max_connection_age_ms"]) / 1000
    grace_s = int(channel["grpc.max_connection_age_grace_ms"]) / 1000
    spec = pod(bundle)
    drain_s = int(spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert grace_s >= 2.4  # the slowest answer of the record
    assert drain_s >= 15 + 1.1 * age_s + 2.4
    assert spec["terminationGracePeriodSeconds"] > drain_s
    assert "exit code 137" in (bundle / "README.md").read_text()


def test_the_flags_it_was_measured_with_are_carried(tmp_path):
    given = ["--enable_profiler=true", "--rest_api_timeout_in_ms=700", "--rest_api_num_threads=9"]
    plan = with_extra_flags(tmp_path / "extra", [*given, "--grpc_channel_arguments=grpc.max_connection_age_ms=5"])
    deploy.write(plan)
    carried = flags(plan.run_dir / "deploy")
    assert carried["rest_api_timeout_in_ms"] == "700"
    assert (carried["enable_profiler"], carried["rest_api_num_threads"]) == ("true", "9")
    assert carried["grpc_channel_arguments"].startswith("grpc.max_connection_age_ms=5,")
    names = [server_flags.name_of(flag) for flag in server_flags.flags(plan.replica, "rest")]
    assert len(set(names)) == len(names)
    assert "--rest_api_timeout_in_ms=700" in (plan.run_dir / "deploy" / "Dockerfile").read_text()
    assert "--rest_api_timeout_in_ms=700" in rehearsal.spec_of(plan).extra_flags


@pytest.mark.parametrize("flag", ["--ssl_config_file=/etc/ssl.cfg", "--model_config_file=/c", "--port=1"])
def test_a_flag_that_the_image_cannot_have_is_refused(tmp_path, flag):
    with pytest.raises(SizingRefused, match=re.escape(flag)):
        deploy.write(with_extra_flags(tmp_path / "file", [flag]))


def test_the_profiler_is_off_and_grpc_is_for_labelled_clients(bundle):
    assert flags(bundle)["enable_profiler"] == "false"
    (policy,) = objects(bundle, "base", "network.yaml")
    ports = {port["port"]: rule["from"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
    rest = next(rule for rule in policy["spec"]["ingress"] if {"podSelector": {}} in rule["from"])
    assert rest["ports"] == [{"port": "rest"}]
    assert any("istio-system" in str(peer) and "ingress-nginx" in str(peer) for peer in rest["from"])
    assert "grpc" in ports
    (job,) = objects(bundle, "overlays", "load-test", "job.yaml")
    assert job["spec"]["template"]["metadata"]["labels"]["playbook/grpc-client"] == "true"


def test_pods_spread_over_zones_and_nodes(bundle):
    keys = [spread["topologyKey"] for spread in pod(bundle)["topologySpreadConstraints"]]
    assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]


def test_the_volume_can_be_written_and_is_filled(bundle):
    folder = bundle / "kubernetes" / "components" / "model-volume"
    claim = yaml.safe_load((folder / "claim.yaml").read_text())["spec"]
    assert claim["accessModes"] == ["ReadWriteMany"]
    assert int(claim["resources"]["requests"]["storage"].removesuffix("Gi")) >= 1
    (job,) = kubernetes.objects((folder / "copy.yaml").read_text())
    assert job["spec"]["template"]["spec"]["containers"][0]["command"][:2] == [
        "bash",
        "/etc/tensorflow-serving/copy_models.sh",
    ]


def test_the_copy_script_copies_whole_versions_and_leaves_those_that_are_there(bundle, tmp_path):
    script, volume = bundle / "config" / "copy_models.sh", tmp_path / "volume"
    volume.mkdir()

    def copy():
        done = subprocess.run(["bash", script, bundle / "models", volume], capture_output=True, text=True, check=True)
        return done.stdout

    assert "digits/3 copied" in copy()
    own = (bundle / "models" / "digits" / "3" / "saved_model.pb").read_bytes()
    assert (volume / "digits" / "3" / "saved_model.pb").read_bytes() == own
    (volume / "digits" / "3" / "saved_model.pb").write_bytes(b"newer")
    (volume / "digits" / ".4.part").mkdir()
    assert "digits/3 is there" in copy()
    assert (volume / "digits" / "3" / "saved_model.pb").read_bytes() == b"newer"


def test_the_load_test_asks_every_pod_keeps_its_rows_and_has_memory_for_them(bundle, tmp_path):
    (job,) = objects(bundle, "overlays", "load-test", "job.yaml")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    arguments = dict(word.lstrip("-").split("=", 1) for word in container["args"])
    assert "digits-headless:8501" in arguments["url"]
    assert {"name": "rows", "mountPath": "/out", "subPathExpr": "$(POD_NAME)"} in container["volumeMounts"]
    small = int(container["resources"]["limits"]["memory"].removesuffix("Mi"))
    big = written(tmp_path / "big", 200_000.0)
    (job,) = objects(big, "overlays", "load-test", "job.yaml")
    memory = int(job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"].removesuffix("Mi"))
    assert memory > 200_000 * 60 * 64 / 2**20 > small
    assert "kubectl delete job digits-load-test --ignore-not-found" in (bundle / "README.md").read_text()


def test_pids_count_threads_and_nothing_else(bundle):
    compose = yaml.safe_load((bundle / "compose.yml").read_text())
    assert compose["services"]["serving"]["pids_limit"] == 512


def test_an_older_server_than_the_exporter_is_said(tmp_path):
    run = deployable_run.make(tmp_path / "skew")
    export = json.loads((run / "export.json").read_text())
    for version, said in (("2.21.0", True), ("2.20.1", False)):
        export["environment"]["packages"] = {"tensorflow": version}
        (run / "export.json").write_text(json.dumps(export))
        plan = deploy.plan_of(run, "tensorflow/serving:2.20.0", Demand(5000.0))
        assert any("exported by TensorFlow 2.21.0" in text for text in plan.skew) == said


def test_every_alert_has_a_line_in_the_runbook_and_says_what_it_cannot_see(bundle):
    groups = yaml.safe_load((bundle / "monitoring" / "rules.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["alert"] for rule in rules} == {alert for alert, _ in runbook.RUNBOOK}
    assert all(rule["annotations"]["cannot_see"] for rule in rules)
    readme = (bundle / "README.md").read_text()
    assert all(f"| {alert} | " in readme for alert, _ in runbook.RUNBOOK)


def test_the_operators_rules_are_prometheus_own(bundle):
    own = yaml.safe_load((bundle / "monitoring" / "rules.yml").read_text())
    (rule,) = objects(bundle, "components", "service-monitor", "rules.yaml")
    assert rule["spec"] == own
    (board,) = objects(bundle, "components", "service-monitor", "dashboard.yaml")
    assert json.loads(board["data"]["digits.json"]) == json.loads(
        (bundle / "monitoring" / "grafana" / "dashboards" / "serving.json").read_text()
    )


def test_the_exporter_in_another_namespace_asks_for_the_service_by_its_namespace(bundle):
    probes = objects(bundle, "components", "service-monitor", "probes.yaml")
    targets = [target for probe in probes for target in probe["spec"]["targets"]["staticConfig"]["static"]]
    assert targets == ["http://digits.NAMESPACE:8501/v1/models/digits:predict", "digits.NAMESPACE:8500"]
    assert "NAMESPACE" in (bundle / "README.md").read_text()


@pytest.mark.skipif(not kubernetes.can_build(), reason="kubectl is not installed")
@pytest.mark.parametrize(
    ("place", "components"),
    [("overlays/cpu", ["model-volume", "openshift"]), ("overlays/load-test", ["openshift"]),
     ("canary", ["model-bucket", "openshift"])],
)  # fmt: skip
def test_on_openshift_nothing_asks_for_a_user_of_its_own(bundle, tmp_path, place, components):
    folder = shutil.copytree(bundle / "kubernetes", tmp_path / "kubernetes") / place
    up = "../.." if place.startswith("overlays") else ".."
    text = f"components: [{', '.join(f'{up}/components/{name}' for name in components)}]\n"
    (folder / "kustomization.yaml").write_text((folder / "kustomization.yaml").read_text() + text)
    built = kubernetes.build(folder)
    assert kubernetes.validate(built, place) >= 1
    assert "runAsNonRoot: true" in built
    assert "runAsUser" not in built
    assert "fsGroup" not in built


@pytest.mark.skipif(not kubernetes.can_build(), reason="kubectl is not installed")
def test_a_canary_is_compared_with_one_pod_of_todays_image_and_is_guarded_like_the_fleet(bundle, tmp_path):
    folder = shutil.copytree(bundle / "kubernetes", tmp_path / "kubernetes") / "canary"
    new = "images: [{name: digits-serving-canary, newName: registry/digits-serving, newTag: new}]\n"
    (folder / "kustomization.yaml").write_text((folder / "kustomization.yaml").read_text() + new)
    built = {(item["kind"], item["metadata"]["name"]): item for item in kubernetes.objects(kubernetes.build(folder))}
    pods = {side: built["Deployment", f"digits-{side}"]["spec"] for side in ("canary", "baseline")}
    assert all("replicas" not in spec for spec in pods.values())  # one each: Kubernetes' default
    images = {side: spec["template"]["spec"]["containers"][0].pop("image") for side, spec in pods.items()}
    assert images["canary"] == "registry/digits-serving:new"
    assert images["baseline"].startswith("digits-serving:")
    containers = [spec["template"]["spec"]["containers"] for spec in pods.values()]
    assert containers[0] == containers[1]
    for side in pods:
        assert built["NetworkPolicy", f"digits-{side}"]["spec"]["podSelector"] == {
            "matchLabels": {"app": f"digits-{side}"}
        }
    (rule,) = built["HTTPRoute", "digits"]["spec"]["rules"]
    weights = {backend["name"]: backend["weight"] for backend in rule["backendRefs"]}
    assert weights["digits-canary"] == weights["digits-baseline"] < weights["digits"]


def ci(bundle, tmp_path, scan_exit, missing=()):
    """ci/image.sh with programs that only note what they were asked; syft and grype cannot be had where tests run."""
    programs, asked = tmp_path / "programs", tmp_path / "asked"
    programs.mkdir()
    for name in {"docker", "syft", "grype", "kustomize"} - set(missing):
        said = 'echo "registry/digits-serving@sha256:1"' if name == "docker" else "true"
        end = scan_exit if name == "grype" else 0
        (programs / name).write_text(f'#!/bin/bash\necho "{name} $1" >> {asked}\n{said}\nexit {end}\n')
        (programs / name).chmod(0o755)
    for name in ("bash", "dirname", "tee"):
        (programs / name).symlink_to(shutil.which(name))
    folder = shutil.copytree(bundle, tmp_path / "bundle")
    done = subprocess.run(["bash", folder / "ci" / "image.sh", "registry"], env={"PATH": str(programs)},
                          capture_output=True, text=True)  # fmt: skip
    return done, asked.read_text().splitlines() if asked.exists() else [], folder


def test_the_ci_recipe_lists_and_scans_before_it_pushes_and_names_the_digest(bundle, tmp_path):
    done, asked, folder = ci(bundle, tmp_path, scan_exit=0)
    assert done.returncode == 0, done.stderr
    assert asked == ["docker build", "syft scan", "grype sbom:sbom.spdx.json", "docker push", "docker inspect",
                     "kustomize edit"]  # fmt: skip
    assert (folder / "image-digest.txt").read_text() == "registry/digits-serving@sha256:1\n"


def test_what_the_scan_refuses_is_not_pushed(bundle, tmp_path):
    done, asked, _ = ci(bundle, tmp_path, scan_exit=1)
    assert done.returncode == 1
    assert "docker push" not in asked


def test_the_ci_recipe_names_the_tool_that_is_missing_before_it_builds(bundle, tmp_path):
    done, asked, _ = ci(bundle, tmp_path, scan_exit=0, missing=("syft",))
    assert (done.returncode, asked) == (2, [])
    assert "syft is needed" in done.stderr


def test_every_component_has_its_words():
    assert sorted(runbook.COMPONENTS) == components()


def helm_template(chart):
    """What Helm makes of a chart: by the program, or by its own engine, which helm-python-sdk brings from PyPI."""
    if shutil.which("helm"):
        done = subprocess.run(["helm", "template", "digits", str(chart)], capture_output=True, text=True, check=True)
        return done.stdout
    try:
        import helm_python
    except ImportError:
        pytest.skip("neither helm nor its engine is installed (pip install helm-python-sdk)")
    found = helm_python.lint(str(chart), strict=True)
    assert [row for row in found["messages"] if row["severity"] > 1] == found["errors"] == []
    return "\n---\n".join(helm_python.Chart.load(str(chart)).render(name="digits").values())


@pytest.mark.skipif(not kubernetes.can_build(), reason="kubectl is not installed")
def test_the_chart_is_the_same_manifests(bundle):
    charted = {(item["kind"], item["metadata"]["name"]): item
               for item in kubernetes.objects(helm_template(bundle / "helm"))}  # fmt: skip
    for item in kubernetes.objects(kubernetes.build(bundle / "kubernetes" / "overlays" / "cpu")):
        other = charted.pop((item["kind"], item["metadata"]["name"]))
        assert other["spec"] == item["spec"]
        assert other["metadata"]["labels"] == item["metadata"]["labels"]
    assert charted == {}


def test_the_chart_filled_by_hand_is_the_same_deployment(bundle):
    values = yaml.safe_load((bundle / "helm" / "values.yaml").read_text())
    text = (bundle / "helm" / "templates" / "deployment.yaml").read_text()

    def value(match):
        place = values
        for name in match[1].split("."):
            place = place[name]
        return str(place)

    filled = yaml.safe_load(re.sub(r"\{\{ \.Values\.([\w.]+) \}\}", value, text))
    assert filled == deployment(bundle)
    assert filled["metadata"]["labels"]["app.kubernetes.io/component"] == "model-server"
