"""MultiInference: several classify and regress signatures over one input, in one run (multi_inference.cc)."""

from __future__ import annotations

from model_server import metrics, tensorflow_package
from model_server.calls.example_input import serialized_examples
from model_server.calls.inference import CLASSIFY, REGRESS, classify_tensors, regress_tensors, write_result
from model_server.calls.predict import fill_spec
from model_server.errors import invalid, unimplemented
from model_server.models.core import Core, ModelSpec
from model_server.models.servable import DEFAULT_SIGNATURE, Servable

tensorflow_package.install()
from tensorflow_serving.apis import inference_pb2  # noqa: E402


async def multi_infer(core: Core, request, deadline_ns: int | None, check_method: bool):
    """Answer a MultiInferenceRequest: several classify and regress signatures over one input, one run.

    Raises:
        ServingError: with TensorFlow Serving's code and text.
    """
    if not request.tasks:
        raise invalid("Inference request must have at least one task.")  # nothing names a model then
    first = request.tasks[0].model_spec
    version = first.version.value if first.WhichOneof("version_choice") == "version" else None
    servable = core.find(ModelSpec(first.name, version, first.version_label))
    try:
        return await multi_infer_on(servable, request, deadline_ns, check_method)
    finally:
        servable.release()


async def multi_infer_on(servable: Servable, request, deadline_ns: int | None, check_method: bool):
    """The same with a servable that is already chosen."""
    tasks = _tasks(servable, request, check_method)
    inputs = tasks[0][2]
    outputs = {f"{name}/{alias}": tensor for name, _, _, fetched in tasks for alias, tensor in fetched.items()}
    plan = servable.plan(("multi", tuple(name for name, *_ in tasks)), "", inputs, outputs)
    rows = serialized_examples(request.input)
    metrics.request_example_counts.add(len(rows), servable.name)
    metrics.request_example_count_total.add(servable.name, by=len(rows))
    arrays = (await servable.run(plan, [rows], deadline_ns, "MultiInference", servable.name)).arrays
    found = dict(zip(plan.outputs, arrays, strict=True))
    response = inference_pb2.MultiInferenceResponse()
    for name, api, _, fetched in tasks:
        result = response.results.add()
        fill_spec(result.model_spec, servable, name)
        target = result.classification_result if api == "Classify" else result.regression_result
        target.SetInParent()
        write_result(api, target, {alias: found[f"{name}/{alias}"] for alias in fetched}, len(rows))
    return response


def _tasks(servable: Servable, request, check_method: bool) -> list[tuple[str, str, dict, dict]]:
    """(signature name, Classify or Regress, input, outputs) of each task, checked against each other."""
    model_name, tasks, seen = request.tasks[0].model_spec.name, [], set()
    for task in request.tasks:
        if not task.model_spec.name:
            raise invalid("Found ModelSpec with an empty model name.")
        if task.model_spec.name != model_name:
            raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name in seen:
            raise invalid(f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        tasks.append(_task(servable, name, task.method_name, check_method))
    if any(inputs != tasks[0][2] for _, _, inputs, _ in tasks):
        raise invalid("Input tensor must be the same for all Signatures.")
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
