"""Questions about REST and gRPC: status, refusals and their texts, JSON's corners."""

from __future__ import annotations

import time

import numpy as np

from playbook.verify.asking import Question
from playbook.verify.places import Place
from playbook.verify.reached import Reached, predict_request

Seen = tuple[bool, str]
_NOBODY = "no_such_model"
_GIVEN_UP_S = 5.0  # until a run whose deadline is over is counted


def _reply(reply) -> str:
    return f"HTTP {reply.status_code}: {reply.text[:250]}"


def _status(place: Place) -> Seen:
    server = place.server()
    reply = server.get(f"/v1/models/{server.model}")
    rows = reply.json()["model_version_status"]
    keys = list(rows[0]) == ["version", "state", "status"] and list(rows[0]["status"]) == [
        "error_code",
        "error_message",
    ]
    newest = [int(row["version"]) for row in rows] == sorted((int(row["version"]) for row in rows), reverse=True)
    served = any(row["state"] == "AVAILABLE" for row in rows)
    return reply.status_code == 200 and keys and newest and served, _reply(reply)


def _no_status(place: Place) -> Seen:
    reply = place.server().get(f"/v1/models/{_NOBODY}")
    wanted = f"Could not find any versions of model {_NOBODY}"
    return reply.status_code == 404 and wanted in reply.json()["error"], _reply(reply)


def _no_model(place: Place) -> Seen:
    reply = place.server().predict({"instances": [1.0]}, _NOBODY)
    wanted = f"Servable not found for request: Latest({_NOBODY})"
    return reply.status_code == 404 and reply.json()["error"] == wanted, _reply(reply)


def _malformed(place: Place) -> Seen:
    reply = place.server().get("/v1/nothing")
    return reply.status_code == 400 and reply.json()["error"] == "Malformed request: GET /v1/nothing", _reply(reply)


def _outside(place: Place) -> Seen:
    reply = place.server().get("/healthz")
    return reply.status_code == 404 and "<TITLE>404 Not Found</TITLE>" in reply.text, _reply(reply)


def _broken_json(place: Place) -> Seen:
    reply = place.server().predict('{"instances": [1,2')
    wanted = "JSON Parse error: Missing a comma or ']' after an array element. at offset: 18"
    return reply.status_code == 400 and reply.json()["error"] == wanted, _reply(reply)


def _numbers(place: Place) -> Seen:
    place.server().need_probe()
    reply = place.server().predict({"instances": [0.0, -3.0, 1.0 / 3.0, 1999996.0, 1.9999981]})
    told = reply.text.split("[")[-1].split("]")[0].split(",")
    return [word.strip() for word in told] == ["2.0", "0.5", "2.16666675", "1e+06", "2.99999905"], _reply(reply)


def _no_numbers(place: Place) -> Seen:
    place.server().need_probe()
    reply = place.server().predict('{"instances": [NaN, Infinity, -Inf]} and more')
    told = reply.text.split("[")[-1].split("]")[0].split(",")
    return [word.strip() for word in told] == ["NaN", "Infinity", "-Infinity"], _reply(reply)


def _whole_numbers(place: Place) -> Seen:
    place.server().need_probe()
    reply = place.server().predict('{"signature_name": "whole", "instances": [1.0]}')
    return reply.status_code == 400 and "is not of expected type: int64" in reply.json()["error"], _reply(reply)


def _base64(place: Place) -> Seen:
    place.server().need_probe()
    reply = place.server().predict({"signature_name": "raw", "instances": [{"b64": "/wA="}]})
    return reply.json().get("predictions") == [{"b64": "/wA="}], _reply(reply)


def _columns(place: Place) -> Seen:
    place.server().need_probe()
    reply = place.server().predict({"signature_name": "two", "inputs": {"a": [3.0], "b": [1.0], "c": 5}})
    return reply.json().get("outputs") == {"sum": [4.0], "difference": [2.0]}, _reply(reply)


def _missing_key(place: Place) -> Seen:
    place.server().need_probe()
    reply = place.server().predict({"signature_name": "two", "instances": [{"a": 1.0}]})
    return reply.status_code == 400 and "keys must be equal to: a,b" in reply.json()["error"], _reply(reply)


def _twice(place: Place) -> Seen:
    place.server().need_probe()
    reply = place.server().predict('{"instances": [0.0], "instances": [1.0]}')
    return reply.json().get("predictions") == [2.0], _reply(reply)


def _signature(place: Place) -> Seen:
    server = place.server()
    request = predict_request({"x": np.zeros(1, np.float32)}, "no_such_signature", server.model)
    code, text = server.refused("Predict", request)
    return (code, text) == (
        "FAILED_PRECONDITION",
        'Serving signature key "no_such_signature" not found.',
    ), f"{code}: {text}"


def _spec(place: Place) -> Seen:
    place.server().need_probe()
    request = predict_request({"x": np.array([1.0], np.float32)})
    spec = place.server().grpc("Predict", request, "PredictResponse").model_spec
    seen = (spec.name, spec.version.value, spec.signature_name)
    return seen == ("probe", 1, "serving_default"), f"model_spec of the reply: {seen}"


def _no_version(place: Place) -> Seen:
    server = place.server()
    request = predict_request({"x": np.zeros(1, np.float32)}, model=server.model, version=987654)
    code, text = server.refused("Predict", request)
    wanted = f"Servable not found for request: Specific({server.model}, 987654)"
    return (code, text) == ("NOT_FOUND", wanted), f"{code}: {text}"


def _deadline(place: Place) -> Seen:
    """A client gives up at its deadline whatever the server does: what became of the run, the server's count tells."""
    server = place.server()
    server.need_probe()
    turns, before = server.spin(1.5)["instances"], _late(server)
    request = predict_request({"x": np.array(turns, np.float32)}, "spin")
    code, text = server.refused("Predict", request, timeout=0.3)
    until = time.monotonic() + _GIVEN_UP_S
    while (counted := _late(server) - before) < 1 and time.monotonic() < until:
        time.sleep(0.05)
    return (code, counted) == ("DEADLINE_EXCEEDED", 1), f"{code}: {text}; request_count DEADLINE_EXCEEDED {counted:+g}"


def _late(server: Reached) -> float:
    """Requests that the server ended at their deadline."""
    series = [one for one in server.metrics().values() if one.name == ":tensorflow:serving:request_count"]
    return sum(one.value or 0.0 for one in series if one.labels.get("status") == "DEADLINE_EXCEEDED")


def _timeout(place: Place) -> Seen:
    server = place.server("impatient")
    reply = server.predict(server.spin(1.5))
    return reply.status_code == 504 and "Timed out" in reply.text, _reply(reply)


_PROBES, _CLIENT, _BODIES = (
    "health checks, and how a refusal is read",
    "what stress counts as an error, and why",
    "bodies that export, stress and the load-test Job send",
)
QUESTIONS = [
    Question(
        "status", "REST", "the status lists every version, newest first, with version, state, status", _PROBES, _status
    ),
    Question("status_of_nobody", "REST", "an unknown model's status is 404", _PROBES, _no_status),
    Question("predict_of_nobody", "REST", "predict of an unknown model is 404 Latest(...)", _CLIENT, _no_model),
    Question("malformed", "REST", "any other path under /v1/ is 400 Malformed request", _PROBES, _malformed),
    Question("outside", "REST", "paths outside /v1/ get libevent's own 404 page", _PROBES, _outside),
    Question("timeout", "REST", "a run longer than rest_api_timeout_in_ms is 504", _CLIENT, _timeout),
    Question("json_error", "JSON", "broken JSON is 400, with rapidjson's words and the offset", _CLIENT, _broken_json),
    Question("numbers", "JSON", "floats come with 6 digits where those read back, else with 9", _BODIES, _numbers),
    Question(
        "no_numbers", "JSON", "NaN, Infinity and text after the root are taken, and written bare", _BODIES, _no_numbers
    ),
    Question("whole_numbers", "JSON", "1.0 is no value of an int64 input", _BODIES, _whole_numbers),
    Question(
        "base64", "JSON", "b64 objects hold bytes, and an output named *_bytes comes back as one", _BODIES, _base64
    ),
    Question("columns", "JSON", "columnar requests pass over names they do not know", _BODIES, _columns),
    Question("missing_key", "JSON", "a row must have exactly the signature's names", _BODIES, _missing_key),
    Question("twice", "JSON", "the first of two equal keys counts", _BODIES, _twice),
    Question("signature", "gRPC", "an unknown signature is FAILED_PRECONDITION", _CLIENT, _signature),
    Question(
        "model_spec",
        "gRPC",
        "a reply names the version and the signature that answered",
        "how a swap is told from its answers",
        _spec,
    ),
    Question("no_version", "gRPC", "a version that is not served is NOT_FOUND Specific(...)", _CLIENT, _no_version),
    Question("deadline", "gRPC", "a call ends at its deadline, in the server as for its client", _CLIENT, _deadline),
]
