"""KServe's InferenceService: the runtime's own flags, and what its predictor adds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.command import Mount, Place
from playbook.lint.checks.containers import cores
from playbook.lint.checks.flags import check_command
from playbook.lint.checks.inference_services import check_inference_service, check_kind
from playbook.lint.checks.known_fields import check_fields
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.mounted_maps import check_maps
from playbook.lint.checks.probes import check_routed
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.checks.refused import check_container
from playbook.lint.checks.resources import check_resources
from playbook.lint.checks.serving_runtimes import check_models
from playbook.lint.forms.text import Word, is_unknown, line_of
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.pod_mounts import mounts_of
from playbook.lint.rules.findings import Finding, finding

# What KServe's TensorFlow runtime puts in front (config/runtimes/kserve-tensorflow-serving.yaml).
_RUNTIME = {"port": "9000", "rest_api_port": "8080", "model_base_path": "/mnt/models",
            "rest_api_timeout_in_ms": "60000"}  # fmt: skip
_OTHERS = re.compile(r"triton|ovms|openvino|mlserver|onnx|torch", re.IGNORECASE)  # servers of other makers
_MODELS = "/mnt/models"  # where KServe puts the model, and what lies beside it
_OWN = "kserve-tensorflow-serving"
_SECOND = ("v2", "grpc-v2")  # protocols that it has not: KServe gives such a model to Triton, if no runtime is named


def read_inference_service(data: Any, document: Document) -> Reading:
    """The TensorFlow predictors of an InferenceService; an empty reading where there are none."""
    reading = Reading()
    spec = data.get("spec") or {}
    reading.findings += check_kind(data, document.text.path)
    if "tensorflow" in str(spec):
        reading.findings += check_inference_service(data, document.text.path)
    if not (document.text.templated or document.text.suffix in (".py", ".tf")):
        reading.findings += check_fields(data, document.text.path) if "tensorflow" in str(spec) else ()
    if _names_tensorflow(spec):
        reading.findings += _layout(data, spec, document.text.path)
    for holder in (spec, spec.get("default") or {}, spec.get("canary") or {}):
        predictor = holder.get("predictor") if isinstance(holder, Table) else None
        if not isinstance(predictor, Table):
            continue
        model = predictor.get("tensorflow") or predictor.get("model") or {}
        if isinstance(model, Table) and model and _is_ours(model):
            reading.add(_read_model(model, predictor, data, document))
    return reading


def _is_ours(model: Any) -> bool:
    """True for a model that TensorFlow Serving is given: by its format, its runtime and its protocol."""
    told, runtime = model.get("modelFormat") or {}, str(model.get("runtime", ""))
    format_ = told.get("name", "tensorflow") if isinstance(told, dict) else told
    elsewhere = _OTHERS.search(runtime) or (runtime != _OWN and str(model.get("protocolVersion")) in _SECOND)
    return format_ == "tensorflow" and not elsewhere


def _names_tensorflow(spec: Any) -> bool:
    default = spec.get("default") if isinstance(spec, Table) else None
    predictor = default.get("predictor") if isinstance(default, Table) else None
    return isinstance(predictor, Table) and "tensorflow" in predictor


def _layout(data: Any, spec: Any, shown: str) -> Iterator[Finding]:
    """An InferenceService in the layout of v1alpha2, under a name that never had it."""
    version = str(data.get("apiVersion", ""))
    if version.endswith("/v1beta1") and "predictor" not in spec:
        what = "spec has no predictor, which v1beta1 asks for"
        yield finding("kubernetes-refuses", shown, spec.at("default"), what=what,
                      right="Write spec: predictor: without default:, which is v1alpha2's.")  # fmt: skip
    elif version == "serving.kserve.io/v1alpha2":
        yield finding("kubernetes-refuses", shown, data.at("apiVersion"), what=f"there is no {version}",
                      right="Write serving.kserve.io/v1beta1, and spec: predictor: without default:.")  # fmt: skip


def _read_model(model: Any, predictor: Any, data: Any, document: Document) -> Reading:
    reading = Reading()
    reading.counts["predictors"] += 1
    shown, name = document.text.path, str((data.get("metadata") or {}).get("name", "model"))
    uri = model.get("storageUri") or (model.get("storage") or {}).get("path") or ""
    if re.search(r"/\d+/?$", str(uri)) and not is_unknown(str(uri)):
        line = line_of(uri) or model.line
        parent = str(uri).rstrip("/").rpartition("/")[0]
        reading.findings.append(finding("base-path-version", shown, line, path=uri, parent=parent))
    elif re.search(r"/[^/]+\.pb(txt)?$", str(uri)) and not is_unknown(str(uri)):
        folder = re.sub(r"(/\d+)?/[^/]+$", "", str(uri))
        reading.report("base-path-is-file", shown, line_of(uri) or model.line, path=uri, folder=folder)
    args = [Word(item, line_of(item) or model.at("args"), True) for item in model.get("args") or []]
    environment = {str(each.get("name")): Word(each.get("value", "$"), each.line)
                   for each in model.get("env") or [] if isinstance(each, Table)}  # fmt: skip
    limit = ((model.get("resources") or {}).get("limits") or {}).get("cpu")
    place = _place(model, predictor, uri, data, document)
    start = Start(shown, model.at("args") if args else model.line, "", None, args, environment, place,
                  cpu_limit=cores(limit) if limit is not None else None, kubernetes=True, open_environment=True,
                  implied={**_RUNTIME, "model_name": name})  # fmt: skip
    start.managed = start.own_image = True
    if str(model.get("protocolVersion")) in _SECOND:
        what = f"{_OWN} has no protocol {model['protocolVersion']}"
        reading.report("kubernetes-refuses", shown, model.at("protocolVersion"), what=what,
                       right="Write v1, or a runtime that has it (kserve-tritonserver).")  # fmt: skip
    reading.findings += () if document.text.templated else check_container(model, data, shown)
    version = str(model.get("runtimeVersion", ""))
    image = _image(str(model.get("image", "")), version, str(model.get("runtime") or _OWN) == _OWN)
    reading.findings += check_resources(model, image, shown)
    launched = launch(start)
    for command in launched.commands[:1]:
        read = check_command(command)[0]
        reading.findings += check_maps(read, document.around, shown, environment.values())
        reading.findings += check_models(model, read, shown) if uri else ()
        if str(model.get("runtime") or _OWN) == _OWN:
            reading.findings += check_routed(model, read, shown, model.at("args"))
    reading.add(launched)
    if version.startswith(("latest", "nightly")):
        words = {"image": f"tensorflow/serving:{version}", "problem": "the tag moves"}
        reading.report("image-not-pinned", shown, model.at("runtimeVersion"), **words)
    return reading


def _place(model: Any, predictor: Any, uri: Any, data: Any, document: Document) -> Place:
    """The runtime's container: KServe's own holds nothing but the model and what the predictor mounts.

    Another runtime may mount more, and another image hold more.
    """
    mounts, hidden = mounts_of(model, predictor, data, document)
    own = str(model.get("runtime") or _OWN) == _OWN and not model.get("image")
    own = own and not any(isinstance(each, Table) for each in predictor.get("containers") or [])
    hidden = hidden or not own
    given = Mount(_MODELS, named=str(uri), line=line_of(uri))
    return Place(True, not hidden, (given, *mounts), document.folder, hidden_mounts=hidden)


def _image(image: str, version: str, own: bool) -> str:
    """The image that KServe runs: runtimeVersion is its tag; of its own runtime it adds -gpu to a tag for a GPU."""
    if version:
        return f"{image.partition(':')[0] or 'tensorflow/serving'}:{version}"
    return "" if own and ":" in image else image
