"""Flags of an image's own script whose whole value is a variable that neither the image nor who runs it sets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from playbook.lint.checks.command import is_official
from playbook.lint.checks.start import Start
from playbook.lint.forms.text import Text, line_of
from playbook.lint.rules.findings import Finding, finding
from playbook.tfserving.flags import FLAGS

RULES = ("flag-variable-refused", "flag-variable-unset")
_NAMED = re.compile(r"the variable (\w+),")
_PROGRAMS = (".py", ".ipynb", ".js", ".ts", ".go", ".java")
_VALUE = re.compile(r"--(\w+)=\$(?:\{(\w+)\}|(\w+))")
_SET_BY_OTHERS = re.compile(r"(?m)(?:^|[;&|]\s*)\s*(?:source|\.|eval|getopts|set -a|\w+=\$\(envsubst)\s")
_SHELLS = {"HOME", "HOSTNAME", "PWD", "OLDPWD", "PATH", "RANDOM", "SECONDS", "SHELL", "SHLVL", "UID", "PPID", "USER"}
_BASES = re.compile(r"(?:CUDA|CUDNN|NV|NVIDIA|NCCL|LD|LIBRARY|PYTHON)_?\w*")  # what images set on their own
_KUBERNETES = re.compile(r"\w+_(?:SERVICE_HOST|SERVICE_PORT\w*|PORT(?:_\w+)?)")  # it tells each container of Services


def check_empty(start: Start, text: Text, words: Sequence[str], values: Mapping[str, str]) -> Iterator[Finding]:
    """Findings of one server line; nothing where a part of what sets the variables is not shown."""
    alone = start.place.built and not start.place.dockerfile  # what is set where it is run is not here
    shown = (start.place.dockerfile or alone) and not (start.open_environment or start.managed or start.filled)
    if not shown or not is_official(start.image) or text.templated:
        return
    for word in words if not alone else [word for word in words if "_file=" in word]:
        match = _VALUE.fullmatch(word)
        name = (match[2] or match[3]) if match else ""
        if match is None or match[1] not in FLAGS or name in values or _may_be_set(name, text, start):
            continue
        text_flag = FLAGS[match[1]] == "text"
        rule = RULES[text_flag]
        yield finding(rule, start.path, line_of(word) or start.line, flag=f"--{match[1]}", name=name)


def without_set(findings: Iterable[Finding], texts: Iterable[Text]) -> list[Finding]:
    """Findings without those of variables that a text beside the script sets: another start of the same image may."""
    held, kept = [text for text in texts if text.suffix not in _PROGRAMS], []
    for hit in findings:
        told = _NAMED.search(hit.message) if hit.rule in RULES else None
        name = told[1] if told else ""
        given = re.compile(rf"\b{name}\b[\"']?\s*[:=]|\bname[\"']?\s*[:=]\s*[\"']?{name}\b")
        if not name or not any(given.search(text.content) for text in held if text.path != hit.path):
            kept.append(hit)
    return kept


def _may_be_set(name: str, text: Text, start: Start) -> bool:
    """True for a variable that the script sets or asks about, or that comes with the base or the platform."""
    asked = rf"(?:\[|\btest\b|\bcase\b)[^\n]*\$\{{?{name}\b|\$\{{{name}:?[-=?+]"
    given = rf"\b{name}\+?=|\b(?:for|read)\b[^\n]*\b{name}\b"
    if re.search(f"{asked}|{given}", text.content) or _SET_BY_OTHERS.search(text.content):
        return True
    if name in _SHELLS or name.isdigit() or name in start.build_arguments or _BASES.fullmatch(name):
        return True
    return start.kubernetes and bool(_KUBERNETES.fullmatch(name))
