"""Services of a compose file that are to run several times, and hold what one container alone can have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.host_ports import led
from playbook.lint.checks.reading import Document
from playbook.lint.forms.text import Word, is_unknown
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_OF_A_SWARM = ("placement", "update_config", "rollback_config", "endpoint_mode")  # its mesh has a port for all copies

_STACK = re.compile(r"\bstack deploy\b|\bswarm (init|join)\b|driver: overlay")


def check_copies(data: Any, serving: set[str], document: Document) -> Iterator[Finding]:
    """Servers (`serving`, by name) of several copies with one port of the host or one name; none for a swarm."""
    shown, texts = document.text.path, [document.text, *document.around.sources.texts.values()]
    swarm = any(_STACK.search(text.content) for text in texts)
    for name, service in data["services"].items():
        if name not in serving or "network_mode" in service or swarm:
            continue
        told, count, line = _copies(service)
        if count > 1:
            yield from _held(service, told, count, shown, line)


def _copies(service: Table) -> tuple[str, int, int | None]:
    """Where a service tells of its copies, how many it wants, and the line; 1 where a swarm is meant."""
    deploy = service.get("deploy")
    if "scale" in service:
        return "scale", _number(service["scale"]), service.at("scale")
    if not isinstance(deploy, Table) or "replicas" not in deploy or any(key in deploy for key in _OF_A_SWARM):
        return "", 1, None
    return "deploy.replicas", _number(deploy["replicas"]), deploy.at("replicas")


def _number(value: Any) -> int:
    return int(str(value)) if str(value).isdigit() else 1


def _held(service: Table, told: str, count: int, shown: str, line: int | None) -> Iterator[Finding]:
    words = {"told": told, "count": count}
    if "container_name" in service:
        only = "container_name is one container's alone: compose refuses the service"
        remedy = "Drop container_name: compose numbers them."
        yield finding("port-of-copies", shown, line, **words, only=only, remedy=remedy)
        return
    for item in service.get("ports") or []:
        text = str(item)
        pairs = [*led(Word(text, line))] if not isinstance(item, (Table, dict)) and not is_unknown(text) else []
        if len(pairs) == 1 and pairs[0][0].isdigit():
            (host, inside) = pairs[0]
            only = f"port {host} of the host is one container's alone: the second does not start"
            remedy = f"Publish a range for them, {host}-{int(host) + count - 1}:{inside}, or put a proxy in front."
            yield finding("port-of-copies", shown, line, **words, only=only, remedy=remedy)
            return
