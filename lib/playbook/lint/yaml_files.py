"""YAML around a server: which kind a document is, and who reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from playbook.lint import templates
from playbook.lint.cluster import check_cluster
from playbook.lint.compose import read_compose
from playbook.lint.configs import check_scrape
from playbook.lint.kserve import read_inference_service
from playbook.lint.kubernetes import Pod, config_maps, read_object, undeclared
from playbook.lint.lookup import Sources
from playbook.lint.reading import Document, Reading
from playbook.lint.rules import finding
from playbook.lint.text import Text, line_of
from playbook.lint.yaml_lines import Table, load_documents


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
    return Page(document, list(_flat(data)), problems)


def _flat(data: list[Any]) -> Iterator[Any]:
    for each in data:
        if (
            isinstance(each, Table)
            and str(each.get("kind", "")).endswith("List")
            and isinstance(each.get("items"), list)
        ):
            yield from _flat(each["items"])
        elif isinstance(each, Table):
            yield each
        elif isinstance(each, list):
            yield from (item for item in each if isinstance(item, Table) and "kind" in item)


def collect(page: Page) -> None:
    """Make the ConfigMaps of a page known to every reader."""
    around = page.document.around
    for data in page.data:
        for name, files in config_maps(data, page.document.text):
            around.config_maps[name] = files
        for generator in [*(data.get("configMapGenerator") or []), *(data.get("secretGenerator") or [])]:
            if isinstance(generator, Table):
                around.config_maps[str(generator.get("name"))] = dict(
                    _generated(generator, page.document, around.sources)
                )


def _generated(generator: Any, document: Document, sources: Sources) -> Iterator[tuple[str, Text]]:
    """The files of kustomize's configMapGenerator."""
    for item in generator.get("files") or []:
        key, equals, named = str(item).partition("=")
        named = named if equals else key
        path = document.folder / named if document.folder is not None else None
        text = sources.file(path) if path is not None else None
        if text is not None:
            yield (key if equals else named.rpartition("/")[2]), text
    for item in generator.get("literals") or []:
        key, _, value = str(item).partition("=")
        yield key, Text(value, document.text.path, line_of(item) or 1)


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
    return reading


def _read_data(data: Any, document: Document, pods: list[Pod]) -> Reading:
    reading = Reading()
    if isinstance(data.get("services"), dict):
        return read_compose(data, document)
    if "scrape_configs" in data:
        return _scrapes(data["scrape_configs"] or [], document)
    if str(data.get("kind", "")) == "Kustomization" or "configMapGenerator" in data or "images" in data:
        for image in data.get("images") or []:
            if isinstance(image, Table) and "tensorflow/serving" in str(image.get("name", "")):
                reading.counts["images"] += 1
                tag = str(image.get("newTag", ""))
                if tag.startswith(("latest", "nightly")):
                    words = {"image": f"{image.get('name')}:{tag}", "problem": "the tag moves"}
                    reading.report("image-not-pinned", document.text.path, image.at("newTag"), **words)
    if str(data.get("kind", "")) == "InferenceService":
        reading.add(read_inference_service(data, document))
    reading.add(read_object(data, document, pods))
    if reading.commands and not document.text.templated:
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
            line = job.at("metrics_path") if "metrics_path" in job else job.at("job_name")
            reading.findings += check_scrape(path, job.get("params"), around.served, document.text.path, line)
    return reading


def check_together(objects: list[tuple[Any, str]], pods: list[Pod]) -> Iterator[Any]:
    """Findings between Kubernetes objects of all pages."""
    yield from check_cluster(objects, pods)
