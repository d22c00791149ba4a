"""A YAML file as loaded: templates filled in, members of lists in their place, objects inside values beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from playbook.lint.checks.reading import Document
from playbook.lint.forms import templates
from playbook.lint.forms.letters import plain
from playbook.lint.forms.text import UNKNOWN, line_of
from playbook.lint.forms.yaml_lines import Items, Table, load_documents, odd_blanks, without_definitions
from playbook.lint.readers.argo import workflows
from playbook.lint.readers.kustomize import OPERATIONS, is_kustomization, patches
from playbook.lint.readers.workloads import is_container, manifests

_LISTED = ("args", "command")
_SHAPED = {"resources", "limits", "requests", "env", "envFrom", "ports", "volumes", "volumeMounts", "securityContext",
           "livenessProbe", "readinessProbe", "startupProbe", "labels", "annotations", "lifecycle", "metadata",
           "selector", "matchLabels", "tolerations", "affinity", "nodeSelector", "imagePullSecrets",
           "initContainers"}  # fmt: skip


@dataclass
class Page:
    """A YAML file as loaded: its documents, and the places that could not be read."""

    document: Document
    data: list[Any] = field(default_factory=list)
    apart: list[Any] = field(default_factory=list)  # read as kustomize makes them, and only counted here
    problems: list[tuple[int, str]] = field(default_factory=list)
    blanks: list[tuple[int, str]] = field(default_factory=list)  # those that YAML does not know


def load(document: Document) -> Page:
    """Load a YAML text; a Helm template with its actions replaced."""
    document.text = text = replace(document.text, content=without_definitions(document.text.content))
    if blanks := list(odd_blanks(text.content, text.first_line)):
        document.text = text = replace(text, content=plain(text.content))
    of_argo = workflows(text)
    if templates.is_template(text.content):
        content = templates.fill(text.content, templates.values_of(text.file))
        left_out = text.templated or not templates.is_runtimes_alone(text.content)
        document.text = text = replace(text, content=content, templated=left_out)
    data, problems = load_documents(text.content, text.first_line)
    if problems and not load_documents(filled := templates.gaps_filled(text.content), text.first_line)[1]:
        document.text = text = replace(text, content=filled, templated=True)
        data, problems = load_documents(filled, text.first_line)
    data = of_argo or data
    data = [_without_gaps(each) for each in data] if text.templated else data
    parameters = templates.parameters_of(data)
    if parameters:
        content = templates.fill_parameters(text.content, parameters)
        document.text = text = replace(text, content=content, templated=True)
        data, problems = load_documents(text.content, text.first_line)
    pages = list(_flat(data))
    if text.coded:
        for each in pages:
            _on_one_line(each, text.first_line)
    for each in list(pages):
        inside = [*manifests(each, text), *(patches(each, text) if is_kustomization(each) else ())]
        for piece in inside:
            pages += _flat(load_documents(piece.content, piece.first_line)[0])
    return Page(document, pages, problems=problems, blanks=blanks)


def set_apart(pages: Iterable[Page], places: set[tuple[str, int | None]]) -> None:
    """Keep the objects at these places, by file and line, from being read as they are written."""
    for page in pages:
        page.apart = [each for each in page.data if (page.document.text.path, line_of(each)) in places]
        page.data = [each for each in page.data if all(each is not other for other in page.apart)]


def _on_one_line(node: Any, line: int) -> None:
    """Say of a text whose line ends are letters that all of it stands on its one line."""
    for each in [node, *(node if isinstance(node, dict) else ())]:
        if hasattr(each, "line"):
            each.line = line
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _on_one_line(value, line)


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
