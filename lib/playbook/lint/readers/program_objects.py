"""Containers that programs write out: clients of Kubernetes and Docker in Go and Java, CDK, Pulumi, testcontainers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from playbook.lint.checks.command import BINARY, OFFICIAL
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.object_fields import TYPE, untyped
from playbook.lint.forms.object_literals import Objects
from playbook.lint.forms.text import Word, line_of
from playbook.lint.forms.walking import tables_in, words_in
from playbook.lint.forms.yaml_lines import Items, Table
from playbook.lint.readers.kubernetes import read_object
from playbook.lint.readers.loose import read_loose
from playbook.lint.readers.platforms import is_platforms, read_platform
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.workloads import config_maps, is_container
from playbook.lint.readers.yaml_files import check_together

_KIND = re.compile(r"(?:Kube|V1|V2|V1beta1)?(Deployment|StatefulSet|DaemonSet|Pod|Job|CronJob|Service|ConfigMap|Secret|"
                   r"HorizontalPodAutoscaler)(?:Builder)?")  # fmt: skip
_CONTAINER = ("Container", "V1Container", "ContainerBuilder", "ContainerArgs", "EphemeralContainer")
_MAPPINGS = {"resources", "limits", "requests", "securityContext", "livenessProbe", "readinessProbe", "startupProbe",
             "lifecycle", "metadata", "selector"}  # fmt: skip
_PARTS = {"repository": "tag"}  # an image whose name and tag stand apart


def read_objects(document: Document) -> Reading:
    """What the objects of a program start; an empty reading where none is a container of the server's."""
    inside = Document(replace(document.text, templated=True), document.around)  # code may add to what it writes out
    return read_tables(Objects(document.text).tables(), inside)


def read_tables(tables: list[Table], document: Document) -> Reading:
    """What objects start that a program makes, each with its type's name under TYPE."""
    reading, pods, objects = Reading(), list[Pod](), list[tuple[Any, str]]()
    shown = document.text.path
    for table in map(_named, tables):
        untyped(table)
        document.around.config_maps.update(config_maps(table, document.text))
    for table in tables:
        if is_platforms(table):
            reading.add(read_platform(table, document))
        if not any(OFFICIAL in word or BINARY in word or word.startswith("--") for word in words_in(table)):
            if table.get("kind") in ("Service", "ConfigMap"):
                objects.append((table, shown))
                reading.add(read_object(table, document, pods))
            continue
        for data in map(_without_expressions, _parts(table)):
            if any("containers" in each for each in tables_in(data)):
                objects.append((data, shown))
                reading.add(read_object(data, document, pods))
            else:
                reading.add(read_loose(data, document))
    reading.findings += check_together(objects, pods, document.around.served)
    return reading


def _named(table: Table) -> Table:
    """An object with the kind that its type's name tells, as a manifest has it."""
    kind = _KIND.fullmatch(str(table.get(TYPE, "")))
    if kind and "kind" not in table:
        table["kind"] = kind[1]
    return table


def _without_expressions(data: Table) -> Table:
    """An object without those of its parts that an expression makes, of which nothing is known."""
    for each in tables_in(data):
        for key in [key for key, value in each.items() if key in _MAPPINGS and isinstance(value, str)]:
            del each[key]
    return data


def _parts(table: Table) -> Iterator[Table]:
    """The object as its readers know it: a container alone gets a pod around it, an image its tag."""
    for each in tables_in(table):
        for name, tag in _PARTS.items():
            if name in each and tag in each and "image" not in each and OFFICIAL in str(each[name]):
                each[Word("image", each.at(name))] = Word(f"{each[name]}:{each[tag]}", each.at(name))
        if isinstance(each.get("exposedPorts"), list) and "ports" not in each:  # testcontainers waits for them
            each[Word("ports", each.at("exposedPorts"))] = each["exposedPorts"]
    if table.get(TYPE) in _CONTAINER or is_container(table):
        whole = Table(containers=Items([table]))
        whole.line = table.line
        yield whole
        return
    yield table


def words_of_objects(reading: Reading) -> set[tuple[str, int | None]]:
    """The flags that objects gave, with their lines: lists that hold them are read."""
    return {each for command in reading.commands for each in words_of_list(command.words)}


def words_of_list(words: Iterable[str]) -> set[tuple[str, int | None]]:
    """The flags among words, with their lines."""
    return {(str(word), line_of(word)) for word in words if word.startswith("-")}
