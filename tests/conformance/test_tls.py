"""TLS on the gRPC port: server certificates, client certificates, REST stays plain."""

from __future__ import annotations

import shutil
import subprocess

import grpc
import pytest
from harness import Server, predict_request, prediction_service_pb2_grpc

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(key, certificate) of localhost, signed by itself, as PEM bytes."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"
    extra = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command.split(), *extra], cwd=folder, check=True, capture_output=True, timeout=60)
    return (folder / "key.pem").read_bytes(), (folder / "cert.pem").read_bytes()


def config(folder, key: bytes, certificate: bytes, more: str = "") -> str:
    def quoted(pem: bytes) -> str:
        return '"' + pem.decode().replace("\n", "\\n") + '"'

    file = folder / "ssl.txt"
    file.write_text(
        f"server_key: {quoted(key)} server_cert: {quoted(certificate)} custom_ca: {quoted(certificate)} {more}"
    )
    return f"--ssl_config_file={file}"


def ask(port: int, credentials: grpc.ChannelCredentials) -> float:
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        return stub.Predict(predict_request("default", x=[1.0]), timeout=5).outputs["y"].float_val[0]


def test_grpc_speaks_tls_and_rest_does_not(models, tmp_path, certificate):
    key, pem = certificate
    with Server(tmp_path, f"--model_base_path={models}/half_plus_two", config(tmp_path, key, pem)) as server:
        assert ask(server.port, grpc.ssl_channel_credentials(pem)) == 2.5
        assert server.predict("default", {"instances": [1.0]})[0] == 200
        with pytest.raises(grpc.RpcError):
            server.prediction.Predict(predict_request("default", x=[1.0]), timeout=2)


def test_client_certificates_are_demanded(models, tmp_path, certificate):
    key, pem = certificate
    flag = config(tmp_path, key, pem, "client_verify: true")
    with Server(tmp_path, f"--model_base_path={models}/half_plus_two", flag) as server:
        assert ask(server.port, grpc.ssl_channel_credentials(pem, key, pem)) == 2.5
        with pytest.raises(grpc.RpcError):
            ask(server.port, grpc.ssl_channel_credentials(pem))
