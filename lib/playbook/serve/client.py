"""Single calls to a server: which versions it has, is one AVAILABLE, what does it predict over REST and gRPC?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import requests

from playbook.errors import PredictFailed, ServerNotReady
from playbook.records import secrets, trust
from playbook.records.sessions import connection
from playbook.tfserving.messages import MESSAGES, from_tensor_proto
from playbook.tfserving.reference import Arrays
from playbook.tfserving.requests import grpc_body, rest_body

if TYPE_CHECKING:
    from playbook.serve.handle import Handle

STATUS_S = 0.75  # for the status of a server that has answered nothing for 3 s: a hang is to be told within 5 s


def status(handle: Handle, timeout_s: float = 5.0) -> list[dict[str, Any]]:
    """Every version of the model with its state, newest first.

    Raises:
        PredictFailed: the server answered with an error.
        requests.RequestException: it did not answer.
    """
    url = f"{handle.rest_url}/v1/models/{handle.model_name}"
    with connection(url) as session:
        reply = session.get(url, timeout=timeout_s)
    if reply.status_code != 200:
        raise PredictFailed(f"Status of '{handle.model_name}': HTTP {reply.status_code}, {reply.text.strip()[:300]}")
    rows = _member(reply, f"Status of '{handle.model_name}'", "model_version_status")
    if not all(isinstance(row, dict) and {"version", "state"} <= row.keys() for row in rows):
        raise PredictFailed(f"Status of '{handle.model_name}': versions with a state were expected. {_came(reply)}")
    return rows


def _member(reply: requests.Response, what: str, name: str) -> list[Any]:
    """A list in the JSON of an answer.

    Raises:
        PredictFailed: HTTP 200, and no such answer: half of one, nothing, the page of a proxy.
    """
    try:
        found = reply.json()[name]
    except (ValueError, KeyError, TypeError):
        found = None
    if not isinstance(found, list):
        raise PredictFailed(f"{what}: JSON with a list '{name}' was expected. {_came(reply)}")
    return found


def _came(reply: requests.Response) -> str:
    text = " ".join(reply.text.split())
    seen = f"began with {text[:80]!r}" if text else "was empty"
    return f"HTTP {reply.status_code} came, whose body {seen}: does another program, or a proxy, answer at {reply.url}?"


def responds(handle: Handle, timeout_s: float = 1.0) -> bool:
    """Whether the server answers a status request at all, whatever it says: one that hangs does not."""
    url = f"{handle.rest_url}/v1/models/{handle.model_name}"
    try:
        with connection(url) as session:
            session.get(url, timeout=timeout_s)
    except requests.RequestException:
        return False
    return True


def asker(handle: Handle) -> Callable[[], bool] | None:
    """Whom a load may ask whether the server hangs (`is_alive` of `loadgen.hold`); None where it has no REST port."""
    return partial(responds, handle, timeout_s=STATUS_S) if handle.rest_url else None


def available_version(handle: Handle, timeout_s: float = 5.0) -> int | None:
    """The version that answers now: the highest AVAILABLE one. HTTP 200 alone says nothing, the state does."""
    versions = [int(row["version"]) for row in status(handle, timeout_s) if row["state"] == "AVAILABLE"]
    return max(versions, default=None)


def wait_available(handle: Handle, timeout_s: float, check: Callable[[], None] = lambda: None) -> int:
    """Wait until a version is AVAILABLE and return it; `check` may raise to give up early.

    Raises:
        ServerNotReady: with the last state, the last log lines and what to look at.
    """
    begun, last = time.monotonic(), "no answer"
    end = begun + timeout_s
    while time.monotonic() < end:
        check()
        try:
            if (version := available_version(handle)) is not None:
                return version
            last = ", ".join(f"version {row['version']} {row['state']}" for row in status(handle)) or "no versions"
        except requests.exceptions.SSLError as error:
            last = trust.problem(handle.rest_url) or str(error)
            break  # waiting changes no certificate
        except requests.ConnectionError:
            last = "no open port"
        except (requests.RequestException, PredictFailed, ValueError, KeyError, TypeError) as error:
            last = str(error)
        time.sleep(0.05)
    waited_s = time.monotonic() - begun
    if handle.server == "attach" and last == "no open port":
        last = trust.problem(handle.rest_url) or last
    seen = f"'{handle.model_name}' was not AVAILABLE at {handle.rest_url} after {waited_s:.0f} s (last seen: {last})."
    if handle.server == "attach":
        raise ServerNotReady(f"{seen} Look at that server's log, and at the addresses, headers and certificates given.")
    raise ServerNotReady(
        f"{seen}\n"
        f"  Last log lines ({handle.log_path}):\n{handle.log_tail()}\n"
        f"  Check that {handle.model_base_path} holds a numbered version folder with a SavedModel."
    )


def predict_rest(
    handle: Handle, inputs: Mapping[str, np.ndarray], signature: str = "serving_default", timeout_s: float = 30.0
) -> Arrays:
    """Predict over REST. With a single output TensorFlow Serving leaves its alias out: it is "" here.

    Raises:
        PredictFailed: the server did not answer, or with an error; its text is kept.
    """
    try:
        url, body = handle.predict_url, rest_body(inputs, signature)
        with connection(url) as session:
            reply = session.post(url, data=body, timeout=timeout_s)
    except requests.RequestException as error:
        why = trust.problem(url) or f"no answer from {url} ({type(error).__name__})"
        raise PredictFailed(f"Predict over REST: {why}") from error
    if reply.status_code != 200:
        raise PredictFailed(f"Predict over REST: HTTP {reply.status_code}, {reply.text.strip()[:500]}")
    rows = _member(reply, "Predict over REST", "predictions")
    try:
        if not (rows and isinstance(rows[0], dict) and set(rows[0]) != {"b64"}):
            return {"": np.asarray(rows)}
        return {alias: np.asarray([row[alias] for row in rows]) for alias in rows[0]}
    except (TypeError, KeyError, ValueError) as error:
        raise PredictFailed(f"Predict over REST: rows of one shape were expected. {_came(reply)}") from error


def predict_grpc(
    handle: Handle, inputs: Mapping[str, np.ndarray], signature: str = "serving_default", timeout_s: float = 30.0
) -> Arrays:
    """Predict over gRPC.

    Raises:
        PredictFailed: the server did not answer, or with an error; its code and text are kept.
    """
    import grpc

    with channel(handle) as opened:
        call = opened.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            response_deserializer=MESSAGES["PredictResponse"].FromString,
        )
        body = grpc_body(inputs, signature, handle.model_name)
        try:
            reply = call(body, timeout=timeout_s, metadata=metadata(handle.grpc_url))
        except grpc.RpcError as error:
            why = trust.problem(handle.grpc_url) if error.code() is grpc.StatusCode.UNAVAILABLE else ""
            raise PredictFailed(f"Predict over gRPC: {why or f'{error.code().name}, {error.details()}'}") from error
    return {alias: from_tensor_proto(proto) for alias, proto in reply.outputs.items()}


def channel(handle: Handle) -> Any:
    """A gRPC channel to a server, with TLS where its address wants it, for messages of any size."""
    import grpc

    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.enable_http_proxy", 0),  # as load goes: straight
    ]
    headers = {name.lower(): value for name, value in secrets.header(handle.grpc_url).items()}
    if "host" in headers:
        options.append(("grpc.default_authority", headers["host"]))
    if not handle.grpc_url.startswith("grpcs://"):
        return grpc.insecure_channel(handle.grpc_target, options=options)
    noted = trust.of(handle.grpc_url) or trust.Trust()
    if noted.server_name:
        options.append(("grpc.ssl_target_name_override", noted.server_name))
    pem = [Path(file).read_bytes() if file else None for file in (noted.ca, noted.client_key, noted.client_certificate)]
    return grpc.secure_channel(handle.grpc_target, grpc.ssl_channel_credentials(*pem), options=options)


def metadata(url: str) -> list[tuple[str, str]]:
    """The headers of a gRPC call; `Host` is the channel's."""
    headers = {name.lower(): value for name, value in secrets.header(url).items()}
    return [(name, value) for name, value in headers.items() if name != "host"]
