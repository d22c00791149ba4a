"""Where YAML holds what a cluster runs: pod specs at any depth, containers that stand alone, files of ConfigMaps."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.lookup import Sources
from playbook.lint.checks.reading import Document
from playbook.lint.checks.selectors import LEFT_OUT, is_complete
from playbook.lint.forms.shell_calls import is_shell
from playbook.lint.forms.text import Text, Word
from playbook.lint.forms.yaml_lines import Items, Table

_SELECTING = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Rollout")
_WHOLE = ("Pod", "Job", "CronJob", *_SELECTING)
_CONTAINERS_OWN = {"volumeMounts", "imagePullPolicy", "livenessProbe", "readinessProbe", "startupProbe", "envFrom",
                   "terminationMessagePath"}  # fmt: skip
_ALONE = ("container", "script")  # Argo's templates hold one container each, in one of these


def config_maps(document: Any, text: Text) -> Iterator[tuple[str, dict[str, Text]]]:
    """The files of a ConfigMap or Secret, by its name."""
    if not isinstance(document, Table):
        return
    for item in document.get("items") or [] if str(document.get("kind", "")).endswith("List") else []:
        yield from config_maps(item, text)
    if document.get("kind") not in ("ConfigMap", "Secret"):
        return
    files: dict[str, Text] = {}
    for section in ("data", "stringData", "binaryData"):
        table = document.get(section)
        for key, value in table.items() if isinstance(table, Table) else ():
            content = str(value)
            coded = section == "binaryData" or (document["kind"] == "Secret" and section == "data")
            if coded:
                content = _decoded(content)
            line = getattr(value, "line", None) or 1
            files[str(key)] = Text(content, text.path, line, None, text.templated or "$" in content,
                                    coded or getattr(value, "flat", False))  # fmt: skip
    yield str((document.get("metadata") or {}).get("name", "")), files


def _decoded(content: str) -> str:
    try:
        return base64.b64decode(content, validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return content


def pod_specs(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Every mapping with a list of containers, or with one container alone, at any depth, and the mappings above it."""
    if isinstance(node, Table):
        if isinstance(node.get("containers"), list):
            yield node, above
        for name in _ALONE:
            if isinstance(node.get(name), Table) and "image" in node[name]:
                yield _alone(node, name, above), (*above, node)
        for key, value in node.items():
            if key == "sidecars" and isinstance(value, list):  # Argo's, and those that start first and stay
                yield _beside(node, value, above), (*above, node)
            elif key == "initContainers" and isinstance(value, list):
                staying = [each for each in value if isinstance(each, Table) and each.get("restartPolicy") == "Always"]
                yield from [(_beside(node, staying, above), (*above, node))] if staying else ()
            if key not in ("containers", "sidecars", "initContainers", *_ALONE):
                yield from pod_specs(value, (*above, node))
    elif isinstance(node, list):
        for item in node:
            yield from pod_specs(item, above)


def _beside(node: Any, containers: list[Any], above: tuple[Any, ...]) -> Table:
    """A pod spec of containers that run beside others: they may mount what those do."""
    volumes = [each for holder in (*above, node) for each in holder.get("volumes") or []]
    return Table(containers=containers, volumes=volumes)


def pod_templates(node: Any) -> Iterator[Any]:
    """Pods and pod templates of an object: mappings whose spec holds containers."""
    if isinstance(node, Table) and isinstance(node.get("spec"), Table) and "containers" in node["spec"]:
        yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from pod_templates(value)


def is_container(table: Table) -> bool:
    """True for a pod's container shown alone, as notes and questions show it."""
    if "containers" in table or "apiVersion" in table or "kind" in table:
        return False
    ports = table.get("ports")
    ports = ports if isinstance(ports, list) else []
    told = any(isinstance(each, Table) and "containerPort" in each for each in ports)
    return bool({"image", "args", "command"} & {*table}) and (told or bool(_CONTAINERS_OWN & {*table}))


def _alone(node: Any, name: str, above: tuple[Any, ...]) -> Table:
    """A pod spec around one container: it may mount the volumes of its template and of all that stands above it."""
    container = Table(node[name])
    container.line = node[name].line
    words = container.get("command")
    if name == "script" and isinstance(words, list) and words and is_shell(str(words[0])):
        container["args"] = Items([Word("-c"), container.get("source", "")])
    volumes = [each for holder in (*above, node) for each in holder.get("volumes") or []]
    return Table(containers=[container], volumes=volumes)


def manifests(node: Any, text: Text) -> Iterator[Text]:
    """Whole objects written inside a value, as Argo's `manifest: |` and some ConfigMaps hold them."""
    if isinstance(node, Word) and re.search(r"(?m)^kind:", node) and re.search(r"(?m)^apiVersion:", node):
        yield Text(str(node), text.path, node.line or 1, None, text.templated)
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for value in values:
        yield from manifests(value, text)


def is_whole(data: Any, container: Any, text: Text, sources: Sources) -> bool:
    """True for an object that leaves nothing out, as patches and excerpts do: all its pods have stands in it."""
    kind = str(data.get("kind", ""))
    knative = kind == "Service" and str(data.get("apiVersion", "")).startswith("serving.knative.dev")
    later = text.path.endswith((".py", ".ipynb")) and "mount" in text.content.lower()  # which code may add
    left_out = text.templated or later or LEFT_OUT.search(text.content)
    if not (kind in _WHOLE or knative or _has_graphs(data)) or left_out or "image" not in container:
        return False
    spec: Any = data.get("spec")
    template: Any = spec.get("template") if isinstance(spec, Table) else None
    labels = (template.get("metadata") or {}).get("labels") if isinstance(template, Table) else None
    named = labels and "model_base_path" in str(container.get("args"))
    told = isinstance(spec, Table) and (spec.get("selector") or named or is_complete(data, text, sources))
    patch = kind in _SELECTING and not told
    return not patch and not (container.get("lifecycle") or {}).get("postStart")  # which may fetch a model


def _has_graphs(data: Any) -> bool:
    """True for a SeldonDeployment that says of each predictor what it is made of."""
    spec = data.get("spec") if data.get("kind") == "SeldonDeployment" else None
    predictors = (spec.get("predictors") or []) if isinstance(spec, Table) else []
    return bool(predictors) and all(isinstance(each, Table) and each.get("graph") for each in predictors)


def keeps_empty(spec: Any, entry: list[Word], document: Document) -> bool:
    """True for a pod in which nobody fills an empty volume: no container beside the server mounts anything, no shell
    runs before it, and nobody copies by hand."""
    mounting = [each for each in spec.get("containers") or [] if isinstance(each, Table) and each.get("volumeMounts")]
    alone = len(mounting) == 1 and not spec.get("initContainers")
    text = document.text
    page = document.around.sources.texts.get(text.file, text) if text.file is not None else text  # around a block
    by_hand = re.search(r"\b(kubectl|oc)\b.*\b(cp|exec|rsync)\b", page.content)
    return alone and not by_hand and not any(is_shell(word) for word in entry[:1])


def undeclared(data: Any, shown: str) -> Iterator[tuple[str, int | None]]:
    """Volumes that a pod mounts and does not declare: names and lines."""
    for spec, above in pod_specs(data):
        claims = [claim for each in above for claim in each.get("volumeClaimTemplates") or []]
        names = {str(each.get("name")) for each in spec.get("volumes") or [] if isinstance(each, Table)}
        names |= {str((claim.get("metadata") or {}).get("name")) for claim in claims if isinstance(claim, Table)}
        for container in spec.get("containers") or []:
            for mount in (container.get("volumeMounts") or []) if isinstance(container, Table) else []:
                if isinstance(mount, Table) and str(mount.get("name")) not in names and "image" in container:
                    yield str(mount.get("name")), mount.line
