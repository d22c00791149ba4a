"""Generated requests: hypothesis for JSON and paths, mutated messages for gRPC. Used by a test and by `make fuzz`."""

from __future__ import annotations

import http.client
import json
import random
import re
import socket
import string

import grpc
import http2
from harness import Server, predict_request, tensor, wait_until
from hpack import Decoder, Encoder
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    regression_pb2,
)

MODELS = ("half_plus_two", "two_inputs", "strings", "ragged", "echo", "tf1", "keras", "nobody")
SIGNATURES = (
    "serving_default",
    "triple",
    "int32",
    "uint8",
    "bool",
    "string",
    "half",
    "any_shape",
    "regress",
    "classify",
)
KEYS = ("instances", "inputs", "signature_name", "examples", "context", "a", "b", "x", "text", "tokens", "b64")
SERVED = {http2.DATA, http2.HEADERS, http2.RST_STREAM, http2.SETTINGS, http2.PING, http2.GOAWAY, http2.WINDOW_UPDATE}
PYTHON_ERROR = re.compile(r"\b[A-Z]\w*(Error|Exception)\b: ")

numbers = st.one_of(st.integers(-(2**70), 2**70), st.floats(), st.integers(-3, 3))
leaves = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=8), st.sampled_from(SIGNATURES))
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(st.sampled_from(KEYS), values, max_size=4)
likely = st.fixed_dictionaries({"instances": st.lists(values, min_size=1, max_size=3)})
paths = st.one_of(
    st.text(string.printable.replace(" ", ""), max_size=40).map(lambda text: "/v1/models/" + text),
    st.tuples(
        st.sampled_from(MODELS), st.sampled_from(("", "/versions/1", "/versions/123", "/labels/x")), st.text(max_size=9)
    ).map(lambda parts: f"/v1/models/{parts[0]}{parts[1]}{parts[2]}"),
)


class Checker:
    """Sends generated requests on kept connections and checks what a fuzzer can: life, form and the right answer."""

    def __init__(self, server: Server):
        self.server, self.sent, self.statuses = server, 0, {}
        self._client = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=30)

    def rest(self, method: str, target: bytes, body: bytes) -> None:
        """One request; its reply must be JSON (or libevent's page) and never an error of Python's."""
        self.sent += 1
        status, content = self._exchange(method, target, body)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        text = content.decode("utf-8", "replace")
        assert status in (200, 400, 404, 429, 501, 503, 504), (method, target, body, status, text)
        assert not PYTHON_ERROR.search(text), (method, target, body, text)
        if status == 200 and method == "POST":
            assert set(json.loads(text, strict=False)) <= {"predictions", "outputs", "results"}
        if self.sent % 10 == 0:
            self.sentinel()

    def _exchange(self, method: str, target: bytes, body: bytes) -> tuple[int, bytes]:
        head = b"%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (method.encode(), target, len(body))
        if self._client.sock is None:
            self._client.connect()
        self._client.sock.sendall(head + body)
        reply = http.client.HTTPResponse(self._client.sock, method=method)
        reply.begin()
        content = reply.read()
        if reply.will_close:
            self._client.close()
        return reply.status, content

    def sentinel(self) -> None:
        """A request with a value of its own gets its own answer."""
        body = json.dumps({"instances": [float(self.sent)]}).encode()
        status, content = self._exchange("POST", b"/v1/models/half_plus_two:predict", body)
        assert (status, json.loads(content)) == (200, {"predictions": [self.sent / 2 + 2]})

    def call(self, method: str, data: bytes) -> None:
        """One gRPC call with raw bytes."""
        self.sent += 1
        try:
            self.server.channel.unary_unary(method)(data, timeout=30)
            code, text = "OK", ""
        except grpc.RpcError as error:
            code, text = error.code().name, error.details()
        self.statuses[code] = self.statuses.get(code, 0) + 1
        assert code not in ("UNKNOWN", "UNAVAILABLE", "DEADLINE_EXCEEDED"), (method, data, code, text)
        assert code != "INTERNAL" or text == "Error parsing the request message.", (method, data, text)
        if self.sent % 10 == 0:
            reply = self.server.prediction.Predict(predict_request("half_plus_two", x=[float(self.sent)]), timeout=30)
            assert reply.outputs["y"].float_val == [self.sent / 2 + 2]


def _given(count: int, **strategies):
    options = settings(
        max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=False
    )
    return lambda check: options(seed(7)(given(**strategies)(check)))


def fuzz_json(checker: Checker, count: int) -> None:
    """Generated JSON bodies to every model and verb."""

    @_given(
        count,
        model=st.sampled_from(MODELS),
        verb=st.sampled_from(("predict", "classify", "regress")),
        document=st.one_of(documents, likely, values),
    )
    def check(model, verb, document):
        body = json.dumps(document).encode("utf-8", "surrogatepass")
        checker.rest("POST", f"/v1/models/{model}:{verb}".encode(), body)

    check()


def fuzz_bytes(checker: Checker, count: int, chance: random.Random) -> None:
    """Good bodies with a few bytes changed."""
    bodies = [
        b'{"instances": [1.0, 2.5e3, -7]}',
        b'{"signature_name": "serving_default", "instances": [{"a": [1, 2], "b": [3, 4]}]}',
        b'{"inputs": {"text": ["h\\u00e9llo", {"b64": "AP9hYmM="}]}}',
        b'{"signature_name": "regress", "context": {"x": 1.0}, "examples": [{"x": [2.0]}, {}]}',
    ]
    for _ in range(count):
        target = f"/v1/models/{chance.choice(MODELS)}:{chance.choice(('predict', 'classify', 'regress'))}"
        checker.rest("POST", target.encode(), mutated(chance.choice(bodies), chance))


def fuzz_paths(checker: Checker, count: int) -> None:
    """Generated paths and methods."""

    @_given(count, method=st.sampled_from(("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")), path=paths)
    def check(method, path):
        target = re.sub(rb"[\x00-\x20\x7f]", b"", path.encode("utf-8", "replace"))
        checker.rest(method, target, b"{}")

    check()


def messages() -> list[tuple[str, bytes]]:
    """Good calls to mutate: (method, serialized request)."""
    prediction, service = "/tensorflow.serving.PredictionService/", "/tensorflow.serving.ModelService/"
    strings = predict_request("strings", text=tensor([b"a", b"b"], object))
    both = predict_request("two_inputs", a=[[1, 2]], b=[[3, 4]])
    both.output_filter.append("sum")
    classify, regress = classification_pb2.ClassificationRequest(), regression_pb2.RegressionRequest()
    multi = inference_pb2.MultiInferenceRequest()
    task = multi.tasks.add(method_name="tensorflow/serving/regress")
    task.model_spec.name, task.model_spec.signature_name = "tf1", "regress"
    for request, signature in ((classify, "classify"), (regress, "regress")):
        request.model_spec.name, request.model_spec.signature_name = "tf1", signature
    for request in (classify, regress, multi):
        request.input.example_list.examples.add().features.feature["x"].float_list.value.append(1.0)
    metadata, status = get_model_metadata_pb2.GetModelMetadataRequest(), get_model_status_pb2.GetModelStatusRequest()
    metadata.model_spec.name, status.model_spec.name = "keras", "keras"
    metadata.metadata_field.append("signature_def")
    found = [
        (prediction + "Predict", predict_request("half_plus_two", x=[1.0, 2.0])),
        (prediction + "Predict", strings),
        (prediction + "Predict", both),
        (prediction + "Classify", classify),
        (prediction + "Regress", regress),
        (prediction + "MultiInference", multi),
        (prediction + "GetModelMetadata", metadata),
        (service + "GetModelStatus", status),
    ]
    return [(method, request.SerializeToString()) for method, request in found]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes with one to four of them changed, added, removed, repeated or cut off."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        kind = chance.randrange(5)
        if kind == 0 and at < len(changed):
            changed[at] = chance.randrange(256)
        elif kind == 1:
            changed.insert(at, chance.randrange(256))
        elif kind == 2 and at < len(changed):
            del changed[at]
        elif kind == 3:
            changed[at:at] = changed[at : at + chance.randint(1, 9)]
        elif kind == 4 and chance.random() < 0.2:
            del changed[at:]
    return bytes(changed)


def varied(chance: random.Random) -> bytes:
    """A PredictRequest that parses, with names, types, shapes and numbers of values that seldom fit together."""
    request = predict_request(chance.choice(MODELS), signature=chance.choice(("", *SIGNATURES)))
    for _ in range(chance.randint(0, 3)):
        proto = request.inputs[chance.choice(KEYS)]
        proto.dtype = chance.choice((0, 1, 1, 1, 2, 3, 4, 6, 7, 9, 10, 14, 19, 20, 23, 101))
        proto.tensor_shape.SetInParent()
        for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 70))):
            proto.tensor_shape.dim.add(size=chance.choice((-1, 0, 1, 1, 2, 2, 3, 4, 1 << 40)))
        count = chance.choice((0, 1, 2, 4))
        proto.float_val.extend([chance.random() for _ in range(count)])
        proto.int_val.extend([chance.randrange(-9, 9) for _ in range(count)])
        proto.string_val.extend([chance.randbytes(3) for _ in range(count)])
        if chance.random() < 0.2:
            proto.tensor_content = chance.randbytes(chance.choice((1, 4, 8, 16)))
    if chance.random() < 0.2:
        request.output_filter.append(chance.choice(("y", "sum", "upper", "z")))
    return request.SerializeToString()


def fuzz_grpc(checker: Checker, count: int, chance: random.Random) -> None:
    """Mutated messages to every method but HandleReloadConfigRequest."""
    calls = messages()
    for _ in range(count):
        if chance.random() < 0.5:
            checker.call("/tensorflow.serving.PredictionService/Predict", varied(chance))
            continue
        method, data = chance.choice(calls)
        checker.call(method, mutated(data, chance))


def calls_as_frames(chance: random.Random) -> list[bytes]:
    """The frames of some good calls on one connection, cut and padded by chance."""
    encoder, frames = Encoder(), [http2.settings(s4=chance.choice((0, 20, 65_535, 2**31 - 1)))]
    if chance.random() < 0.5:
        encoder.header_table_size = 0
        frames.append(http2.frame(http2.SETTINGS, http2.ACK, 0))
    calls = messages()
    for stream in range(1, 2 * chance.randint(1, 4), 2):
        method, data = chance.choice(calls)
        block, body = encoder.encode(http2.fields(method)), http2.prefixed(data)
        cut = chance.randrange(len(block))
        if chance.random() < 0.3:
            frames.append(http2.frame(http2.HEADERS, 0, stream, block[:cut]))
            frames.append(http2.frame(http2.CONTINUATION, http2.END_HEADERS, stream, block[cut:]))
        else:
            frames.append(http2.frame(http2.HEADERS, http2.END_HEADERS, stream, block))
        cut = chance.randrange(len(body)) if chance.random() < 0.3 else 0
        if cut:
            frames.append(http2.frame(http2.DATA, http2.PADDED, stream, b"\x02" + body[:cut] + b"\0\0"))
        frames.append(http2.frame(http2.DATA, http2.END_STREAM, stream, body[cut:]))
        word = chance.choice((0, 1, 8, 1000, 2**31 - 1)).to_bytes(4, "big")
        kinds = (http2.WINDOW_UPDATE, http2.RST_STREAM, http2.PING, http2.GOAWAY, http2.PRIORITY, 99)
        if chance.random() < 0.4:
            frames.append(
                http2.frame(chance.choice(kinds), 0, chance.choice((0, stream)), chance.choice((1, 2)) * word)
            )
    return frames


def mutated_frames(frames: list[bytes], chance: random.Random) -> bytes:
    """The frames with some lost, repeated, exchanged, or with a few bytes changed."""
    changed = list(frames)
    for _ in range(chance.randint(0, 3)):
        at, kind = chance.randrange(len(changed)), chance.randrange(5)
        if kind == 0 and len(changed) > 1:
            del changed[at]
        elif kind == 1:
            changed.insert(at, changed[at])
        elif kind == 2:
            other = chance.randrange(len(changed))
            changed[at], changed[other] = changed[other], changed[at]
        elif kind == 3 and changed[at]:  # the head alone: kind, flags, stream
            head = bytearray(changed[at])
            head[min(chance.choice((3, 4, 8)), len(head) - 1)] = chance.randrange(256)
            changed[at] = bytes(head)
        else:
            changed[at] = mutated(changed[at], chance)
    return b"".join(changed)


def fuzz_frames(checker: Checker, count: int, chance: random.Random) -> None:
    """Mutated frames, a connection a time; gRPC's own answers to them have to be well formed."""
    for number in range(count):
        sent = mutated_frames(calls_as_frames(chance), chance)
        checker.sent += 1
        with http2.RawClient(checker.server.port, greet=False) as raw:
            raw.send(http2.PREFACE + sent)
            raw.socket.shutdown(socket.SHUT_WR)
            end = _checked_frames(raw, sent)
        checker.statuses[end] = checker.statuses.get(end, 0) + 1
        if number % 10 == 0:
            wait_until(lambda value=float(number): _own_answer(checker.server, value))


def _own_answer(server: Server, value: float) -> bool:
    """Whether the server answers, and with the right number; False while calls of vanished clients take all places."""
    try:
        reply = server.prediction.Predict(predict_request("half_plus_two", x=[value]), timeout=30)
    except grpc.RpcError as error:
        if error.details() == "Server Threadpool Exhausted":
            return False
        raise
    assert reply.outputs["y"].float_val == [value / 2 + 2]
    return True


def _checked_frames(raw: http2.RawClient, sent: bytes) -> str:
    """How the connection ended; what came before has to be frames of HTTP/2 and texts of ours."""
    end, decoder = "end of file", Decoder()
    while (got := raw.read()) is not None:
        assert got.kind in SERVED, (got, sent)
        if got.kind == http2.HEADERS:
            fields = dict(decoder.decode(got.payload))
            text = fields.get("grpc-message", "")
            assert fields.get("grpc-status", "0") in ("0", "3", "4", "5", "8", "9", "12", "13"), (fields, sent)
            assert not PYTHON_ERROR.search(text.replace("%20", " ")), (fields, sent)
        elif got.kind in (http2.GOAWAY, http2.RST_STREAM):
            assert got.code != "INTERNAL_ERROR", (got, sent)
            end = got.code if got.kind == http2.GOAWAY else end
            assert end != "COMPRESSION_ERROR" or b"HPACK" in got.payload or b"Invalid" in got.payload, (got, sent)
    return end
