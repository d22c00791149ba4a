"""A container that a program's text makes by itself, in a pod of the kind that the text makes elsewhere."""

from __future__ import annotations

import re

from playbook.lint.forms.text import Word
from playbook.lint.forms.yaml_lines import Items, Table

_KIND = re.compile(r"\bV1(Deployment|StatefulSet|DaemonSet|Job|CronJob)(?:Spec)?\(|\bV1(Pod)\(")
_LISTS = ("args", "command", "env", "envFrom", "ports", "volumeMounts")


def in_a_pod(container: Table, content: str) -> tuple[Table, bool]:
    """The container's whole manifest, and whether parts of it may stand elsewhere in the text."""
    for name in [name for name in _LISTS if name in container and not isinstance(container[name], list)]:
        container[name] = Items([container[name]])
    if any(not isinstance(each, Table) for each in container.get("env") or ()):
        container[Word("envFrom", container.line)] = Items([Table()])  # more variables than are seen
    made = _KIND.search(content)
    kind = (made[1] or made[2]) if made else ""  # "": the text is an excerpt
    elsewhere = "mount" in content.lower() and "volumeMounts" not in container
    return _manifest(kind or "Pod", container), not kind or elsewhere


def _manifest(kind: str, container: Table) -> Table:
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
    return whole
