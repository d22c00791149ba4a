"""Control calls to a server: is it up, and does it answer the same numbers as the model?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import requests

from playbook.errors import PredictFailed, ServerNotReady
from playbook.records import secrets
from playbook.tfserving.messages import MESSAGES, from_tensor_proto
from playbook.tfserving.reference import Arrays
from playbook.tfserving.requests import grpc_body, rest_body

if TYPE_CHECKING:
    from playbook.serve.handle import Handle


def status(handle: Handle, timeout_s: float = 5.0) -> list[dict[str, Any]]:
    """Every version of the model with its state, newest first.

    Raises:
        PredictFailed: the server answered with an error.
        requests.RequestException: it did not answer.
    """
    url = f"{handle.rest_url}/v1/models/{handle.model_name}"
    reply = requests.get(url, headers=secrets.header(url), timeout=timeout_s)
    if reply.status_code != 200:
        raise PredictFailed(f"Status of '{handle.model_name}': HTTP {reply.status_code}, {reply.text.strip()[:300]}")
    return reply.json()["model_version_status"]


def responds(handle: Handle, timeout_s: float = 1.0) -> bool:
    """Whether the server answers a status request at all, whatever it says: one that hangs does not."""
    url = f"{handle.rest_url}/v1/models/{handle.model_name}"
    try:
        requests.get(url, headers=secrets.header(url), timeout=timeout_s)
    except requests.RequestException:
        return False
    return True


def asker(handle: Handle) -> Callable[[], bool] | None:
    """Whom a load may ask whether the server hangs (`is_alive` of `loadgen.hold`); None where it has no REST port."""
    return partial(responds, handle) if handle.rest_url else None


def available_version(handle: Handle) -> int | None:
    """The version that answers now: the highest AVAILABLE one. HTTP 200 alone says nothing, the state does."""
    versions = [int(row["version"]) for row in status(handle) if row["state"] == "AVAILABLE"]
    return max(versions, default=None)


def wait_available(handle: Handle, timeout_s: float, check: Callable[[], None] = lambda: None) -> int:
    """Wait until a version is AVAILABLE and return it; `check` may raise to give up early.

    Raises:
        ServerNotReady: with the last state, the last log lines and what to look at.
    """
    end, last = time.monotonic() + timeout_s, "no answer"
    while time.monotonic() < end:
        check()
        try:
            if (version := available_version(handle)) is not None:
                return version
            last = ", ".join(f"version {row['version']} {row['state']}" for row in status(handle)) or "no versions"
        except requests.ConnectionError:
            last = "no open port"
        except (requests.RequestException, PredictFailed, ValueError, KeyError, TypeError) as error:
            last = str(error)
        time.sleep(0.05)
    raise ServerNotReady(
        f"'{handle.model_name}' was not AVAILABLE at {handle.rest_url} after {timeout_s:g} s (last seen: {last}).\n"
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
        reply = requests.post(url, data=body, headers=secrets.header(url), timeout=timeout_s)
    except requests.RequestException as error:
        raise PredictFailed(
            f"Predict over REST: no answer from {handle.predict_url} ({type(error).__name__})"
        ) from error
    if reply.status_code != 200:
        raise PredictFailed(f"Predict over REST: HTTP {reply.status_code}, {reply.text.strip()[:500]}")
    rows = reply.json()["predictions"]
    if not (rows and isinstance(rows[0], dict) and set(rows[0]) != {"b64"}):
        return {"": np.asarray(rows)}
    return {alias: np.asarray([row[alias] for row in rows]) for alias in rows[0]}


def predict_grpc(
    handle: Handle, inputs: Mapping[str, np.ndarray], signature: str = "serving_default", timeout_s: float = 30.0
) -> Arrays:
    """Predict over gRPC.

    Raises:
        PredictFailed: the server answered with an error; its code and text are kept.
    """
    import grpc

    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(handle.grpc_target, options=unlimited) as channel:
        call = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            response_deserializer=MESSAGES["PredictResponse"].FromString,
        )
        try:
            reply = call(grpc_body(inputs, signature, handle.model_name), timeout=timeout_s)
        except grpc.RpcError as error:
            raise PredictFailed(f"Predict over gRPC: {error.code().name}, {error.details()}") from error
    return {alias: from_tensor_proto(proto) for alias, proto in reply.outputs.items()}
