"""Classify and Regress (classifier.cc, regressor.cc)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from model_server import tensorflow_package
from model_server.calls.example_input import serialized_examples
from model_server.calls.predict import fill_spec, spec_of
from model_server.element_types import enum_name
from model_server.errors import invalid
from model_server.models.core import Core
from model_server.models.servable import DEFAULT_SIGNATURE, PredictPlan, Servable

tensorflow_package.install()
from tensorflow_serving.apis import classification_pb2, regression_pb2  # noqa: E402

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"


def classify_tensors(signature, check_method: bool) -> tuple[dict[str, str], dict[str, str]]:
    """alias -> tensor name of a classification signature's input and outputs.

    Raises:
        ServingError: INVALID_ARGUMENT when the signature does not classify.
    """
    if check_method and signature.method_name != CLASSIFY:
        raise invalid(f"Expected classification signature method_name to be {CLASSIFY}. Was: {signature.method_name}")
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if "inputs" not in signature.inputs:
        raise invalid(f"No classification inputs found in SignatureDef: {signature}")
    outputs = {alias: signature.outputs[alias].name for alias in ("classes", "scores") if alias in signature.outputs}
    if not outputs:
        raise invalid(
            'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            f"Signature was: {signature}"
        )
    return {"inputs": signature.inputs["inputs"].name}, outputs


def regress_tensors(signature, check_method: bool) -> tuple[dict[str, str], dict[str, str]]:
    """alias -> tensor name of a regression signature's input and output.

    Raises:
        ServingError: INVALID_ARGUMENT when the signature does not regress.
    """
    if check_method and signature.method_name != REGRESS:
        raise invalid(f"Expected regression signature method_name to be {REGRESS}. Was: {signature.method_name}")
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if "inputs" not in signature.inputs:
        raise invalid(f"No regression inputs found in SignatureDef: {signature}")
    if "outputs" not in signature.outputs:
        raise invalid(f"No regression outputs found in SignatureDef: {signature}")
    return {"inputs": signature.inputs["inputs"].name}, {"outputs": signature.outputs["outputs"].name}


_KINDS = {
    "Classify": (classify_tensors, classification_pb2.ClassificationResponse),
    "Regress": (regress_tensors, regression_pb2.RegressionResponse),
}


async def infer(core: Core, request, api: str, deadline_ns: int | None, check_method: bool):
    """Answer a ClassificationRequest (`api` Classify) or a RegressionRequest (Regress).

    Raises:
        ServingError: with TensorFlow Serving's code and text.
    """
    servable = core.find(spec_of(request))
    try:
        return await infer_on(servable, request, api, deadline_ns, check_method)
    finally:
        servable.release()


async def infer_on(servable: Servable, request, api: str, deadline_ns: int | None, check_method: bool):
    """The same with a servable that is already chosen (warm-up ignores the request's model)."""
    prepared = prepare(servable, request.model_spec.signature_name, api, check_method)
    rows = serialized_examples(request.input)
    return await infer_rows(servable, prepared, rows, deadline_ns, request.model_spec.name)


def prepare(servable: Servable, signature_name: str, api: str, check_method: bool) -> tuple[str, PredictPlan]:
    """The API and the plan of a signature, "" for the default one.

    Raises:
        ServingError: INVALID_ARGUMENT when there is none, or it is none for this API.
    """
    name = signature_name or DEFAULT_SIGNATURE
    signature = servable.signatures.get(name)
    if signature is None:
        raise invalid(f"No signature was found with the name: {name}")
    return api, servable.plan((api, name), name, *_KINDS[api][0](signature, check_method))


async def infer_rows(
    servable: Servable, prepared: tuple[str, PredictPlan], rows: np.ndarray, deadline_ns: int | None, model_name: str
):
    """Answer for serialized Examples, a row each, with what `prepare` gave.

    Raises:
        ServingError: of the run, or its outputs are not those of the API.
    """
    api, plan = prepared
    arrays = (await servable.run(plan, [rows], deadline_ns, api, model_name)).arrays
    response = _KINDS[api][1]()
    fill_spec(response.model_spec, servable, plan.signature_name)
    write_result(api, response.result, dict(zip(plan.outputs, arrays, strict=True)), len(rows))
    return response


def write_result(api: str, result, outputs: Mapping[str, np.ndarray], rows: int) -> None:
    """Fill a ClassificationResult or a RegressionResult from the outputs of one run over `rows` examples.

    Raises:
        ServingError: INVALID_ARGUMENT when the outputs do not have the shape the API needs.
    """
    (_write_classes if api == "Classify" else _write_values)(result, outputs, rows)


def _write_classes(result, outputs: Mapping[str, np.ndarray], rows: int) -> None:
    classes, scores = outputs.get("classes"), outputs.get("scores")
    _check_classes("classes", classes, rows, object, "DT_STRING")
    _check_classes("scores", scores, rows, np.float32, "DT_FLOAT")
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise invalid(
            f"Tensors class and score should match in dim_size(1). Got {classes.shape[1]} vs. {scores.shape[1]}"
        )
    width = classes.shape[1] if classes is not None else scores.shape[1] if scores is not None else 0
    for row in range(rows):
        classification = result.classifications.add()
        for column in range(width):
            added = classification.classes.add()
            if classes is not None:
                added.label = classes[row, column].decode("utf-8", "replace")
            if scores is not None:
                added.score = scores[row, column]


def _check_classes(name: str, array: np.ndarray | None, rows: int, dtype: type, dtype_name: str) -> None:
    if array is None:
        return
    if array.ndim != 2:
        raise invalid(f"Expected Tensor shape: [batch_size num_classes] but got {_shape(array)}")
    if array.dtype != dtype:
        raise invalid(f"Expected {name} Tensor of {dtype_name}. Got: {enum_name(array.dtype)}")
    if len(array) != rows:
        raise invalid(f"Expected {name} output batch size of {rows}. Got: {len(array)}")


def _write_values(result, outputs: Mapping[str, np.ndarray], rows: int) -> None:
    array = outputs["outputs"]
    if not (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)):
        raise invalid(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {_shape(array)}"
        )
    if len(array) != rows:
        raise invalid(f"Input batch size did not match output batch size: {rows} vs. {len(array)}")
    if array.dtype != np.float32:
        raise invalid(f"Expected output Tensor of DT_FLOAT.  Got: {enum_name(array.dtype)}")
    for value in array.ravel().tolist():
        result.regressions.add(value=value)


def _shape(array: np.ndarray) -> str:
    return "[" + ",".join(map(str, array.shape)) + "]"
