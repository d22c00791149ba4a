"""YAML around a server: which kind a document is, and who reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.configs import served_metrics_path
from playbook.lint.checks.containers import IMAGE, IMAGE_IN_JSON, check_image
from playbook.lint.checks.keys_twice import check_twice
from playbook.lint.checks.reading import SHAPES, Document, Reading, Surroundings
from playbook.lint.forms.text import Text, is_unknown, line_of
from playbook.lint.forms.walking import held_by, words_in
from playbook.lint.forms.yaml_lines import Table, load_documents
from playbook.lint.readers.cluster import check_cluster
from playbook.lint.readers.compose import read_compose
from playbook.lint.readers.kserve import read_inference_service
from playbook.lint.readers.kubernetes import read_object
from playbook.lint.readers.kustomize import (
    OPERATIONS,
    generated,
    is_kustomization,
    read_images,
    read_operations,
)
from playbook.lint.readers.loose import RELEASES, read_loose, read_release, read_values
from playbook.lint.readers.platforms import read_platform
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.scrapes import read_scrapes
from playbook.lint.readers.workloads import config_maps, undeclared
from playbook.lint.readers.yaml_pages import Page
from playbook.lint.rules.findings import Finding, finding


def collect(page: Page) -> None:
    """Make the ConfigMaps of a page known to every reader."""
    around = page.document.around
    for data in page.data:
        with suppress(*SHAPES):  # read_page tells
            around.config_maps.update(config_maps(data, page.document.text))
            around.config_maps.update(generated(data, page.document) if is_kustomization(data) else ())


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
        held = [] if "kind" in data else list(_objects_in(data))
        objects += [(each, page.document.text.path) for each in held or [data]]
        try:
            reading.add(_read_data(data, page.document, pods))
        except SHAPES as error:
            line = line_of(data)
            problem = f"its shape is not that of a {data.get('kind', 'known kind')} ({type(error).__name__})"
            if "tensorflow" in str(data):
                reading.findings.append(finding("unreadable", page.document.text.path, line, problem=problem))
    if not reading.understood:
        reading.add(_named_images(page))
    if reading.understood:
        path = page.document.text.path
        branches = page.document.text.templated  # of a chart, which stand side by side
        for data in page.data if not branches else ():
            reading.findings += check_twice(data, path)
        told = {"word": "the indent or what stands behind the key", "who": "YAML"}
        reading.findings += [finding("odd-blank", path, line, blank=blank, **told) for line, blank in page.blanks]
    return reading


def _named_images(page: Page) -> Reading:
    """Images of the server that YAML names for tools of its own; the tag may stand elsewhere."""
    reading = Reading()
    for word in (each for data in page.data for each in words_in(data)):
        if IMAGE.fullmatch(word):
            reading.counts["images"] += 1
            path = page.document.text.path
            reading.findings += check_image(str(word), path, word.line) if ":" in word else ()
        elif "\n" in word or word.startswith("{"):  # JSON as a key of a ConfigMap
            reading.counts["images"] += len(IMAGE_IN_JSON.findall(word))
    return reading


def _read_data(data: Any, document: Document, pods: list[Pod]) -> Reading:
    reading = Reading()
    if isinstance(data.get("services"), dict):
        return read_compose(data, document)
    if "scrape_configs" in data:
        return read_scrapes(data["scrape_configs"] or [], document)
    if OPERATIONS in data:
        return read_operations(data, document)
    if is_kustomization(data):
        reading.add(read_images(data, document))
        reading.add(read_values(data.get("helmCharts"), document))
    reading.add(read_platform(data, document))
    predictor = data if "predictor" in data else data.get("spec")
    if "kind" not in data and isinstance(predictor, Table) and isinstance(predictor.get("predictor"), Table):
        reading.add(read_inference_service(Table(spec=predictor), document))  # shown in part
    held = list(_objects_in(data)) if "kind" not in data else []
    for each in held:
        reading.add(_read_data(each, document, pods))
    if held and reading.understood:
        return reading
    whole = read_object(data, document, pods)
    if "kind" not in data and not whole.counts["pods"]:
        reading.add(read_loose(data, document))
    elif str(data.get("kind", "")) in RELEASES:
        reading.add(read_release(data.get("spec"), document))
    reading.add(whole)
    for text in _yaml_keys(data, document.text):
        for each in load_documents(text.content, text.first_line)[0]:
            if isinstance(each, Table) and "kind" not in each:
                reading.add(_read_data(each, Document(text, document.around), pods))
                reading.add(read_values(each, Document(text, document.around)) if not reading.understood else Reading())
    if (reading.commands or whole.counts["pods"]) and data.get("kind") and not document.text.templated:
        for name, line in undeclared(data, document.text.path):
            reading.report("volume-not-declared", document.text.path, line, name=name)
    return reading


def _objects_in(node: Any) -> Iterator[Table]:
    """Whole objects that stand in a text of another tool: the definitions of Ansible's tasks, values of charts."""
    if isinstance(node, Table) and {"apiVersion", "kind"} <= {*node} and {"spec", "data"} & {*node}:
        yield node
        return
    for value in held_by(node):
        yield from _objects_in(value)


def _yaml_keys(data: Any, text: Text) -> Iterator[Text]:
    """The keys of a ConfigMap that are YAML of their own: values of a chart, scrapes."""
    for _, files in config_maps(data, text):
        yield from (each for key, each in files.items() if key.endswith((".yaml", ".yml")) and ":" in each.content)


def check_together(objects: list[tuple[Any, str]], pods: list[Pod], served: str) -> list[Finding]:
    """Findings between Kubernetes objects of all pages; objects of no known shape are named and left out."""
    try:
        return list(check_cluster(objects, pods, served))
    except SHAPES:
        sound, unread = list[tuple[Any, str]](), list[Finding]()
    for data, shown in objects:
        try:
            list(check_cluster([(data, shown)], pods, served))
            sound.append((data, shown))
        except SHAPES as error:
            problem = f"its shape is not that of a {data.get('kind', 'known kind')} ({type(error).__name__})"
            unread.append(finding("unreadable", shown, line_of(data), problem=problem))
    return [*unread, *check_cluster(sound, pods, served)]
