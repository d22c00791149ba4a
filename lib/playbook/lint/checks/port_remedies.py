"""How a port that leads to where nothing listens comes to lead to the server: by which of its two, or by a flag."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from playbook.lint.checks.command import Command
from playbook.lint.checks.host_ports import led
from playbook.lint.forms.text import Word

_OF_HTTP = {80, 443, 8501}


def of_published(port: Word, flag: str, command: Command, asked: Collection[str]) -> str:
    """The remedy for a published port: REST's, where HTTP is asked at the host's; `flag` would open the port else."""
    host, inside = next(iter(led(port)), (port.partition("/")[0],) * 2)
    rest = command.number("rest_api_port")
    if host not in asked:
        return f"Use the server's ports, or set {flag}."
    by_rest = f"--rest_api_port={inside}"
    return (
        f"Publish {host}:{rest}, which leads to REST, or set {by_rest}." if rest else f"Set {by_rest}: HTTP is asked."
    )


def of_service(port: Mapping[str, Any], target: int, command: Command) -> str:
    """The remedy for a Service's port: where HTTP is meant by it and REST is off, that is to be turned on."""
    rest, grpc = command.number("rest_api_port"), command.number("port", 8500)
    meant = f"{port.get('name', '')} {port.get('appProtocol', '')}".lower()
    by_http = {port.get("port"), target} & _OF_HTTP or re.search(r"http|rest", meant)
    if not rest and by_http and "grpc" not in meant:
        return f"Turn REST on: --rest_api_port={target}."
    return f"Use targetPort {rest or grpc}."
