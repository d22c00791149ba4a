"""What KServe's webhook and its objects' schema refuse in an InferenceService, whatever serves its model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.forms.text import UNKNOWN, is_unknown
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

PREDICTOR_CONTAINER = "kserve-container"  # constants.InferenceServiceContainerName
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_FILLED_IN = re.compile(r"[A-Z]{3}|[\[\](){}<>…*]")  # somebody is to write a name there
# pkg/apis/serving/v1beta1: PredictorSpec's implementations, what a model has alone, what a predictor has alone
_FRAMEWORKS = ("sklearn", "xgboost", "tensorflow", "pytorch", "triton", "onnx", "huggingface", "pmml", "lightgbm",
               "paddle", "model")  # fmt: skip
_MODELS_OWN = ("storageUri", "modelFormat", "runtime", "runtimeVersion", "protocolVersion", "args", "command", "env",
               "image")  # fmt: skip
_PREDICTORS_OWN = ("minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "containerConcurrency",
                   "canaryTrafficPercent", "batcher", "serviceAccountName", "nodeSelector", "tolerations",
                   "imagePullSecrets")  # fmt: skip

# kinds of serving.kserve.io, those of its newer caches and language models among them
_KINDS = re.compile(r"(InferenceService|ServingRuntime|ClusterServingRuntime|TrainedModel|InferenceGraph|"
                    r"ClusterStorageContainer|Local\w+|LLM\w+)(List)?")  # fmt: skip


def check_kind(data: Any, shown: str) -> Iterator[Finding]:
    """An object of KServe's group with a predictor of ours, of a kind that it has not."""
    kind, spec = str(data.get("kind", "")), data.get("spec")
    ours = str(data.get("apiVersion", "")).startswith("serving.kserve.io/") and isinstance(spec, Table)
    if ours and kind and not _KINDS.fullmatch(kind) and "tensorflow" in str(spec) and not is_unknown(kind):
        yield _refused(shown, data.at("kind"), f"KServe has no kind {kind}", "Write InferenceService.")


def check_inference_service(data: Any, shown: str) -> Iterator[Finding]:
    """Findings of a whole InferenceService of v1beta1; nothing of parts of one, or of other versions."""
    spec = data.get("spec")
    predictor = spec.get("predictor") if isinstance(spec, Table) else None
    if not str(data.get("apiVersion", "")).endswith("/v1beta1") or not isinstance(predictor, Table):
        return
    yield from _named(data.get("metadata"), shown)
    yield from _misplaced(spec, _PREDICTORS_OWN, "spec", "spec.predictor", shown)
    yield from _misplaced(predictor, _MODELS_OWN, "predictor", "its model", shown)
    given = [name for name in _FRAMEWORKS if isinstance(predictor.get(name), Table)]
    for model in (predictor[name] for name in given):
        yield from _misplaced(model, _PREDICTORS_OWN, "a model", "the predictor", shown)
    yield from _model(predictor, given, shown)
    yield from _replicas(predictor, shown)


def _named(metadata: Any, shown: str) -> Iterator[Finding]:
    name = metadata.get("name") if isinstance(metadata, Table) else None
    if isinstance(name, str) and not (_NAME.fullmatch(name) or is_unknown(name) or _FILLED_IN.search(name)):
        yield _refused(shown, metadata.at("name"), f"{name} is no InferenceService's name",
                       "Use lower-case letters, digits and dashes, a letter first.")  # fmt: skip


def _misplaced(table: Table, names: tuple[str, ...], where: str, right: str, shown: str) -> Iterator[Finding]:
    for name in names:
        if name in table and table[name] != UNKNOWN:
            yield _refused(shown, table.at(name), f"{where} has no field {name}", f"Put it into {right}.")


def _model(predictor: Table, given: list[str], shown: str) -> Iterator[Finding]:
    containers = [each for each in predictor.get("containers") or [] if isinstance(each, Table)]
    own = [each for each in containers if str(each.get("name")) == PREDICTOR_CONTAINER]
    if len(given) + len(own) > 1:
        names = " and ".join([*given, *(PREDICTOR_CONTAINER for _ in own)])
        line = max(predictor.at(name) or 0 for name in [*given, *(["containers"] if own else [])])
        yield _refused(shown, line or None, f"a predictor is one of its kinds, and here are {names}",
                       "Keep one; a second model is an InferenceService of its own.")  # fmt: skip
    for name in given:
        if isinstance(predictor[name].get("name"), str):
            yield _refused(shown, predictor[name].at("name"), f"{name} may have no name of its own", "Drop it.")
    model: Any = predictor.get("model")
    format_ = model.get("modelFormat") if isinstance(model, Table) else None
    if isinstance(format_, str) and not is_unknown(format_):
        yield _refused(shown, model.at("modelFormat"), f"modelFormat is the word {format_}",
                       f"Write modelFormat: {{name: {format_}}}.")  # fmt: skip
    elif isinstance(model, Table) and format_ is None and "storageUri" in model:
        yield _refused(shown, predictor.at("model"), "the model has no modelFormat",
                       "Write modelFormat: {name: tensorflow}.")  # fmt: skip


def _replicas(predictor: Table, shown: str) -> Iterator[Finding]:
    least, most = (predictor.get(name) for name in ("minReplicas", "maxReplicas"))
    least = 1 if least is None and isinstance(most, int) else least
    if isinstance(least, int) and isinstance(most, int) and least > most != 0:
        yield _refused(shown, predictor.at("maxReplicas"), f"minReplicas {least} is above maxReplicas {most}",
                       "Raise maxReplicas, or leave it out.")  # fmt: skip
    share = predictor.get("canaryTrafficPercent")
    if isinstance(share, int) and not 0 <= share <= 100:
        yield _refused(shown, predictor.at("canaryTrafficPercent"), f"{share} is no share of 100",
                       "Write a number from 0 to 100.")  # fmt: skip


def _refused(shown: str, line: int | None, what: str, right: str) -> Finding:
    return finding("kubernetes-refuses", shown, line, what=what, right=right)
