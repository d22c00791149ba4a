"""Servers of one pod, whose containers have one network between them: a port is one server's alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations
from typing import Any

from playbook.lint.checks.containers import listening
from playbook.lint.checks.reading import SHAPES
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.workloads import pod_specs
from playbook.lint.rules.findings import Finding, finding

_BOTH_GRPC = "gRPC lets both have it and deals the connections out, so that calls reach the wrong server"
_ONE_LESS = "the one that comes second does not get it, and goes on without REST or ends"


def check_shared(objects: list[tuple[Any, str]], pods: list[Pod]) -> Iterator[Finding]:
    """Findings of pods with several servers that listen on one port."""
    for data, _ in objects if len(pods) > 1 else ():
        with suppress(*SHAPES):  # its reader tells
            for spec, _ in pod_specs(data):
                containers = spec.get("containers") or []
                own = [pod for pod in pods if any(pod.container is each for each in containers)]
                for one, other in combinations(own, 2):
                    yield from _shared(one, other)


def _shared(one: Pod, other: Pod) -> Iterator[Finding]:
    names = [str(pod.container.get("name", "")) for pod in (one, other)]
    if names[0] == names[1]:
        return  # two branches of a template
    for port in sorted((listening(one.command) or set()) & (listening(other.command) or set())):
        flags = ["port" if pod.command.number("port", 8500) == port else "rest_api_port" for pod in (one, other)]
        effect = _BOTH_GRPC if flags == ["port", "port"] else _ONE_LESS
        told = f"--{flags[1]}={port}" if flags[1] in other.command.given else f"{flags[1]} {port}, its default,"
        words = {"name": names[0], "other": names[1], "port": port, "effect": effect, "told": told}
        yield finding("port-of-two", other.shown, other.command.at(flags[1]), **words, flag=flags[1])
