"""Containers of somebody's own image that list the server's ports, among texts that serve: what they run is it."""

from __future__ import annotations

import re
from typing import Any

from playbook.lint.checks.reading import Document
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.block_kinds import uses_server

_PORTS = ("8500", "8501")
_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_OTHERS = re.compile(r"streamlit|consul", re.IGNORECASE)  # whose ports they are, too
_PUBLIC = re.compile(r"(?:(?:docker\.io/)?(?:library/)?[\w.-]+(?::[\w.-]+)?|(?:quay\.io/)?(?:bitnami|prom|grafana)/.*)")


def lists_servers_ports(container: Any, image: str, document: Document) -> bool:
    """True where a container lists port 8500 or 8501, its image is somebody's own, and a text here runs the server."""
    ports = [str(each.get("containerPort")) for each in container.get("ports") or [] if isinstance(each, Table)]
    if not set(_PORTS) & {*ports} or _is_another(container) or _PUBLIC.fullmatch(image) or document.text.templated:
        return False
    texts = [each.content for each in document.around.sources.texts.values()]
    return not any(map(_OTHERS.search, texts)) and any(map(uses_server, texts))


def _is_another(container: Any) -> bool:
    """True for a container with a command of its own, or that is asked for what the server has not."""
    asked = [(container.get(name) or {}).get("httpGet") or {} for name in _PROBES]
    paths = [str(each.get("path", "/v1/")) for each in asked if isinstance(each, Table)]
    return bool(container.get("command")) or not all(path.startswith("/v1/") for path in paths)
