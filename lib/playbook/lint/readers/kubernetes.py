"""Kubernetes objects of any kind that hold containers: what their servers run, mount and may use."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from playbook.lint.checks import probes, refused, serving_runtimes
from playbook.lint.checks.command import BINARY, Place, is_official
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.configs import check_annotations
from playbook.lint.checks.containers import check_image, check_other_image, check_told, cores
from playbook.lint.checks.drains import check_drain
from playbook.lint.checks.environment import filled_in
from playbook.lint.checks.flags import check_command
from playbook.lint.checks.image_tags import is_servers
from playbook.lint.checks.known_fields import check_fields
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.mounted_maps import check_maps
from playbook.lint.checks.own_images import as_built, built_as, serves
from playbook.lint.checks.reading import Document, Image, Reading
from playbook.lint.checks.removed import check_version
from playbook.lint.checks.resources import check_resources
from playbook.lint.checks.selectors import check_selector
from playbook.lint.checks.start import is_called_so, tells_model
from playbook.lint.forms.shell_calls import is_shell
from playbook.lint.forms.text import Word, place_of
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.pod_mounts import mounts_of
from playbook.lint.readers.pods import Pod, texts_of
from playbook.lint.readers.seldon import gives_arguments
from playbook.lint.readers.served_ports import lists_servers_ports
from playbook.lint.readers.workloads import config_maps, is_whole, keeps_empty, pod_specs
from playbook.lint.rules.findings import Finding

# what asks for metrics: Prometheus' operator, Google's managed Prometheus
OUR_METRICS = ("serving", "tfs", "tensorflow", "8501", "/monitoring/")  # what a monitor of the server tells of
MONITORS = ("ServiceMonitor", "PodMonitor", "PodMonitoring", "ClusterPodMonitoring")
# a setting that only a variable makes sense of, where Kubernetes fills in none
_SUBSTITUTED = re.compile(
    r"(?m)^\s*(?!value:|- )[\w.-]+:\s*[\"']?\$\{?[A-Z][A-Z0-9_]*\}?[\"']?\s*$"
    r"|\bname:\s*[\"']?(\w+)[\"']?\s*(?:,|\n)\s*value:\s*[\"']?\$\{?\1\b"  # a variable that is itself
)
_ONE_SHOT = ("Job", "CronJob", "Workflow", "WorkflowTemplate")
_OWN_PROBES = ("Service", "InferenceService", "Configuration", "Revision", "SeldonDeployment", "ServingRuntime",
               "ClusterServingRuntime", "TrainedModel")  # fmt: skip


def read_object(data: Any, document: Document, pods: list[Pod]) -> Reading:
    """What one Kubernetes object runs; the pods that serve are added to `pods`."""
    reading = Reading()
    kind = str(data.get("kind", ""))
    for _, files in config_maps(data, document.text):
        texts = [(flag, text) for text in files.values() if (flag := kind_of(text.content))]
        reading.configs += texts
    if kind in MONITORS and any(word in str(data).lower() for word in OUR_METRICS):
        reading.counts["scrapes"] += 1
    for spec, above in pod_specs(data):
        reading.add(_read_pod(spec, above, data, document, pods))
    if reading.commands:
        reading.findings += check_selector(data, document.text, document.around.sources)
        if kind and not document.text.templated:
            typed = document.text.suffix not in (".py", ".tf")
            reading.findings += refused.check_object(data, document.text.path, typed)
            reading.findings += [*check_version(data, document.text.path), *check_fields(data, document.text.path)] if (
                typed) else ()  # fmt: skip
    return reading


def _read_pod(spec: Any, above: tuple[Any, ...], data: Any, document: Document, pods: list[Pod]) -> Reading:
    reading = Reading()
    template = next((each for each in reversed(above) if "metadata" in each), data)
    annotations = (template.get("metadata") or {}).get("annotations")
    if str(data.get("kind", "")).endswith("ServingRuntime"):
        annotations = spec.get("annotations")  # which KServe gives the pod
    annotations = annotations if isinstance(annotations, Table) else Table()
    kept = str(data.get("kind", "")) in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod")
    containers = [each for each in spec.get("containers") or [] if isinstance(each, Table)]
    for container in containers:
        misshapen = list(refused.take_misshapen(container, document.text.path))
        image = _word(container.get("image"), container.line)
        words = [*_words(container.get("command")), *_words(container.get("args"))]
        built = built_as(document.around, image, document.text.path)
        other = list(check_other_image(image, words, _told(container), document.text.path)) if built is None else []
        reading.findings += other
        reading.counts["images"] += len(other)
        serving = serves(image, built, words)
        likely = is_called_so(image) or (kept and not serving and lists_servers_ports(container, image, document))
        called = built is None and not other and likely
        if not (serving or called) or other:
            continue
        reading.counts["pods"] += 1
        reading.findings += misshapen
        start = _start(container, spec, data, document, built)
        start.managed = str(data.get("kind", "")) in _OWN_PROBES
        start.partial = start.partial or (called and not any(BINARY in word for word in words))
        launched = launch(start)
        launched.findings = [_at_image(hit, image) for hit in launched.findings]
        reading.add(launched)
        if is_servers(image):
            reading.counts["images"] += 1
            reading.findings += check_image(image, *place_of(image, document.text.path, image.line))
        _surroundings(container, annotations, data, document, reading)
        for command in launched.commands[:1]:
            read, _ = check_command(command)
            owner = next((each for each in reversed(above) if "replicas" in each), data)
            labels = texts_of((template.get("metadata") or {}).get("labels"))
            pod = Pod(document.text.path, str(data.get("kind", "")), str((data.get("metadata") or {}).get("name", "")),
                      labels, owner, len(containers), container, read, annotations)  # fmt: skip
            pods.append(pod)
            reading.findings += probes.check_probes(container, read, document.around.sources, document.text.path)
            reading.findings += check_drain(container, spec, data, document.text.path)
            reading.findings += check_maps(read, document.around, document.text.path, start.environment.values())
            if is_official(str(container.get("image"))):  # an image made of it may name a user
                reading.findings += refused.check_user(container, spec, document.text.path)
            shell = any(is_shell(word) for word in words[:2])
            if pod.kind not in _OWN_PROBES and is_official(start.image) and not shell:
                reading.findings += check_told(_ports(container), read, document.text.path, "containerPort")
            if len(containers) == 1:
                reading.findings += probes.check_scraped(annotations, read, document.text.path)
            reading.findings += serving_runtimes.check_asked(
                data, container, len(containers) == 1, read, document.text.path
            )
    return reading


def _at_image(hit: Finding, image: Word) -> Finding:
    """What is said of the image, where the image is named: a kustomization may set it."""
    if hit.rule != "devel-image":
        return hit
    path, line = place_of(image, hit.path, image.line)
    return replace(hit, path=path, line=line)


def _surroundings(container: Any, annotations: Table, data: Any, document: Document, reading: Reading) -> None:
    """What stands around a server's container: scrape annotations, drain, probes, GPUs."""
    shown, kind = document.text.path, str(data.get("kind", ""))
    reading.findings += check_annotations(annotations, document.around.served, shown)
    image = _word(container.get("image"), container.line)
    reading.findings += check_resources(container, image, shown)
    if data.get("kind") and not document.text.templated and document.text.suffix not in (".py", ".tf"):
        reading.findings += refused.check_container(container, data, shown)
    if "image" not in container or kind in ("", *_ONE_SHOT, *_OWN_PROBES):
        return  # a pod shown in part may have them elsewhere
    if not (container.get("lifecycle") or {}).get("preStop"):
        reading.report("no-drain", shown, container.at("name"))
    if not container.get("readinessProbe") and not container.get("startupProbe"):
        reading.report("no-probe", shown, container.at("name"))


def _start(container: Any, spec: Any, data: Any, document: Document, built: Image | None) -> Start:
    image = _word(container.get("image"), container.line)
    entry = _words(container.get("command")) if container.get("command") else None
    limit = ((container.get("resources") or {}).get("limits") or {}).get("cpu")
    values = {str(each.get("name")): _value(each, document)
              for each in container.get("env") or [] if isinstance(each, Table)}  # fmt: skip
    values = {**_from_maps(container, document), **values}
    values = dict(zip(values, filled_in(list(values.values()), values), strict=True))  # a value may name another
    whole = is_whole(
        data, container, document.text, document.around.sources
    )  # without mounts another text is likely an excerpt
    unfilled = whole and is_official(image) and keeps_empty(spec, entry or [], document)
    mounts, hidden = mounts_of(container, spec, data, document, unfilled)
    closed = (built is not None or is_official(image)) and not hidden and (bool(mounts) or whole)
    workdir = str(container.get("workingDir") or "").rstrip("/")
    place = Place(True, closed, tuple(mounts), document.folder, str(image), hidden, whole=whole, workdir=workdir)
    start = Start(document.text.path, container.at("args") or container.line, str(image), entry,
                  _words(container.get("args")), values, place, document.around.cpus,
                  cores(limit) if limit is not None else None, kubernetes=True,
                  open_environment=bool(container.get("envFrom")))  # fmt: skip
    alone = not data.get("kind") and not {"args", "command"} & {*container}
    start.partial = ("image" not in container and not tells_model(container.get("args"))) or alone
    start.partial = start.partial or gives_arguments(data, container)
    start.filled = bool(_SUBSTITUTED.search(document.text.content))
    start.scripts = {f"{mount.target}/{key}".rstrip("/"): text for mount in mounts for key, text in
                     (mount.files or {}).items()}  # fmt: skip
    return as_built(start, built) if built is not None else start


def _value(variable: Any, document: Document) -> Word:
    """A variable's value, also where it is a key of a ConfigMap here; "$" where it is not known."""
    source = (variable.get("valueFrom") or {}).get("configMapKeyRef") or {}
    text = document.around.config_maps.get(str(source.get("name")), {}).get(str(source.get("key")))
    return _word(variable.get("value", "$" if text is None else text.content), variable.line)


def _from_maps(container: Any, document: Document) -> dict[str, Word]:
    """The variables that envFrom takes from ConfigMaps here, at their lines where they stand in the same file."""
    values: dict[str, Word] = {}
    for each in container.get("envFrom") or []:
        name = (each.get("configMapRef") or {}).get("name") if isinstance(each, Table) else None
        for key, text in document.around.config_maps.get(str(name), {}).items():
            line = text.first_line if text.path == document.text.path else each.line
            values[f"{each.get('prefix') or ''}{key}"] = Word(text.content, line)
    return values


def _told(container: Any) -> set[str]:
    """The names of a container's variables, and the numbers of its ports."""
    names = {str(each.get("name")) for each in container.get("env") or [] if isinstance(each, Table)}
    return names | {str(port) for port in _ports(container)}


def _ports(container: Any) -> list[Word]:
    ports = [each for each in container.get("ports") or [] if isinstance(each, Table)]
    return [Word(each.get("containerPort"), each.at("containerPort")) for each in ports if each.get("containerPort")]


def _word(value: Any, line: int | None) -> Word:
    if isinstance(value, Word):
        return value
    return Word("" if value is None else value, line)


def _words(value: Any) -> list[Word]:
    """A command or args, as one string (which some controllers split) or a list."""
    if isinstance(value, str):
        line = getattr(value, "line", None)
        return [Word(part, line, True) for part in value.split()]
    line = getattr(value, "line", None)
    return [Word(item, getattr(item, "line", line), True, getattr(item, "written", ""))
            for item in value or [] if not isinstance(item, (dict, list))]  # fmt: skip
