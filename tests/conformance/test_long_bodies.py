"""Bodies above 1 MiB, compressed or not: read beside the event loop, with the answers and texts of short ones."""

from __future__ import annotations

import base64
import gzip
import threading
import time

import numpy as np
import psutil
import pytest
from harness import Server, wait_until

ROWS = 200_000
PAD = b" " * (1 << 20)


@pytest.fixture(scope="module")
def lone(every_model, tmp_path_factory):
    """A server nobody else asks, so that its processes and its memory are this module's doing."""
    with Server(tmp_path_factory.mktemp("lone"), every_model) as running:
        yield running


def helpers(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


def long_list(values: bytes, rows: int = ROWS) -> bytes:
    return b"[" + b", ".join([values] * rows) + b"]"


@pytest.mark.parametrize("compressed", [False, True])
def test_a_long_body_is_answered_as_a_short_one(lone, compressed):
    def answer(model: str, body: bytes) -> tuple[int, object]:
        headers = {"Content-Encoding": "gzip"} if compressed else {}
        return lone.post(f"{model}:predict", gzip.compress(body, 1) if compressed else body, headers=headers)

    assert answer("half_plus_two", b'{"instances": %s}' % long_list(b"1.25")) == (200, {"predictions": [2.625] * ROWS})
    status, reply = answer("half_plus_two", b'{"inputs": {"x": %s}}' % long_list(b"3"))
    assert (status, reply["outputs"] == [3.5] * ROWS) == (200, True)
    text = base64.b64encode(b"a\x00b" * 500_000)
    status, reply = answer("strings", b'{"instances": [{"text": {"b64": "%s"}}, {"text": "c"}]}' % text)
    assert (status, [row["length"] for row in reply["predictions"]]) == (200, [1_500_000, 1])
    assert base64.b64decode(reply["predictions"][0]["raw_bytes"]["b64"]) == b"a\x00b" * 500_000
    rows = long_list(b'{"a": [1, 2], "b": [3, 4.5]}', 50_000)
    assert answer("two_inputs", b'{"instances": %s}' % rows)[1]["predictions"][-1]["sum"] == [4.0, 6.5]


@pytest.mark.parametrize(
    ("model", "body", "status", "error"),
    [
        ("nobody", b'{"instances": [1]}', 404, "Servable not found for request: Latest(nobody)"),
        ("nobody", b"[1]", 400, "JSON Value: [1] Is not object"),
        ("half_plus_two", b'{"instances": [1}', 400, "Missing a comma or ']' after an array element."),
        ("half_plus_two", b'{"signature_name": "no", "inputs": 1}', 400, 'Serving signature name: "no" not found'),
        ("half_plus_two", b'{"instances": ["a"]}', 400, "Type: String is not of expected type: float"),
        ("odd", b'{"signature_name": "matrix", "instances": [[1, 2, 3]]}', 400, "Matrix size-incompatible"),
    ],
)
def test_mistakes_in_a_long_body_have_the_texts_of_a_short_one(lone, model, body, status, error):
    long = lone.predict(model, PAD + body)
    assert long[0] == status
    assert error in long[1]["error"]
    if "offset" not in long[1]["error"]:
        assert long == lone.predict(model, body)


def test_long_examples_are_answered(lone):
    body = PAD + b'{"signature_name": "regress", "examples": [{"x": 1.0}, {"x": 2.0}]}'
    assert lone.post("tf1:regress", body) == (200, {"results": [2.5, 3.0]})
    body = PAD + b'{"signature_name": "classify", "examples": [{"x": 1.0}]}'
    assert lone.post("tf1:classify", body) == (200, {"results": [[["no", 2.5], ["yes", 3.5]]]})
    assert "empty array" in lone.post("tf1:classify", PAD + b'{"examples": []}')[1]["error"]


def test_gzip_that_would_be_more_than_100_mib_is_an_empty_document(lone):
    body = gzip.compress(b'{"instances": [1.0]}' + b" " * (101 << 20), 1)
    status, reply = lone.post("half_plus_two:predict", body, headers={"Content-Encoding": "gzip"})
    assert (status, reply["error"]) == (400, "JSON Parse error: The document is empty")


def test_a_reader_that_is_killed_costs_its_request_alone(lone):
    body = b'{"signature_name": "any_shape", "instances": %s}' % long_list(b"[[1.5]]", 3_000_000)
    for helper in helpers(lone):
        helper.kill()
    wait_until(lambda: not helpers(lone))
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(lone.predict("echo", body)))
    thread.start()
    wait_until(lambda: any(helper.cpu_times().user > 1 for helper in helpers(lone)))
    for helper in helpers(lone):
        helper.kill()
    thread.join(30)
    status, reply = outcome[0]
    assert (status, reply["error"]) == (
        429,
        "The process that reads and writes long JSON ended with code -9; is there memory enough?",
    )
    assert lone.predict("half_plus_two", PAD + b'{"instances": [1.0]}') == (200, {"predictions": [2.5]})


def test_readers_end_when_nobody_asks_and_the_memory_of_long_bodies_comes_back(lone):
    memory = psutil.Process(lone.process.pid).memory_info
    lone.predict("nobody", b'{"instances": %s}' % long_list(b"1.25"))
    wait_until(lambda: not helpers(lone), 20)
    before = memory().rss
    for _ in range(2):
        assert lone.predict("nobody", b'{"instances": %s}' % long_list(b"1.25", 6_000_000))[0] == 404
    assert {helper.nice() for helper in helpers(lone)} == {10}, "they leave the core to the neighbours of a long body"
    wait_until(lambda: not helpers(lone), 20)
    assert memory().rss < before + 20e6


def test_an_idle_thread_keeps_no_tensors_of_the_last_request(models, tmp_path):
    flags = (f"--model_base_path={models}/half_plus_two", "--rest_api_num_threads=9", "--grpc_max_threads=8")
    with Server(tmp_path, *flags) as server:
        rss = psutil.Process(server.process.pid).memory_info
        request = np.ones(8 << 20, np.float32)
        from harness import predict_request, tensor_pb2

        proto = tensor_pb2.TensorProto(dtype=1, tensor_content=request.tobytes())
        proto.tensor_shape.dim.add(size=len(request))
        sent = predict_request("default", x=proto)
        server.prediction.Predict(sent, timeout=30)
        time.sleep(0.5)
        before = rss().rss
        for _ in range(12):
            server.prediction.Predict(sent, timeout=30)
        wait_until(lambda: rss().rss < before + 150e6, 10, lambda: f"{before}, {rss().rss}")
