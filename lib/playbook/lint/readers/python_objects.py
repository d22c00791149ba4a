"""Objects that Python makes, read as the manifests they stand for: dicts, Kubernetes' client, Pulumi, CDK, Airflow."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import Any

from playbook.lint.checks.command import BINARY, OFFICIAL, is_path
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.object_fields import TYPE, untyped
from playbook.lint.forms.python_data import Data, called
from playbook.lint.forms.text import UNKNOWN, Word
from playbook.lint.forms.walking import tables_in, words_in
from playbook.lint.forms.yaml_lines import Items, Table
from playbook.lint.readers.lone_containers import in_a_pod
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.program_objects import read_tables
from playbook.lint.readers.python_program import Program
from playbook.lint.readers.workloads import config_maps
from playbook.lint.readers.yaml_files import check_together, read_page
from playbook.lint.readers.yaml_pages import Page

_KINDS = re.compile(r"V\d(?:beta\d)?(Deployment|StatefulSet|DaemonSet|ReplicaSet|Pod|Job|CronJob|Service|ConfigMap|"
                    r"HorizontalPodAutoscaler|InferenceService)$")  # fmt: skip
_MADE = re.compile(r"\w+Args|\w*PodOperator|add_container|\w+OnlineDeployment|(Deployment|StatefulSet|Pod|Job)")
_LISTS = ("env", "envFrom", "volumeMounts", "volumes", "ports")


def read_objects(program: Program) -> Reading:
    """Whole objects first, with what they mean for one another; then what others would hold a container in."""
    reading = _read_manifests(program)
    for node in program.nodes:
        if isinstance(node, ast.Call) and not program.is_read(node):
            part = _read_part(node, program)
            if part.commands:
                program.take(node)
                reading.add(part)
    return reading


def _read_manifests(program: Program) -> Reading:
    reading, pods, objects = Reading(), list[Pod](), list[tuple[Any, str]]()
    held = Data(program.values)
    dicts = ((node, held.of(node)) for node in program.nodes if _is_object(node))
    found = [*_of_client(program.nodes, held), *dicts]
    for _, data in found:
        program.document.around.config_maps.update(config_maps(data, program.document.text))
    for node, data in found:
        if program.is_read(node):
            continue
        untyped(data)
        each = read_page(Page(_within(program, any(UNKNOWN in word for word in words_in(data))), [data]), pods, objects)
        if each.understood:
            program.take(node)
        reading.add(each)
    if pods:
        program.read |= held.taken
        reading.findings += check_together(objects, pods, program.document.around.served)
    return reading


def _read_part(node: ast.Call, program: Program) -> Reading:
    """A container of Kubernetes' client by itself, or an object of another client that has one in it."""
    name, data = called(node), Data(program.values)
    if name == "V1Container":
        image = program.values.word(program.values.keywords(node).get("image"))
        if image is None or OFFICIAL not in image or " " in image or is_path(image):
            return Reading()
        container = data.made(node)
        untyped(container)
        open_ends = any(each.arg is None for each in node.keywords)
        whole, shown_in_part = in_a_pod(container, program.document.text.content)
        return read_page(Page(_within(program, open_ends or shown_in_part), [whole]), [], [])
    if not _MADE.fullmatch(name) or not node.keywords:
        return Reading()
    table = data.made(node)
    if name.endswith("PodOperator"):
        table[TYPE] = "Container"
    names_server = any(OFFICIAL in word for word in words_in(table))
    return read_tables([table], _within(program, True)) if names_server else Reading()


def _within(program: Program, templated: bool) -> Document:
    """The text that objects stand in; `templated`: there may be more of them than is seen."""
    return Document(replace(program.document.text, templated=templated), program.document.around)


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
            found.append((node, _as_manifest(match[1], held.made(node))))
    inside = {id(inner) for node, _ in found for inner in ast.walk(node) if inner is not node} | held.taken
    return [(node, data) for node, data in found if id(node) not in inside]


def _as_manifest(kind: str, data: Table) -> Table:
    """The mapping as a manifest: its kind beside it, and nothing in place of the lists that are not known here."""
    del data[TYPE]
    if kind == "InferenceService":  # the module has a name for the version, which the class tells
        data[Word("apiVersion", data.line)] = Word("serving.kserve.io/v1beta1", data.line)
    data.setdefault(Word("apiVersion"), Word("v1"))
    data[Word("kind", data.line)] = Word(kind, data.line)
    for table in [*tables_in(data)]:
        for name in _LISTS:
            if isinstance(table.get(name), Word):
                del table[name]
                table[Word("envFrom")] = Items([Word(UNKNOWN)])  # more may stand there
    return data
