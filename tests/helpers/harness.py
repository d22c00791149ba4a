"""Starts the embedded server as a process of its own and talks to it with the clients people use."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import grpc
import numpy as np
import requests

from model_server import tensorflow_package

_had_tensorflow = "tensorflow" in sys.modules
tensorflow_package.install()
from tensorflow.core.framework import tensor_pb2  # noqa: E402
from tensorflow_serving.apis import (  # noqa: E402
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

MESSAGES = (  # every module the tests import later must be loaded while the bare package is in place
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    prediction_log_pb2,
    regression_pb2,
)

if not _had_tensorflow:
    sys.modules.pop("tensorflow")  # other tests may want the whole package, not our bare one

METRICS_PATH = "/monitoring/prometheus/metrics"
NO_LIMIT = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def free_port() -> int:
    """A TCP port nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*flags: str, timeout_s: float = 30) -> tuple[int, str, str]:
    """Run the server until it ends: exit code, stdout, stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "model_server", *flags], capture_output=True, text=True, timeout=timeout_s, check=False
    )
    return done.returncode, done.stdout, done.stderr


class Server:
    """A running server. Use as a context manager."""

    def __init__(self, folder: Path, *flags: str, wait: bool = True, rest: bool = True, prefix: Sequence[str] = ()):
        self.port, self.rest_port = free_port(), free_port()
        self.log_path = folder / f"server_{self.port}.log"
        given = [f"--port={self.port}", *([f"--rest_api_port={self.rest_port}"] if rest else [])]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "model_server", *given, *flags], stdout=log, stderr=subprocess.STDOUT
            )
        self.url = f"http://127.0.0.1:{self.rest_port}"
        self.session = requests.Session()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", NO_LIMIT)
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)
        if wait:
            self.wait_for_log("Entering the event loop" if rest else "Running gRPC ModelServer at 127.0.0.1")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill the server."""
        self.channel.close()
        self.session.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    @property
    def log(self) -> str:
        """Everything the server printed so far."""
        return self.log_path.read_text("utf-8", "replace")

    def wait_for_log(self, text: str, timeout_s: float = 30) -> None:
        """Wait until the log holds `text`."""
        wait_until(lambda: text in self.log or self.process.poll() is not None, timeout_s, lambda: self.log)
        assert text in self.log, f"server ended with {self.process.poll()}:\n{self.log[-3000:]}"

    def post(self, path: str, body: object = None, **options) -> tuple[int, object]:
        """POST under /v1/models/; the status and the parsed reply."""
        key = "data" if isinstance(body, (bytes, str)) else "json"
        reply = self.session.post(f"{self.url}/v1/models/{path}", timeout=30, **{key: body}, **options)
        return reply.status_code, reply.json()

    def predict(self, model: str, body: object) -> tuple[int, object]:
        """REST predict."""
        return self.post(f"{model}:predict", body)

    def error(self, model: str, body: object, status: int = 400) -> str:
        """The error text of a REST predict that must fail with `status`."""
        got, reply = self.predict(model, body)
        assert got == status, (got, reply)
        return reply["error"]

    def get(self, path: str) -> requests.Response:
        """GET any path."""
        return self.session.get(f"{self.url}{path}", timeout=30)

    def states(self, model: str) -> dict[int, str]:
        """version -> state name, {} when the model is unknown."""
        reply = self.get(f"/v1/models/{model}")
        if reply.status_code != 200:
            return {}
        return {int(entry["version"]): entry["state"] for entry in reply.json()["model_version_status"]}

    def metrics(self) -> dict[str, float]:
        """Every sample of the metrics page by its full name with labels."""
        lines = self.get(METRICS_PATH).text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}

    def metric(self, start: str) -> float:
        """The sum of all samples whose name starts so (after the `:tensorflow:` prefix)."""
        return sum(value for name, value in self.metrics().items() if name.startswith(":tensorflow:" + start))

    def reload(self, text: str, timeout_s: float = 20) -> model_management_pb2.ReloadConfigResponse:
        """HandleReloadConfigRequest with a text-proto ModelServerConfig."""
        from google.protobuf import text_format

        request = model_management_pb2.ReloadConfigRequest()
        text_format.Parse(text, request.config)
        return self.models.HandleReloadConfigRequest(request, timeout=timeout_s)

    def status(self, name: str) -> get_model_status_pb2.GetModelStatusResponse:
        """GetModelStatus over gRPC."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = name
        return self.models.GetModelStatus(request, timeout=10)


def wait_until(true, timeout_s: float = 15, describe=lambda: "") -> None:
    """Poll until `true()`; fail with `describe()` after the time-out."""
    until = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < until, f"not so after {timeout_s} s: {describe()}"
        time.sleep(0.05)


_DTYPES = {
    "f": (1, "float_val"),
    "d": (2, "double_val"),
    "i": (3, "int_val"),
    "l": (9, "int64_val"),
    "O": (7, "string_val"),
}


def tensor(values: object, dtype: object = np.float32) -> tensor_pb2.TensorProto:
    """A TensorProto with typed values, as a client without TensorFlow makes it."""
    array = np.array(values, dtype)
    number, field = _DTYPES[array.dtype.char]
    proto = tensor_pb2.TensorProto(dtype=number)
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    getattr(proto, field).extend(array.ravel().tolist())
    return proto


def predict_request(
    model: str, signature: str = "", version: int | None = None, **inputs
) -> predict_pb2.PredictRequest:
    """A PredictRequest from arrays, lists or TensorProtos."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    if version is not None:
        request.model_spec.version.value = version
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(value if isinstance(value, tensor_pb2.TensorProto) else tensor(value))
    return request


def rpc_error(call, *arguments, **options) -> tuple[str, str]:
    """Code name and text of a call that must fail."""
    try:
        call(*arguments, **{"timeout": 20, **options})
    except grpc.RpcError as error:
        return error.code().name, error.details()
    raise AssertionError("the call succeeded")


def in_threads(count: int, work) -> list:
    """Call work(index) in `count` threads at the same moment; their results in order (exceptions are results)."""
    results: list = [None] * count
    barrier = threading.Barrier(count)

    def call(index: int) -> None:
        barrier.wait()
        try:
            results[index] = work(index)
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=call, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def write_monitoring(folder: Path) -> str:
    """The flag that switches the metrics page on."""
    file = folder / "monitoring.txt"
    file.write_text(f'prometheus_config {{ enable: true path: "{METRICS_PATH}" }}')
    return f"--monitoring_config_file={file}"
