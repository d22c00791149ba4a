"""Kubernetes' objects and the like that Python writes as dicts, or as the objects of Kubernetes' client."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import Any

from playbook.lint.checks.command import BINARY, OFFICIAL
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.python_data import Data, called
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.text import UNKNOWN, Word
from playbook.lint.forms.walking import tables_in, words_in
from playbook.lint.forms.yaml_lines import Items, Table
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.yaml_files import check_together, read_page
from playbook.lint.readers.yaml_pages import Page

_KINDS = re.compile(r"V\d(?:beta\d)?(Deployment|StatefulSet|DaemonSet|ReplicaSet|Pod|Job|CronJob|Service|ConfigMap|"
                    r"HorizontalPodAutoscaler)$")  # fmt: skip
_LISTS = ("env", "envFrom", "volumeMounts", "volumes", "ports")


def read_objects(nodes: list[ast.AST], values: Values, document: Document, read: set[int]) -> Reading:
    """Dicts that are written as YAML would be, and objects of the client; what they mean for one another, too.

    The nodes that were understood are put into `read`.
    """
    reading, pods, objects = Reading(), list[Pod](), list[tuple[Any, str]]()
    held = Data(values)
    found = [*_of_client(nodes, held), *((node, held.of(node)) for node in nodes if _is_object(node))]
    for node, data in found:
        if id(node) in read:
            continue
        open_ends = any(UNKNOWN in word for word in words_in(data))
        page = Page(Document(replace(document.text, templated=open_ends), document.around), [data])
        each = read_page(page, pods, objects)
        if each.understood:
            read |= {id(inner) for inner in ast.walk(node)}
        reading.add(each)
    if pods:
        read |= held.taken
        reading.findings += check_together(objects, pods, document.around.served)
    return reading


def _is_object(node: ast.AST) -> bool:
    """True for a dict that names the server, as a manifest, a compose file or a task definition; or a Service."""
    if not isinstance(node, ast.Dict):
        return False
    words = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    names = any(OFFICIAL in word or BINARY in word for word in words) and {"image", "containers"} & {*words}
    return bool(names) or {"apiVersion", "kind", "spec"} <= {*words}


def _of_client(nodes: list[ast.AST], held: Data) -> list[tuple[ast.AST, Any]]:
    """Objects of the client with the mappings that they stand for; one that is part of another is read there."""
    found: list[tuple[ast.AST, Any]] = []
    for node in nodes:
        if isinstance(node, ast.Call) and (match := _KINDS.match(called(node))):
            found.append((node, _as_manifest(match[1], held.of(node))))
    inside = {id(inner) for node, _ in found for inner in ast.walk(node) if inner is not node} | held.taken
    return [(node, data) for node, data in found if id(node) not in inside]


def _as_manifest(kind: str, data: Table) -> Table:
    """The mapping as a manifest: its kind beside it, and nothing in place of the lists that are not known here."""
    data.setdefault(Word("apiVersion"), Word("v1"))
    data[Word("kind", data.line)] = Word(kind, data.line)
    for table in [*tables_in(data)]:
        for name in _LISTS:
            if isinstance(table.get(name), Word):
                del table[name]
                table[Word("envFrom")] = Items([Word(UNKNOWN)])  # more may stand there
    return data
