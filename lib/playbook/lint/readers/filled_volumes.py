"""Volumes that containers beside the server's fill by commands that are shown: in a pod, or in one compose file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from playbook.lint.checks.command import Mount
from playbook.lint.checks.start import is_server
from playbook.lint.forms.filled_folders import names_put
from playbook.lint.forms.shell_calls import is_shell
from playbook.lint.forms.text import Word
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.compose_values import words_of

_PARTS = ("subPath", "subPathExpr")


def filled_in_pod(volume: str, container: Any, spec: Any) -> frozenset[str]:
    """The names that the other containers of a pod put into a volume; none where that is not told of all of them."""
    if any(is_shell(str(word)) for word in (_items(container.get("command")))[:1]):
        return frozenset()  # which may fetch more
    others = [each for name in ("initContainers", "containers") for each in _items(spec.get(name))
              if isinstance(each, Table) and each is not container and not _serves(each)]  # fmt: skip
    put: list[frozenset[str]] = []
    for other in others:
        for mount in _items(other.get("volumeMounts")):
            if isinstance(mount, Table) and mount.get("name") == volume and not mount.get("readOnly"):
                words = [*_items(other.get("command")), *_items(other.get("args"))]
                known = not {*_PARTS} & {*mount} and "workingDir" not in other
                put.append(names_put(words, str(mount.get("mountPath", ""))) if known else frozenset())
    return _together(put)


def with_filled(mounts: Iterable[Mount], service: Any, data: Any) -> list[Mount]:
    """A compose service's mounts, with what the other services put into the named volumes among them."""
    services = [each for each in (data.get("services") or {}).values() if isinstance(each, Table) and not _serves(each)]
    return [replace(mount, filled=_in_compose(mount.named, service, services)) for mount in mounts]


def _in_compose(volume: str, service: Any, services: Sequence[Table]) -> frozenset[str]:
    if not volume or "/" in volume or volume.startswith((".", "~", "$")):
        return frozenset()
    put: list[frozenset[str]] = []
    for other in services:
        targets = [parts[1] for item in _items(other.get("volumes")) if isinstance(item, str)
                   and len(parts := item.split(":")) > 1 and parts[0] == volume and parts[-1] != "ro"]  # fmt: skip
        words = [*(words_of(other.get("entrypoint")) or []), *(words_of(other.get("command")) or [])]
        if targets:
            put += [names_put(words, target) if "working_dir" not in other else frozenset() for target in targets]
    return _together(put)


def _serves(container: Table) -> bool:
    """True for a server, which reads what is there."""
    words = [str(word) for name in ("entrypoint", "command", "args") for word in words_of(container.get(name)) or []]
    return is_server(str(container.get("image", "")), words)


def _together(put: Sequence[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*put) if put and all(put) else frozenset()


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [Word(value)] if isinstance(value, str) else []
