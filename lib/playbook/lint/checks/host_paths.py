"""Flags of a container's server that name the folder in which the host's shell stands: nothing of it is inside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from playbook.lint.checks.command import Mount
from playbook.lint.checks.schema import KINDS
from playbook.lint.forms.text import Word
from playbook.lint.rules.findings import Finding, finding

_FILLED = re.compile(r"(?:\$PWD|\$\{PWD\}|\$\{PWD:.\}|%cd%)(?=[/\\]|$)")  # the shell writes the host's folder there
_KEPT = re.compile(r"\$\(pwd\)(?=/|$)")  # in single quotes: the server is given it as it stands
_BASE = "model_base_path"
_HOSTS = "$PWD is the host's folder"


def of_the_host(hit: Finding) -> bool:
    """True for a finding of these: nothing that a text leaves out can make the path right."""
    return hit.remedy.startswith(_HOSTS)


def check_host_paths(args: Sequence[Word], mounts: Sequence[Mount], shown: str) -> Iterator[Finding]:
    """Findings of the flags of a `docker run` line whose paths begin with `$PWD`, unless that is mounted as itself."""
    if any(_FILLED.match(mount.target) for mount in mounts):
        return
    inside = ", ".join(mount.target for mount in mounts)
    remedy = f"{_HOSTS}: name the path inside{f' (mounted are {inside})' if inside else ''}."
    for word in args:
        flag, _, path = word.removeprefix("--").partition("=")
        filled, kept = _FILLED.match(path), _KEPT.match(path)
        if flag == _BASE and kept:
            example = f", such as {mounts[0].target}" if mounts else ""
            yield finding("relative-base-path", shown, word.line, path=path, example=example)
        elif flag == _BASE and filled:
            yield finding("base-path-missing", shown, word.line, path=path, where="in the container", remedy=remedy)
        elif flag in KINDS and (filled or kept):
            yield finding("config-file-missing", shown, word.line, flag=f"--{flag}", path=path, effect=KINDS[flag][1],
                          where="in the container", remedy=remedy)  # fmt: skip
