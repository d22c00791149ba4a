"""Predict over REST: `instances` (row format) or `inputs` (columnar) in, `predictions` or `outputs` out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from model_server.batching.executors import in_thread
from model_server.batching.run_outputs import Share
from model_server.calls.predict import plan_of
from model_server.errors import ServingError, invalid
from model_server.json import fast, reply, text
from model_server.json.text import debug_string
from model_server.models.core import Core, ModelSpec
from model_server.models.servable import DEFAULT_SIGNATURE, Plan, Servable
from model_server.rest.inputs import plain_numbers, read_inputs

LONG = 1 << 20
T = TypeVar("T")


async def predict(core: Core, spec: ModelSpec, body: bytes, deadline_ns: int | None, check_method: bool) -> bytes:
    """Answer one predict request's body.

    Args:
        check_method: Whether the signature must have a standard method_name.

    Raises:
        ServingError: in the order of TensorFlow Serving's checks: JSON, model, signature, tensors, run.
    """
    servable = find_after_parsing(core, spec, body)
    try:
        long = len(body) > LONG
        if long:
            row_format, plan, arrays = await _in_thread(_read, servable, body, check_method)
        else:
            row_format, plan, arrays = _read(servable, body, check_method)
        share = await servable.run(plan, arrays, deadline_ns, "Predict", spec.name)
        return await reply_of(plan, share, row_format)
    finally:
        servable.release()


async def reply_of(plan: Plan, share: Share, row_format: bool) -> bytes:
    """The reply's body.

    Raises:
        ServingError: JSON cannot show the outputs.
    """
    outputs = share.arrays
    named = dict(zip(plan.outputs, outputs, strict=True))
    write = reply.row_reply if row_format else reply.column_reply
    long = 8 * sum(array.size for array in outputs) > LONG
    return await _in_thread(write, named) if long else write(named)


async def _in_thread(work: Callable[..., T], *arguments: object) -> T:
    """Reading or writing more than LONG bytes of JSON, away from the loop: others must not wait for it."""
    return await in_thread(asyncio.get_running_loop(), lambda: work(*arguments))


def find_after_parsing(core: Core, spec: ModelSpec, body: bytes) -> Servable:
    """The servable, acquired; a body that is no JSON object is complained of before an unknown model.

    Raises:
        ServingError: of the body, else of the model.
    """
    try:
        return core.find(spec)
    except ServingError:
        read_signature_name(text.parse(body))
        raise


def _read(servable: Servable, body: bytes, check_method: bool) -> tuple[bool, Plan, list[np.ndarray]]:
    """Row format or not, what is to run, and the tensors for it in the plan's order."""
    plain = fast.read(body, servable.plain_type)
    if plain is not None:
        return plain[0], plain_plan(servable, check_method), [plain[1]]
    document = as_object(text.parse(body))
    signature_name = read_signature_name(document) or DEFAULT_SIGNATURE
    infos = _input_infos(servable, signature_name)
    row_format, tensors = read_inputs(document, infos, plain_numbers(body))
    plan = plan_of(servable, signature_name, (), check_method)
    return row_format, plan, [tensors[alias] for alias in plan.inputs]


def plain_plan(servable: Servable, check_method: bool) -> Plan:
    """What plain numbers are for, the default signature; kept in `servable.plain_plan`.

    Raises:
        ServingError: INTERNAL when its method_name is not to be served.
    """
    servable.plain_plan = plan_of(servable, DEFAULT_SIGNATURE, (), check_method)
    return servable.plain_plan


def as_object(document: object) -> dict:
    """The root of a body.

    Raises:
        ServingError: INVALID_ARGUMENT when it is no object.
    """
    if not isinstance(document, dict):
        raise invalid(f"JSON Value: {debug_string(document)} Is not object")
    return document


def read_signature_name(document: object) -> str:
    """The request's signature name, "" when it has none.

    Raises:
        ServingError: the root is no object, or the name no string.
    """
    name = as_object(document).get("signature_name", "")
    if not isinstance(name, (str, bytes)):
        raise invalid(
            f"JSON Value: {debug_string(document)} not formatted correctly. 'signature_name' key must be a string "
            "value."
        )
    return name if isinstance(name, str) else name.decode("utf-8", "replace")


def _input_infos(servable: Servable, signature_name: str) -> dict:
    signature = servable.signatures.get(signature_name)
    if signature is None:
        raise invalid(f'Serving signature name: "{signature_name}" not found in signature def')
    if not signature.inputs:
        shown = "DEFAULT" if signature_name == DEFAULT_SIGNATURE else signature_name
        raise invalid(f"Failed to get input map for signature: {shown}")
    return signature.inputs
