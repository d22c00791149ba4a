"""ConfigMaps that a pod mounts: one whose name none here has, one whose config files no flag names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from playbook.lint.checks.command import Command, Mount
from playbook.lint.checks.config_kinds import flags_of, is_config, kind_of
from playbook.lint.checks.configs import check_config
from playbook.lint.checks.reading import Surroundings
from playbook.lint.checks.schema import KINDS
from playbook.lint.forms.text import is_unknown
from playbook.lint.rules.findings import Finding, finding


def check_maps(command: Command, around: Surroundings, shown: str, values: Iterable[str] = ()) -> Iterator[Finding]:
    """Findings of a pod's command line, whose flags name files in mounted ConfigMaps; `values`: of its variables."""
    yield from _check_polled(command, shown)
    yield from _check_unused(command, shown, [*command.words, *values])
    meant: dict[str, str] = {}
    asked = list(_asked(command, around))
    for _, mount, key in asked:
        others = [other for other, files in around.config_maps.items() if key in files]
        if mount.config_map not in meant and len(others) == 1 and _is_named_once(others[0], around):
            meant[mount.config_map] = others[0]
            words = {"target": mount.target, "name": mount.config_map, "other": others[0], "key": key}
            yield finding("configmap-not-here", shown, mount.line, **words)
    for flag, mount, key in asked:
        if (other := meant.get(mount.config_map, "")) and (text := around.config_maps[other].get(key)) is not None:
            yield from check_config(flag, text, command)
        elif other:
            words = {"flag": f"--{flag}", "path": command.text(flag), "effect": KINDS[flag][1]}
            keys = ", ".join(sorted(around.config_maps[other]))
            yield finding("configmap-key-missing", shown, command.at(flag), **words, key=key, keys=keys, name=other)


def _asked(command: Command, around: Surroundings) -> Iterator[tuple[str, Mount, str]]:
    """The flags whose files lie in a mounted ConfigMap that is not here: the flag, the mount, the key."""
    for flag in KINDS:
        path = command.text(flag)
        if not path or is_unknown(path):
            continue
        mount, rest = next(command.place.over(command.place.absolute(path)), (None, ""))
        name = mount.config_map if mount is not None else ""
        settled = not name or name in around.config_maps or is_unknown(name)
        if mount is not None and mount.files is None and not settled:
            yield flag, mount, rest.rpartition("/")[2]


def _check_unused(command: Command, shown: str, named: list[str]) -> Iterator[Finding]:
    """Config files of the server's that are mounted for it, while its command line has no flag of that kind.

    What a word or a variable names wrongly is told there.
    """
    if command.partial or any(word.startswith(("$", "{{", "<")) for word in command.words):
        return
    for mount in command.place.mounts:
        for key, text in (mount.files or {}).items() if mount.config_map else ():
            flag = kind_of(text.content) if is_config(text.content) else None
            if flag is None or command.text(flag) or text.templated:
                continue
            target = f"{mount.target.rstrip('/')}/{key}".rstrip("/")
            if any(target in word for word in named):
                continue
            what = f"{key or mount.target.rpartition('/')[2]} of ConfigMap {mount.config_map}"
            flags = flags_of(flag, command.on("enable_batching"))
            yield finding("mounted-config-unused", shown, mount.line, flag=flags, what=what, target=target)


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
