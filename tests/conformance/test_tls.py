"""TLS on the gRPC port: server certificates, client certificates, REST and the socket stay plain."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import warnings

import grpc
import numpy as np
import pytest
from harness import NO_LIMIT, Server, predict_request, prediction_service_pb2_grpc, run, tensor
from http2 import PREFACE, SETTINGS, settings

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


def alpn(port: int, *protocols: str) -> tuple[str | None, bytes]:
    """What is chosen of these protocols, and what the server says first (nothing: it hung up)."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    with socket.create_connection(("127.0.0.1", port), 5) as plain, context.wrap_socket(plain) as tls:
        with contextlib.suppress(OSError):
            tls.sendall(PREFACE + settings())
            return tls.selected_alpn_protocol(), tls.recv(100)
        return tls.selected_alpn_protocol(), b""


def test_h2_is_agreed_on_or_the_client_is_hung_up_on(models, tmp_path, certificate):
    flag = config(tmp_path, *certificate)
    with Server(tmp_path, f"--model_base_path={models}/half_plus_two", flag, rest=False, wait=False) as server:
        server.wait_for_log("Using SSL credentials")
        server.wait_for_log("Running gRPC ModelServer")
        chosen, said = alpn(server.port, "http/1.1", "h2")
        assert (chosen, said[3]) == ("h2", SETTINGS)
        assert alpn(server.port, "http/1.1") == (None, b"")
        assert alpn(server.port) == (None, b"")


def test_old_tls_is_refused_and_large_messages_pass(models, tmp_path, certificate):
    key, pem = certificate
    with Server(tmp_path, f"--model_base_path={models}/half_plus_two", config(tmp_path, key, pem)) as server:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", server.port), 5) as plain, pytest.raises(ssl.SSLError):
            context.wrap_socket(plain)
        proto = tensor([0.0])
        rows = np.arange(1_000_000, dtype=np.float32)
        del proto.float_val[:]
        proto.tensor_shape.dim[0].size, proto.tensor_content = len(rows), rows.tobytes()
        with grpc.secure_channel(f"localhost:{server.port}", grpc.ssl_channel_credentials(pem), NO_LIMIT) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            reply = stub.Predict(predict_request("default", x=proto), timeout=60)
        assert np.array_equal(np.array(reply.outputs["y"].float_val, np.float32), rows / 2 + 2)


def test_the_socket_of_a_server_with_tls_is_plain(models, tmp_path, certificate):
    path = tmp_path / "grpc.sock"
    flags = (f"--model_base_path={models}/half_plus_two", config(tmp_path, *certificate), f"--grpc_socket_path={path}")
    with Server(tmp_path, *flags) as server:
        server.wait_for_log("UNIX socket")
        with grpc.insecure_channel(f"unix:{path}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            assert stub.Predict(predict_request("default", x=[1.0]), timeout=9).outputs["y"].float_val == [2.5]


def test_a_key_that_is_none_ends_the_start_in_a_sentence(models, tmp_path, certificate):
    flag = config(tmp_path, b"no key", certificate[1])
    code, out, _ = run("--port=1", f"--model_base_path={models}/half_plus_two", flag)
    assert (code, out) == (
        255,
        "Failed to start server. Error: INVALID_ARGUMENT: Failed to BuildAndStart gRPC server\n",
    )
    assert not list(tmp_path.glob("**/key.pem"))
