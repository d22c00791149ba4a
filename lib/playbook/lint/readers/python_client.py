"""Containers as the Python client of Kubernetes describes them: `V1Container(...)`, read as its manifest would be."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.python_data import Data
from playbook.lint.forms.python_values import Values
from playbook.lint.forms.text import Word
from playbook.lint.forms.yaml_lines import Items, Table
from playbook.lint.readers.yaml_files import read_page
from playbook.lint.readers.yaml_pages import Page

_KIND = re.compile(r"\bV1(Deployment|StatefulSet|DaemonSet|Job|CronJob)(?:Spec)?\(|\bV1(Pod)\(")
_LISTS = ("args", "command", "env", "envFrom", "ports", "volumeMounts")


def read_client(node: ast.Call, values: Values, document: Document) -> Reading:
    """A `V1Container(...)` in a pod of the kind that the text makes."""
    content = document.text.content
    container = Data(values).of(node)
    for name in [name for name in _LISTS if name in container and not isinstance(container[name], list)]:
        container[name] = Items([container[name]])
    if any(not isinstance(each, Table) for each in container.get("env") or ()):
        container[Word("envFrom", container.line)] = Items([Table()])  # more variables than are seen
    made = _KIND.search(content)
    kind = (made[1] or made[2]) if made else ""  # "": the text is an excerpt
    elsewhere = "mount" in content.lower() and "volumeMounts" not in container
    open_ = not kind or elsewhere or any(each.arg is None for each in node.keywords)
    kind = kind or "Pod"
    named = [each["name"] for each in container.get("volumeMounts") or () if isinstance(each, Table) and "name" in each]
    volumes = Items(Table({Word("name", container.line): name}) for name in named)
    spec = Table({Word("containers", container.line): Items([container]), Word("volumes", container.line): volumes})
    pod = Table({Word("metadata", None): Table(), Word("spec", container.line): spec})
    whole = Table({Word("apiVersion", None): Word("v1"), Word("kind", None): Word(kind)})
    selector = Table({Word("matchLabels", None): Table()})
    workload = Table({Word("selector", None): selector, Word("template", None): pod})
    whole[Word("spec", container.line)] = workload if kind != "Pod" else spec
    for table in (spec, pod, whole):
        table.line = container.line
    return read_page(Page(Document(replace(document.text, templated=open_), document.around), [whole]), [], [])
