"""Predict over REST: `instances` (row format) or `inputs` (columnar) in, `predictions` or `outputs` out."""

from __future__ import annotations

import asyncio

from model_server.batching.executors import in_thread
from model_server.batching.run_outputs import Share
from model_server.calls.predict import completed, plan_of
from model_server.errors import ServingError
from model_server.json import reply
from model_server.models.core import Core, ModelSpec
from model_server.models.servable import DEFAULT_SIGNATURE, PredictPlan, Servable
from model_server.rest import reading
from model_server.rest.body import Body
from model_server.rest.http_connection import LONG
from model_server.rest.json_helper import JsonHelper

Text = bytes | memoryview


async def predict(
    core: Core, spec: ModelSpec, body: Body, deadline_ns: int | None, check_method: bool, helper: JsonHelper
) -> Text:
    """Answer one predict request's body.

    Args:
        check_method: Whether the signature must have a standard method_name.
        helper: Writes a long reply.

    Raises:
        ServingError: in the order of TensorFlow Serving's checks: JSON, model, signature, tensors, run.
    """
    servable = await find_after_parsing(core, spec, body)
    try:
        row_format, name, tensors = await body.read(reading.predict_inputs, servable.input_types)
        plan = plan_of(servable, name, (), check_method)
        arrays = completed(servable, plan, tensors)
        share = await servable.run(plan, arrays, deadline_ns, "Predict", spec.name)
        return await reply_of(plan, share, row_format, helper)
    finally:
        servable.release()


async def reply_of(plan: PredictPlan, share: Share, row_format: bool, helper: JsonHelper) -> Text:
    """The reply's body.

    Raises:
        ServingError: JSON cannot show the outputs.
    """
    named = dict(zip(plan.outputs, share.arrays, strict=True))
    if 8 * sum(array.size for array in named.values()) <= LONG:
        return reply.row_reply(named) if row_format else reply.column_reply(named)
    write = helper.row_reply if row_format else helper.column_reply
    return await in_thread(asyncio.get_running_loop(), lambda: write(named))


async def find_after_parsing(core: Core, spec: ModelSpec, body: Body) -> Servable:
    """The servable, acquired; a body that is no JSON object is complained of before an unknown model.

    Raises:
        ServingError: of the body, else of the model.
    """
    try:
        return core.find(spec)
    except ServingError as error:
        missing = error
    await body.read(reading.check_document)
    raise missing


def plain_plan(servable: Servable, check_method: bool) -> PredictPlan:
    """What plain numbers are for, the default signature; kept in `servable.plain_plan`.

    Raises:
        ServingError: INTERNAL when its method_name is not to be served.
    """
    servable.plain_plan = plan_of(servable, DEFAULT_SIGNATURE, (), check_method)
    return servable.plain_plan
