"""KServe's runtimes: the container that it looks for, the folder where it puts a model, who sends requests to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.command import Command
from playbook.lint.checks.inference_services import PREDICTOR_CONTAINER
from playbook.lint.checks.probes import check_routed
from playbook.lint.forms.text import is_unknown
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_MODELS = "/mnt/models"  # constants.DefaultModelLocalMountPath
# ModelMesh's runtimes: models come by its own adapter, containers have names of their own
_MESHED = ("multiModel", "grpcDataEndpoint", "httpDataEndpoint", "grpcEndpoint", "builtInAdapter")


def is_runtime(data: Any) -> bool:
    """True for a runtime that serves one model by InferenceServices."""
    spec = data.get("spec")
    meshed = isinstance(spec, Table) and any(spec.get(name) for name in _MESHED)
    return str(data.get("kind", "")).endswith("ServingRuntime") and not meshed


def check_asked(data: Any, container: Any, alone: bool, command: Command, shown: str) -> Iterator[Finding]:
    """Findings of a container that Knative or KServe sends requests to; `command` with its flags read."""
    knative = str(data.get("apiVersion", "")).startswith("serving.knative.dev")
    predicts = alone or str(container.get("name")) == PREDICTOR_CONTAINER
    runtime = is_runtime(data)
    if knative or (predicts and (runtime or data.get("kind") == "InferenceService")):
        yield from check_routed(container, command, shown, None if knative else command.at("rest_api_port"))
    if runtime:
        yield from _check_runtime(data, container, command, shown)


def _check_runtime(data: Any, container: Any, command: Command, shown: str) -> Iterator[Finding]:
    """Findings of a runtime's container that runs our server."""
    spec = data["spec"] if isinstance(data.get("spec"), Table) else Table()
    containers = [each for each in spec.get("containers") or [] if isinstance(each, Table)]
    names = [str(each.get("name")) for each in containers]
    if PREDICTOR_CONTAINER not in names and not is_unknown(" ".join(names)):
        what = f"no container is called {PREDICTOR_CONTAINER}, which KServe looks for"
        yield finding("runtime-serves-nothing", shown, container.at("name"), what=what,
                      right=f"Write name: {PREDICTOR_CONTAINER}.")  # fmt: skip
    if "supportedModelTypes" in spec and "supportedModelFormats" not in spec:  # neither: a patch
        yield finding("runtime-serves-nothing", shown, spec.at("supportedModelTypes"),
                      what="a runtime has no supportedModelTypes any more, so it names no format",
                      right="Write supportedModelFormats.")  # fmt: skip
    yield from check_models(container, command, shown)


def check_models(container: Any, command: Command, shown: str) -> Iterator[Finding]:
    """A base path where KServe puts no model, and nothing is mounted; `command` with its flags read."""
    base = command.text("model_base_path")
    mounted = [
        str(each.get("mountPath", "")) for each in container.get("volumeMounts") or [] if isinstance(each, Table)
    ]
    elsewhere = base.startswith("/") and not any(_lies(base, target) for target in (_MODELS, *mounted))
    if elsewhere and not is_unknown(base) and not command.text("model_config_file"):
        yield finding("runtime-serves-nothing", shown, command.at("model_base_path"),
                      what=f"model_base_path is {base}, and KServe puts a model into {_MODELS}",
                      right=f"Write --model_base_path={_MODELS}.")  # fmt: skip


def _lies(path: str, target: str) -> bool:
    return bool(target) and f"{path.rstrip('/')}/".startswith(f"{target.rstrip('/')}/")
