"""A run whose gRPC port spoke TLS ships one that does: the key in a Secret alone, rehearsal and Job over TLS."""

from __future__ import annotations

import json
from pathlib import Path

import certificates
import deployable_run
import pytest
import yaml

from playbook import deploy
from playbook.deploy import bundle_check, helm
from playbook.deploy.plan import DeployPlan
from playbook.serve import answers

FILE = "/etc/serving-tls/ssl.config"


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.all_kinds(tmp_path_factory.mktemp("pems"))


@pytest.fixture(scope="module")
def plan(pems: Path, tmp_path_factory: pytest.TempPathFactory) -> DeployPlan:
    """The plan of a run that was served and measured over TLS with clients' certificates, its bundle written."""
    asked = {"ssl_config_file": str(certificates.ssl_config(pems, client_ca="ca.pem")), "server_name": "localhost"}
    files = {"ca_file": "ca.pem", "client_certificate": "client.pem", "client_key": "client.key"}
    asked |= {name: str(pems / file) for name, file in files.items()}
    run = deployable_run.real(tmp_path_factory.mktemp("outputs") / "run", protocol="grpc", **asked)
    made = deploy.plan_of(run, deploy.IMAGE, deploy.Demand(200.0), "my-tls")
    deploy.write(made)
    return made


def read(plan: DeployPlan, name: str) -> dict:
    return next(iter(yaml.safe_load_all((plan.run_dir / "deploy" / name).read_text())))


def test_the_server_reads_its_key_from_the_secret_that_was_named(plan: DeployPlan) -> None:
    pod = read(plan, "kubernetes/base/deployment.yaml")["spec"]["template"]["spec"]
    assert f"--ssl_config_file={FILE}" in pod["containers"][0]["args"]
    assert {"name": "grpc-tls", "mountPath": "/etc/serving-tls", "readOnly": True} in pod["containers"][0][
        "volumeMounts"
    ]
    (volume,) = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "grpc-tls"]
    assert (volume["secretName"], volume["items"]) == ("my-tls", [{"key": "ssl.config", "path": "ssl.config"}])
    assert volume["defaultMode"] == 0o440
    assert {port["appProtocol"] for port in read(plan, "kubernetes/base/service.yaml")["spec"]["ports"]} == {
        "https",
        "http",
    }
    assert read(plan, "compose.yml")["services"]["serving"]["volumes"] == [
        f"${{SSL_CONFIG_FILE:-./ssl.config}}:{FILE}:ro"
    ]


def test_the_load_test_job_speaks_tls_with_the_clients_own_files(plan: DeployPlan) -> None:
    pod = read(plan, "kubernetes/overlays/load-test/job.yaml")["spec"]["template"]["spec"]
    args = pod["containers"][0]["args"]
    assert "--url=grpcs://digits-headless:8500" in args
    assert {"--ca=/etc/client-tls/ca.pem", "--client-cert=/etc/client-tls/client.pem"} <= set(args)
    assert {"--client-key=/etc/client-tls/client.key", "--server-name=localhost"} <= set(args)
    assert [v["secret"]["secretName"] for v in pod["volumes"] if v["name"] == "client-tls"] == ["my-tls-client"]


def test_the_readme_tells_how_the_secrets_are_made_and_no_file_holds_a_key(plan: DeployPlan) -> None:
    readme = (plan.run_dir / "deploy" / "README.md").read_text()
    assert "kubectl create secret generic my-tls --from-file=ssl.config=YOUR_SSL_CONFIG" in readme
    assert "kubectl create secret generic my-tls-client --from-file=ca.pem=YOUR_CA_PEM" in readme
    folder = plan.run_dir / "deploy"
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not any(b"PRIVATE KEY" in text for text in texts)


def test_the_bundle_passes_its_own_checks(plan: DeployPlan) -> None:
    rows = bundle_check.files(plan.run_dir / "deploy", plan.replica)
    assert bundle_check.failed(rows) == []
    chart = helm.render(deploy.deploy.context.of(plan))["helm/templates/deployment.yaml"]
    assert "{{ .Values.grpcTlsSecret }}" in chart
    assert read(plan, "helm/values.yaml")["grpcTlsSecret"] == "my-tls"


def test_the_rehearsal_asks_and_loads_the_bundle_over_tls(plan: DeployPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    parity, asked = answers.parity, []
    monkeypatch.setattr(
        answers, "parity", lambda handle, *rest: (asked.append(handle.grpc_url), parity(handle, *rest))[1]
    )
    seen = deploy.rehearsal.run(plan, False, 1.0, [])
    assert asked[0].startswith("grpcs://127.0.0.1:")
    assert seen["parity_max_abs_diff"] < 1e-4
    assert (seen["answers"]["checked"] > 0, seen["answers"]["wrong"]) == (True, 0)


def test_the_image_is_not_rehearsed_where_its_user_may_not_read_the_key(plan: DeployPlan, pems: Path) -> None:
    file = Path(plan.tls.asked["ssl_config_file"])
    file.chmod(0o600)
    (built, why), unread = deploy.rehearsal.choose(plan, "auto"), deploy.rehearsal._unread(plan)
    file.chmod(0o644)
    assert not built
    assert f"may not read {file}" in unread
    assert unread in why or "Docker" in why, "an engine that is not there is told first"
    assert deploy.rehearsal._unread(plan) is None


def test_an_attached_servers_tls_is_said_not_to_be_the_bundles(tmp_path: Path) -> None:
    run = deployable_run.make(tmp_path / "run", server="attach")
    record = json.loads((run / "serve.json").read_text())
    record["params"]["grpc_url"] = "grpcs://model.example.com:443"
    (run / "serve.json").write_text(json.dumps(record))
    made = deploy.plan_of(run, deploy.IMAGE, deploy.Demand(1000.0))
    assert made.tls is None
    assert "this bundle's serves plain text" in " ".join(deploy.results(made, [])["doubts"])
