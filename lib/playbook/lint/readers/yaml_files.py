"""YAML around a server: which kind a document is, and who reads it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from playbook.lint.checks.command import BINARY, OFFICIAL
from playbook.lint.checks.configs import check_scrape, served_metrics_path
from playbook.lint.checks.containers import check_image
from playbook.lint.checks.reading import Document, Reading, Surroundings
from playbook.lint.checks.schema import is_config, kind_of
from playbook.lint.forms import templates
from playbook.lint.forms.text import UNKNOWN, Text, Word, is_unknown, line_of
from playbook.lint.forms.yaml_lines import Items, Table, load_documents
from playbook.lint.readers.cluster import check_cluster
from playbook.lint.readers.compose import read_compose, read_loose
from playbook.lint.readers.docker_cli import run_arguments
from playbook.lint.readers.kserve import read_inference_service
from playbook.lint.readers.kubernetes import Pod, read_object
from playbook.lint.readers.kustomize import (
    OPERATIONS,
    generated,
    is_kustomization,
    patches,
    read_images,
    read_operations,
)
from playbook.lint.readers.seldon import read_seldon
from playbook.lint.readers.workloads import config_maps, is_container, manifests, undeclared
from playbook.lint.rules.findings import finding

_STARTS = re.compile(rf"{BINARY}\s+-|\bdocker\b.*\brun\b.*{OFFICIAL}", re.DOTALL)


_WRITES = re.compile(r"(?m)^\s*(cat|tee)\b.*<<|^\s*(echo|printf)\b.*>")
_IMAGE = re.compile(rf"(docker\.io/)?{OFFICIAL}(:[\w.-]+)?(@sha256:\w+)?")


@dataclass
class Page:
    """A YAML file as loaded: its documents, and the places that could not be read."""

    document: Document
    data: list[Any] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


def load(document: Document) -> Page:
    """Load a YAML text; a Helm template with its actions replaced."""
    text = document.text
    if templates.is_template(text.content):
        content = templates.fill(text.content, templates.values_of(text.file))
        document.text = text = replace(text, content=content, templated=True)
    data, problems = load_documents(text.content, text.first_line)
    data = [_without_gaps(each) for each in data] if text.templated else data
    parameters = templates.parameters_of(data)
    if parameters:
        content = templates.fill_parameters(text.content, parameters)
        document.text = text = replace(text, content=content, templated=True)
        data, problems = load_documents(text.content, text.first_line)
    pages = list(_flat(data))
    for each in list(pages):
        inside = [*manifests(each, text), *(patches(each, text) if is_kustomization(each) else ())]
        for piece in inside:
            pages += _flat(load_documents(piece.content, piece.first_line)[0])
    return Page(document, pages, problems)


_RELEASES = ("HelmRelease", "Application", "ApplicationSet", "HelmChart", "HelmChartConfig")  # they hold values
_LISTED = ("args", "command")
_SHAPED = {"resources", "limits", "requests", "env", "envFrom", "ports", "volumes", "volumeMounts", "securityContext",
           "livenessProbe", "readinessProbe", "startupProbe", "labels", "annotations", "lifecycle", "metadata",
           "selector", "matchLabels", "tolerations", "affinity", "nodeSelector", "imagePullSecrets",
           "initContainers"}  # fmt: skip


def _without_gaps(node: Any) -> Any:
    """A template's objects without the mappings and lists that it fills in; flags that it fills in stay unknown."""
    if isinstance(node, Table):
        for key in [key for key, value in node.items() if key in _SHAPED and value == UNKNOWN]:
            del node[key]
        for key in [key for key, value in node.items() if key in _LISTED and value == UNKNOWN]:
            node[key] = [node[key]]
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _without_gaps(value)
    return node


def _flat(data: list[Any]) -> Iterator[Any]:
    """The documents, with the members of Lists and Templates in the place of those, and JSON patches as one each."""
    for each in data:
        if isinstance(each, Table) and is_container(each):
            spec = Table(containers=Items([each]))
            spec.line = each.line
            yield spec
        elif isinstance(each, Table):
            kind = str(each.get("kind", ""))
            members = each.get("items" if kind.endswith("List") else "objects")
            inside = kind.endswith("List") or kind == "Template"
            yield from _flat(members) if inside and isinstance(members, list) else (each,)
        elif isinstance(each, list) and any(isinstance(item, Table) and {"op", "path"} <= {*item} for item in each):
            operations = Table({OPERATIONS: [item for item in each if isinstance(item, Table)]})
            operations.line = line_of(each)
            yield operations
        elif isinstance(each, list):
            yield from _flat([item for item in each if isinstance(item, Table)])


def collect(page: Page) -> None:
    """Make the ConfigMaps of a page known to every reader."""
    around = page.document.around
    for data in page.data:
        for name, files in config_maps(data, page.document.text):
            around.config_maps[name] = files
        for name, files in generated(data, page.document) if is_kustomization(data) else ():
            around.config_maps[name] = files


def served_by_maps(around: Surroundings) -> str:
    """Where the monitoring files of ConfigMaps show metrics, where they agree; "" otherwise."""
    texts = (text for files in around.config_maps.values() for text in files.values())
    paths = {served_metrics_path(text) for text in texts if kind_of(text.content) == "monitoring_config_file"}
    path = next(iter(paths), None)
    return path if len(paths) == 1 and path is not None and not is_unknown(path) else ""


def read_page(page: Page, pods: list[Pod], objects: list[tuple[Any, str]]) -> Reading:
    """What a YAML file holds of a server; pods and objects are kept for what they mean for one another."""
    reading = Reading()
    for data in page.data:
        objects.append((data, page.document.text.path))
        try:
            reading.add(_read_data(data, page.document, pods))
        except (AttributeError, TypeError, ValueError, KeyError) as error:  # a shape that no schema would allow
            line = line_of(data)
            problem = f"its shape is not that of a {data.get('kind', 'known kind')} ({type(error).__name__})"
            if "tensorflow" in str(data):
                reading.findings.append(finding("unreadable", page.document.text.path, line, problem=problem))
    if not reading.understood:
        reading.add(_named_images(page))
    return reading


def _named_images(page: Page) -> Reading:
    """Images of the server that YAML names for tools of its own; the tag may stand elsewhere."""
    reading = Reading()
    for word in (each for data in page.data for each in _words(data)):
        if _IMAGE.fullmatch(word):
            reading.counts["images"] += 1
            path = page.document.text.path
            reading.findings += check_image(str(word), path, word.line) if ":" in word else ()
    return reading


def _read_data(data: Any, document: Document, pods: list[Pod]) -> Reading:
    reading = Reading()
    if isinstance(data.get("services"), dict):
        return read_compose(data, document)
    if "scrape_configs" in data:
        return _scrapes(data["scrape_configs"] or [], document)
    if OPERATIONS in data:
        return read_operations(data, document)
    if is_kustomization(data):
        reading.add(read_images(data, document))
    if str(data.get("kind", "")) == "SeldonDeployment":
        reading.add(read_seldon(data, document))
    if str(data.get("kind", "")) == "InferenceService":
        reading.add(read_inference_service(data, document))
    whole = read_object(data, document, pods)
    if "apiVersion" not in data and "kind" not in data and not whole.counts["pods"]:
        reading.add(read_loose(data, document))
    elif str(data.get("kind", "")) in _RELEASES:
        reading.add(read_loose(data.get("spec"), document))
    reading.add(whole)
    if reading.commands and data.get("kind") and not document.text.templated:
        for name, line in undeclared(data, document.text.path):
            reading.report("volume-not-declared", document.text.path, line, name=name)
    return reading


def _scrapes(jobs: list[Any], document: Document) -> Reading:
    reading, around = Reading(), document.around
    for job in jobs:
        targets = [target for group in job.get("static_configs") or [] for target in group.get("targets") or []]
        about = " ".join(map(str, [job.get("job_name", ""), *targets])).lower()
        path = str(job.get("metrics_path", "/metrics"))
        if any(rule.get("target_label") == "__param_target" for rule in job.get("relabel_configs") or []):
            continue  # an exporter is scraped, such as blackbox; the target is what it asks
        if "serving" in about or ":8501" in about or "/monitoring" in path:
            reading.counts["scrapes"] += 1
            reading.findings += check_scrape(job, "metrics_path", around.served, document.text.path)
            for target in (each for each in targets if str(each).endswith(":8500")):
                reading.report(
                    "metrics-port-closed", document.text.path, line_of(target), port=8500, rest="by habit 8501"
                )
    return reading


def check_together(objects: list[tuple[Any, str]], pods: list[Pod], served: str) -> Iterator[Any]:
    """Findings between Kubernetes objects of all pages."""
    yield from check_cluster(objects, pods, served)


def scalars_that_start(page: Page, reading: Reading) -> Iterator[Text]:
    """Values that hold a command line which no reader has met, or that write a config: steps, tasks, hooks."""
    met = {line_of(word) for command in reading.commands for word in command.words} | {
        each.line for each in reading.commands
    }
    for words in (each for data in page.data for each in _lists(data)):
        if run_arguments(words) is not None and any(OFFICIAL in word for word in words) and not met & {words[0].line}:
            line = " ".join(shlex.quote(word) for word in words)
            yield Text(line, page.document.text.path, words[0].line or 1, None, page.document.text.templated)
    for word in (each for data in page.data for each in _words(data)):
        lines = range(word.line or 1, (word.line or 1) + word.count("\n") + 1)
        starts = _STARTS.search(word) and not met & {*lines}
        if starts or (not met & {*lines} and _WRITES.search(word) and kind_of(word)):
            yield Text(str(word), page.document.text.path, word.line or 1, None, page.document.text.templated)


def configs_in(page: Page) -> Iterator[tuple[str, Text]]:
    """Values that are config files as they stand (what a task copies, what cloud-init writes), by the flag they fit."""
    for table in (each for data in page.data for each in _tables(data)):
        for word in table.values():
            if not isinstance(word, Word) or "\n" not in word or not is_config(word):
                continue
            text = Text(str(word), page.document.text.path, word.line or 1, None, page.document.text.templated)
            text = replace(text, templated=text.templated or "{{" in word or "$" in word)
            name = next((str(table[key]) for key in _NAMED if isinstance(table.get(key), str)), "")
            page.document.around.sources.extra += [(name.rpartition("/")[2], text)] if name else []
            yield kind_of(word) or "", text


_NAMED = ("dest", "path", "filename", "target", "name")


def _tables(node: Any) -> Iterator[Table]:
    if isinstance(node, Table):
        yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _tables(value)


def _lists(node: Any) -> Iterator[list[Word]]:
    if isinstance(node, list) and node and all(isinstance(item, Word) for item in node):
        yield node
        return
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _lists(value)


def _words(node: Any) -> Iterator[Word]:
    if isinstance(node, Word):
        yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _words(value)
