"""ConfigMaps that a pod mounts under a name that none here has, while another here holds the file that is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.command import Command
from playbook.lint.checks.reading import Surroundings
from playbook.lint.checks.schema import KINDS
from playbook.lint.forms.text import is_unknown
from playbook.lint.rules.findings import Finding, finding


def check_maps(command: Command, around: Surroundings, shown: str) -> Iterator[Finding]:
    """Findings of a pod's command line, whose flags name files in mounted ConfigMaps."""
    yield from _check_polled(command, shown)
    for path in (command.text(flag) for flag in KINDS):
        if not path or is_unknown(path):
            continue
        mount, rest = next(command.place.over(command.place.absolute(path)), (None, ""))
        name = mount.config_map if mount is not None else ""
        if mount is None or not name or mount.files is not None or name in around.config_maps or is_unknown(name):
            continue
        key = rest.rpartition("/")[2]
        others = [other for other, files in around.config_maps.items() if key in files]
        if len(others) == 1 and _is_named_once(others[0], around):
            words = {"target": mount.target, "name": name, "other": others[0], "key": key}
            yield finding("configmap-not-here", shown, mount.line, **words)


def _is_named_once(name: str, around: Surroundings) -> bool:
    """True for a ConfigMap that no text mentions but the one that makes it."""
    word = re.compile(rf"(?<![\w./-]){re.escape(name)}(?![\w.-])")
    texts = (around.rendered.get(path, text.content) for path, text in around.sources.texts.items())
    return sum(len(word.findall(content)) for content in texts) == 1


def _check_polled(command: Command, shown: str) -> Iterator[Finding]:
    """A config file that is to be read again, and of which the pod keeps the first text."""
    path, flag = command.text("model_config_file"), "model_config_file_poll_wait_seconds"
    if not path or is_unknown(path) or command.number(flag) <= 0:
        return
    mount, rest = next(command.place.over(command.place.absolute(path)), (None, ""))
    if mount is not None and mount.config_map and mount.by_key and rest == "":
        yield finding("config-poll-subpath", shown, command.at(flag), path=path)
