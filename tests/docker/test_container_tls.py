"""A container whose gRPC port speaks TLS: its SSLConfig is mounted where it lies, and a wrong authority is told."""

from __future__ import annotations

import certificates
import pytest

from playbook.errors import ServerNotReady
from playbook.serve import answers, serve
from playbook.tfserving.reference import Reference

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


def test_a_container_is_asked_over_tls_and_a_wrong_authority_ends_the_start(run, image, tmp_path):
    certificates.all_kinds(tmp_path)
    config = certificates.ssl_config(tmp_path, client_ca="ca.pem")
    asked = {"server": "docker", "image": image, "model_name": "digits", "ssl_config_file": str(config)}
    asked |= {
        name: str(tmp_path / f"client.{end}") for name, end in (("client_certificate", "pem"), ("client_key", "key"))
    }
    spec = serve.from_parameters(
        {**asked, "ca_file": str(tmp_path / "ca.pem"), "server_name": "localhost"}, run / "models" / "digits"
    )
    with serve.running(spec, tmp_path / "run") as handle:
        assert handle.grpc_url.startswith("grpcs://")
        for protocol in ("rest", "grpc"):
            assert answers.parity(handle, Reference.load(run), protocol, rtol=1e-3) < 1e-3
    wrong = serve.from_parameters({**asked, "ca_file": str(tmp_path / "other_ca.pem")}, run / "models" / "digits")
    with pytest.raises(ServerNotReady, match=r"is not signed by any of the authorities in .*other_ca\.pem"):
        serve.start(wrong, tmp_path / "run")
