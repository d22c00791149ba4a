"""Predict over gRPC messages: from a PredictRequest to the tensors of a signature and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from model_server import tensorflow_package
from model_server.calls.tensor_proto import parse, to_proto
from model_server.errors import FAILED_PRECONDITION, INTERNAL, ServingError, invalid
from model_server.models.core import ModelSpec
from model_server.models.servable import DEFAULT_SIGNATURE, PredictPlan, Servable

tensorflow_package.install()
from tensorflow_serving.apis import predict_pb2  # noqa: E402

METHODS = (
    "tensorflow/serving/predict",
    "tensorflow/serving/classify",
    "tensorflow/serving/regress",
)


def spec_of(message) -> ModelSpec:
    """The ModelSpec message of a request as ours.

    Raises:
        ServingError: INVALID_ARGUMENT when the request has none, or it has no name.
    """
    if not message.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    return spec_from(message.model_spec)


def spec_from(spec) -> ModelSpec:
    """A ModelSpec message as ours.

    Raises:
        ServingError: INVALID_ARGUMENT when it has no name.
    """
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")
    version = spec.version.value if spec.WhichOneof("version_choice") == "version" else None
    return ModelSpec(spec.name, version, spec.version_label)


def fill_spec(spec, servable: Servable, signature_name: str = "") -> None:
    """Write the model_spec of a reply: the version that answered, never the label."""
    spec.name, spec.signature_name = servable.name, signature_name
    spec.version.value = servable.version


def plan_of(servable: Servable, signature_name: str, output_filter: Iterable[str], check_method: bool) -> PredictPlan:
    """The plan for a signature, restricted to the outputs asked for.

    Raises:
        ServingError: unknown signature, output or method.
    """
    wanted = tuple(output_filter)
    key = ("predict", signature_name, wanted, check_method)
    plan = servable.known_plan(key)
    if plan is not None:
        return plan
    signature = servable.signatures.get(signature_name)
    if signature is None:
        raise ServingError(FAILED_PRECONDITION, f'Serving signature key "{signature_name}" not found.')
    if check_method and signature.method_name not in METHODS:
        names = ", ".join(METHODS)
        raise ServingError(
            INTERNAL,
            f"Expected prediction signature method_name to be one of {{{names}}}. Was: {signature.method_name}",
        )
    outputs = {alias: info.name for alias, info in signature.outputs.items()}
    inputs = {alias: info.name for alias, info in signature.inputs.items()}
    return servable.plan(key, signature_name, inputs, _filtered(outputs, wanted))


def _filtered(outputs: dict[str, str], wanted: tuple[str, ...]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for alias in wanted:
        if alias not in outputs:
            known = ",".join(sorted(outputs))
            raise invalid(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in the set {{{known}}}."
            )
        if alias in chosen:
            raise invalid(f"duplicate output tensor alias: {alias}")
        chosen[alias] = outputs[alias]
    return chosen or outputs


def input_arrays(servable: Servable, plan: PredictPlan, sent) -> list[np.ndarray]:
    """The request's tensors in the plan's order; defaults of the SignatureDef fill what is missing.

    Raises:
        ServingError: INVALID_ARGUMENT when aliases do not match the signature or a tensor does not parse.
    """
    signature = servable.signatures[plan.signature_name]
    if len(sent) != len(plan.inputs) or any(alias not in sent for alias in plan.inputs):
        _check_aliases(signature, sent)
    arrays = []
    for alias in plan.inputs:
        proto = sent[alias] if alias in sent else signature.defaults[alias]
        arrays.append(parse(alias, proto))
    return arrays


def completed(servable: Servable, plan: PredictPlan, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Tensors that are arrays already in the plan's order; defaults of the SignatureDef fill what is missing.

    Raises:
        ServingError: INVALID_ARGUMENT when aliases do not match the signature.
    """
    signature = servable.signatures[plan.signature_name]
    if len(arrays) != len(plan.inputs):
        _check_aliases(signature, arrays)
    return [arrays[alias] if alias in arrays else parse(alias, signature.defaults[alias]) for alias in plan.inputs]


def _check_aliases(signature, sent) -> None:
    expected, given = sorted(signature.inputs), sorted(sent)
    with_defaults = set(given) | set(signature.defaults)
    if len(given) > len(expected) or (len(given) < len(expected) and not signature.defaults):
        extra = ",".join(alias for alias in given if alias not in signature.inputs)
        missing = ",".join(alias for alias in expected if alias not in sent)
        raise invalid(
            f"input size does not match signature: {len(given)}!={len(expected)} len({{{','.join(given)}}}) != "
            f"len({{{','.join(expected)}}}). Sent extra: {{{extra}}}. Missing but required: {{{missing}}}."
        )
    for alias in expected:
        if alias not in with_defaults:
            raise invalid(
                f"Signature input alias: {alias}(feed name: {signature.inputs[alias].name}) not found in request and "
                f"no default value provided. Inputs expected to be in the request {{{','.join(expected)}}}, or default "
                f"input alias set: {','.join(sorted(signature.defaults))}"
            )
    for alias in given:
        if alias not in signature.inputs:
            raise invalid(
                f"Inputs contains invalid name. Used request inputs: {','.join(expected)}, request input: "
                f"{','.join(given)}"
            )


async def predict_on(
    servable: Servable,
    request: predict_pb2.PredictRequest,
    deadline_ns: int | None,
    check_method: bool,
    as_content: bool,
) -> predict_pb2.PredictResponse:
    """Answer a PredictRequest with a servable that is already chosen (warm-up ignores the request's model)."""
    signature_name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    plan = plan_of(servable, signature_name, request.output_filter, check_method)
    arrays = input_arrays(servable, plan, request.inputs)
    model_name = request.model_spec.name
    outputs = (await servable.run(plan, arrays, deadline_ns, "Predict", model_name)).arrays
    return response_of(servable, plan, outputs, as_content)


def response_of(
    servable: Servable, plan: PredictPlan, outputs: Iterable[np.ndarray], as_content: bool
) -> predict_pb2.PredictResponse:
    """The reply with the outputs of a run, in the order of `plan.outputs`."""
    response = predict_pb2.PredictResponse()
    fill_spec(response.model_spec, servable, plan.signature_name)
    for alias, array in zip(plan.outputs, outputs, strict=True):
        to_proto(array, as_content, response.outputs[alias])
    return response
