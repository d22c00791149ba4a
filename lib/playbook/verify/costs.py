"""What a request costs over REST and over gRPC, on this server: told, since protocols are compared by it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

import loadgen
from playbook.verify.asking import Question
from playbook.verify.places import Place
from playbook.verify.reached import Reached, predict_request

Seen = tuple[bool, str]
_ROWS, _WIDTH, _CONNECTIONS, _SECONDS = 1, 784, 8, 1.5
_RANGE = (0.3, 20.0)  # gRPC's rate over REST's; outside it one of the two is broken


def _bodies(folder: Path, server: Reached) -> dict[str, Path]:
    """One predict of 784 numbers, encoded for each protocol."""
    values = np.random.default_rng(1).random((_ROWS, _WIDTH)).astype(np.float32)
    request = predict_request({"x": values}, model=server.model).SerializeToString()
    texts = {"rest": json.dumps({"instances": values.tolist()}).encode(), "grpc": request}
    return {name: _written(folder / name, body) for name, body in texts.items()}


def _written(path: Path, body: bytes) -> Path:
    path.mkdir()
    (path / "00000.body").write_bytes(body)
    return path


def _rates(server: Reached) -> dict[str, float]:
    url = {"rest": f"{server.rest_url}/v1/models/{server.model}:predict", "grpc": f"grpc://{server.grpc_target}"}
    rates: dict[str, list[float]] = {"rest": [], "grpc": []}
    with tempfile.TemporaryDirectory() as name:
        bodies = _bodies(Path(name), server)
        for protocol in ("rest", "grpc", "grpc", "rest"):
            level = loadgen.Level(
                url=url[protocol], bodies=bodies[protocol], protocol=protocol, arrival="closed",
                concurrency=_CONNECTIONS, duration_s=_SECONDS, ramp_up_s=0.5,
            )  # fmt: skip
            summary = loadgen.hold(level, Path(name) / "rows")
            rates[protocol].append(summary["throughput_rps"] or 0.0)
    return {protocol: float(np.mean(values)) for protocol, values in rates.items()}


def _protocols(place: Place) -> Seen:
    server = place.server()
    server.need_probe()
    rates = _rates(server)
    ratio = rates["grpc"] / rates["rest"] if rates["rest"] else 0.0
    return _RANGE[0] <= ratio <= _RANGE[1], (
        f"{_CONNECTIONS} connections, one row of {_WIDTH} floats: gRPC {rates['grpc']:,.0f}/s, REST "
        f"{rates['rest']:,.0f}/s, ratio {ratio:.2f}"
    )


QUESTIONS = [
    Question(
        "protocol_costs",
        "costs",
        "both protocols answer under load, gRPC at 0.3 to 20 times REST's rate",
        "which protocol tune is asked to measure",
        _protocols,
    ),
]
