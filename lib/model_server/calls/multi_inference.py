"""MultiInference: several classify and regress signatures over one input, in one run (multi_inference.cc)."""

from __future__ import annotations

from model_server import metrics, tensorflow_package
from model_server.calls.example_input import serialized_examples
from model_server.calls.inference import CLASSIFY, REGRESS, classify_tensors, regress_tensors, write_result
from model_server.calls.predict import fill_spec, spec_from
from model_server.errors import invalid, unimplemented
from model_server.models.core import Core
from model_server.models.servable import DEFAULT_SIGNATURE, Servable

tensorflow_package.install()
from tensorflow_serving.apis import inference_pb2, model_pb2  # noqa: E402

ModelSpecMessage = model_pb2.ModelSpec


async def multi_infer(core: Core, request, deadline_ns: int | None, check_method: bool):
    """Answer a MultiInferenceRequest: several classify and regress signatures over one input, one run.

    The first task names the model and its version.

    Raises:
        ServingError: with TensorFlow Serving's code and text.
    """
    servable = core.find(spec_from(request.tasks[0].model_spec if request.tasks else ModelSpecMessage()))
    try:
        return await multi_infer_on(servable, request, deadline_ns, check_method)
    finally:
        servable.release()


async def multi_infer_on(servable: Servable, request, deadline_ns: int | None, check_method: bool):
    """The same with a servable that is already chosen."""
    tasks = _tasks(servable, request, check_method)
    inputs = {tensor: tensor for _, _, fed, _ in tasks for tensor in fed.values()}
    outputs = {tensor: tensor for _, _, _, fetched in tasks for tensor in fetched.values()}
    plan = servable.plan(("multi", frozenset(inputs), frozenset(outputs)), "", inputs, outputs)
    rows = serialized_examples(request.input)
    share = await servable.run(plan, [rows] * len(plan.inputs), deadline_ns)
    by_tensor = dict(zip(plan.outputs, share.arrays, strict=True))
    model_name = request.tasks[0].model_spec.name if request.tasks else ""
    metrics.request_example_counts.add(len(rows), model_name)
    metrics.request_example_count_total.add(model_name, by=len(rows))
    response = inference_pb2.MultiInferenceResponse()
    for name, api, _, fetched in tasks:
        result = response.results.add()
        target = result.classification_result if api == "Classify" else result.regression_result
        target.SetInParent()
        write_result(api, target, {alias: by_tensor[tensor] for alias, tensor in fetched.items()}, len(rows))
        fill_spec(result.model_spec, servable, name)
    return response


def _tasks(servable: Servable, request, check_method: bool) -> list[tuple[str, str, dict, dict]]:
    """(signature name, Classify or Regress, input, outputs) of each task, checked against each other."""
    tasks: list[tuple[str, str, dict, dict]] = []
    names: set[str] = set()
    model_name = request.tasks[0].model_spec.name if request.tasks else ""
    for task in request.tasks:
        if not task.model_spec.name:
            raise invalid("Found ModelSpec with an empty model name.")
        if task.model_spec.name != model_name:
            raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name in names:
            raise invalid(f"Duplicate evaluation of signature: {name}")
        names.add(name)
        tasks.append(_task(servable, name, task.method_name, check_method))
    return tasks


def _task(servable: Servable, name: str, method: str, check_method: bool) -> tuple[str, str, dict, dict]:
    signature = servable.signatures.get(name)
    if signature is None:
        raise invalid(f"Requested signature not found in model graph: {name}")
    if method == CLASSIFY:
        return name, "Classify", *classify_tensors(signature, check_method)
    if method == REGRESS:
        return name, "Regress", *regress_tensors(signature, check_method)
    raise unimplemented(f"Unsupported signature method_name: {method}")
