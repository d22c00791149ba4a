"""MLServer, BentoML and Ray Serve with the same network in numpy, their own batching, an environment each."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import requests

UV = str(Path(sys.executable).with_name("uv"))
ENVIRONMENTS = Path(__file__).resolve().parents[2] / ".bench"
NETWORK = '''
import numpy as np
g = np.random.default_rng(7)
w1, b1 = (g.standard_normal((784, 128)) * 0.05).astype("f"), np.zeros(128, "f")
w2, b2 = (g.standard_normal((128, 10)) * 0.1).astype("f"), np.zeros(10, "f")

def predict(rows):
    """(n, 784) float32 in, (n, 10) probabilities out."""
    hidden = np.maximum(rows @ w1 + b1, 0)
    scores = np.exp(hidden @ w2 + b2)
    return scores / scores.sum(axis=1, keepdims=True)
'''


def environment(name: str, *packages: str) -> Path:
    """The Python of an environment under .bench/ with these packages, the first of which tells that all are there.

    Raises:
        subprocess.CalledProcessError: they cannot be installed.
    """
    folder = ENVIRONMENTS / name
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([UV, "venv", "-q", str(folder), "--python", "3.11"], check=True, capture_output=True)
    probe = [str(python), "-c", f"import {packages[0].partition('[')[0]}"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        install = [UV, "pip", "install", "-q", "--python", str(python), *packages]
        subprocess.run(install, check=True, capture_output=True)
    return python


@dataclass(frozen=True)
class Peer:
    """How to install, start and ask one of them. `files`: name -> text, {port} filled in."""

    name: str
    package: str
    path: str
    files: dict[str, str]
    command: tuple[str, ...]

    def environment(self) -> Path:
        """The Python of its environment under .bench/, made when it is not there."""
        return environment(self.name.lower(), self.package, "numpy")

    def prepare(self, folder: Path, python: Path, port: int) -> list[str]:
        """Write its files; the command that starts it there."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in {"network.py": NETWORK, **self.files}.items():
            (folder / name).write_text(text.replace("{port}", str(port)))
        return [part.replace("{bin}", str(python.parent)).replace("{port}", str(port)) for part in self.command]

    def variables(self, python: Path) -> dict[str, str]:
        """The environment variables it runs with: one thread for numpy, no telemetry."""
        path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        quiet = {"BENTOML_DO_NOT_TRACK": "true", "RAY_USAGE_STATS_ENABLED": "0", "OPENBLAS_NUM_THREADS": "1"}
        return {**os.environ, **quiet, "PATH": path, "PYTHONPATH": "."}

    def body(self, row: list[float]) -> bytes:
        """One row in the peer's own JSON."""
        if self.name == "MLServer":
            entry = {"name": "x", "shape": [1, 784], "datatype": "FP32", "data": [row]}
            return json.dumps({"inputs": [entry]}).encode()
        return json.dumps({"rows": [row]} if self.name == "BentoML" else [row]).encode()

    def answers(self, port: int, body: bytes) -> bool:
        """Whether it predicts already."""
        with contextlib.suppress(requests.RequestException):
            url, headers = f"http://127.0.0.1:{port}{self.path}", {"Content-Type": "application/json"}
            return requests.post(url, data=body, headers=headers, timeout=5).status_code == 200
        return False


MLSERVER = Peer(
    "MLServer",
    "mlserver",
    "/v2/models/digits/infer",
    {
        "model.py": """
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse
from network import predict

class Digits(MLModel):
    async def predict(self, payload):
        rows = NumpyCodec.decode_input(payload.inputs[0]).astype("f").reshape(-1, 784)
        output = NumpyCodec.encode_output(name="y", payload=predict(rows))
        return InferenceResponse(model_name=self.name, outputs=[output])
""",
        "model-settings.json": json.dumps(
            {"name": "digits", "implementation": "model.Digits", "max_batch_size": 32, "max_batch_time": 0.002}
        ),
        "settings.json": '{"host": "127.0.0.1", "http_port": {port}, "grpc_port": 0, "metrics_endpoint": null, '
        '"parallel_workers": 0, "debug": false}',
    },
    ("{bin}/mlserver", "start", "."),
)
BENTOML = Peer(
    "BentoML",
    "bentoml",
    "/predict",
    {
        "service.py": """
import bentoml
import numpy as np
from network import predict

@bentoml.service(workers=1, traffic={"timeout": 30})
class Digits:
    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return predict(rows.astype("f"))
"""
    },
    ("{bin}/bentoml", "serve", "service:Digits", "--host", "127.0.0.1", "--port", "{port}"),
)
RAY = Peer(
    "Ray",
    "ray[serve]",
    "/",
    {
        "app.py": """
import time
import numpy as np
import ray
from network import predict
from ray import serve

@serve.deployment(max_ongoing_requests=200, ray_actor_options={"num_cpus": 0.1})
class Digits:
    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.002)
    async def batched(self, rows):
        return predict(np.concatenate(rows)).tolist()

    async def __call__(self, request):
        return await self.batched(np.array(await request.json(), "f"))

ray.init(num_cpus=2, include_dashboard=False)
serve.start(http_options={"host": "127.0.0.1", "port": {port}})
serve.run(Digits.bind())
time.sleep(3600)
"""
    },
    ("{bin}/python", "app.py"),
)
PEERS = (MLSERVER, BENTOML, RAY)
