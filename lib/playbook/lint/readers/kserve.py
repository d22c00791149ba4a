"""KServe's InferenceService: the runtime's own flags, and what its predictor adds."""

from __future__ import annotations

import re
from typing import Any

from playbook.lint.checks.command import Place
from playbook.lint.checks.containers import GPU, cores, for_cpus
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.text import Word, is_unknown, line_of
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import finding

# What KServe's TensorFlow runtime puts in front (config/runtimes/kserve-tensorflow-serving.yaml).
_RUNTIME = {"port": "9000", "rest_api_port": "8080", "model_base_path": "/mnt/models",
            "rest_api_timeout_in_ms": "60000"}  # fmt: skip
_OTHERS = re.compile(r"triton|ovms|openvino|mlserver|onnx|torch", re.IGNORECASE)  # servers of other makers
_NONE = Place(True, False, hidden_mounts=True)


def read_inference_service(data: Any, document: Document) -> Reading:
    """The TensorFlow predictors of an InferenceService; an empty reading where there are none."""
    reading = Reading()
    spec = data.get("spec") or {}
    for holder in (spec, spec.get("default") or {}, spec.get("canary") or {}):
        predictor = holder.get("predictor") if isinstance(holder, Table) else None
        if not isinstance(predictor, Table):
            continue
        model = predictor.get("tensorflow") or predictor.get("model") or {}
        formatted = (model.get("modelFormat") or {}).get("name", "tensorflow") if isinstance(model, Table) else ""
        runtime = str(model.get("runtime", "")) if isinstance(model, Table) else ""
        if isinstance(model, Table) and model and formatted == "tensorflow" and not _OTHERS.search(runtime):
            reading.add(_read_model(model, data, document))
    return reading


def _read_model(model: Any, data: Any, document: Document) -> Reading:
    reading = Reading()
    reading.counts["predictors"] += 1
    shown, name = document.text.path, str((data.get("metadata") or {}).get("name", "model"))
    uri = model.get("storageUri") or (model.get("storage") or {}).get("path") or ""
    if re.search(r"/\d+/?$", str(uri)) and not is_unknown(str(uri)):
        line = line_of(uri) or model.line
        parent = str(uri).rstrip("/").rpartition("/")[0]
        reading.findings.append(finding("base-path-version", shown, line, path=uri, parent=parent))
    args = [Word(item, line_of(item) or model.at("args"), True) for item in model.get("args") or []]
    environment = {str(each.get("name")): Word(each.get("value", "$"), each.line)
                   for each in model.get("env") or [] if isinstance(each, Table)}  # fmt: skip
    limit = ((model.get("resources") or {}).get("limits") or {}).get("cpu")
    start = Start(shown, model.at("args") if args else model.line, "", None, args, environment, _NONE,
                  cpu_limit=cores(limit) if limit is not None else None, kubernetes=True, open_environment=True,
                  implied={**_RUNTIME, "model_name": name})  # fmt: skip
    start.managed = start.own_image = True
    limits: Any = (model.get("resources") or {}).get("limits") or {}
    version = str(model.get("runtimeVersion", ""))
    image = str(model.get("image", "")) or (f"tensorflow/serving:{version}" if version else "")
    if GPU in limits and str(limits[GPU]) != "0" and for_cpus(image):
        reading.report("gpu-image-missing", shown, limits.at(GPU), image=image)
    reading.add(launch(start))
    if version.startswith(("latest", "nightly")):
        words = {"image": f"tensorflow/serving:{version}", "problem": "the tag moves"}
        reading.report("image-not-pinned", shown, model.at("runtimeVersion"), **words)
    return reading
