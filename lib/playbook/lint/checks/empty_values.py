"""Flags of a container's script with a variable in their value that neither the image nor who runs it sets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from playbook.lint.checks.client_programs import PROGRAMS
from playbook.lint.checks.command import is_official
from playbook.lint.checks.start import Start
from playbook.lint.forms.text import Text, line_of
from playbook.lint.rules.findings import Finding, finding
from playbook.tfserving.flags import FLAGS

RULES = ("flag-variable-refused", "flag-variable-unset")
_OF_BUILD = "argument-of-build"
_NAMED = re.compile(r"the variable (\w+),")
_ARGUMENT = re.compile(r"(\w+) is an ARG")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_ONE_MODELS = ("model_name", "model_base_path")
_PATHS = ("model_base_path", *(flag for flag in FLAGS if flag.endswith("_file")))
_SET_BY_OTHERS = re.compile(r"(?m)(?:^|[;&|]\s*)\s*(?:source|\.|eval|getopts|set -a|\w+=\$\(envsubst)\s")
_SHELLS = {"HOME", "HOSTNAME", "PWD", "OLDPWD", "PATH", "RANDOM", "SECONDS", "SHELL", "SHLVL", "UID", "PPID", "USER"}
_BASES = re.compile(r"(?:CUDA|CUDNN|NV|NVIDIA|NCCL|LD|LIBRARY|PYTHON)_?\w*")  # what images set on their own
_BARE = re.compile(r"(?:docker\.io/)?(?:library/)?(?:ubuntu|debian)(?::[\w.-]+)?")  # images that set PATH alone
_KUBERNETES = re.compile(r"\w+_(?:SERVICE_HOST|SERVICE_PORT\w*|PORT(?:_\w+)?)")  # it tells each container of Services


def check_empty(start: Start, text: Text, words: Sequence[str], values: Mapping[str, str]) -> Iterator[Finding]:
    """Findings of one server line; nothing where a part of what sets the variables is not shown."""
    alone = start.place.built and not start.place.dockerfile  # what is set where it is run is not here
    shown = (start.place.dockerfile or alone or start.kubernetes or start.for_shell) and not (
        start.open_environment or start.managed or start.filled
    )
    known = is_official(start.image) or (start.own_image and not alone and bool(_BARE.fullmatch(start.image)))
    if not shown or not known or text.templated:
        return
    listed = any(word.startswith("--model_config_file=") for word in words)
    for word in words if not alone else [word for word in words if "_file=" in word]:
        flag, _, value = word.removeprefix("--").partition("=")
        unset = [name for name in _names(value) if not (name in values or _may_be_set(name, text, start))]
        if not (start.place.dockerfile or alone or start.kubernetes):  # compose fills in all others
            unset = [name for name in unset if name in start.for_shell]
        if flag not in FLAGS or not unset or (listed and flag in _ONE_MODELS):
            continue
        rule, effect = _effect(flag, _without(value, unset))
        yield finding(rule, start.path, line_of(word) or start.line, flag=f"--{flag}", name=unset[0], effect=effect)


def _names(value: str) -> list[str]:
    """The variables of a value that holds nothing else of a shell's."""
    rest = _VARIABLE.sub("", value)
    return [] if re.search(r"[$`]", rest) else [one or other for one, other in _VARIABLE.findall(value)]


def _without(value: str, names: Sequence[str]) -> str:
    return _VARIABLE.sub(lambda match: "" if (match[1] or match[2]) in names else match[0], value)


def _effect(flag: str, left: str) -> tuple[str, str]:
    """The rule of a flag whose variable is empty, and what becomes of it; `left` is what remains of its value."""
    refused, unset = RULES
    if FLAGS[flag] != "text":
        return (unset, f"{left} is its value") if left.isdigit() else (refused, "the server exits with code 255")
    if left.strip("/"):
        named = flag in _PATHS
        return (refused, f"the server looks for {left}") if named else (unset, f"{left} is its value")
    if flag == "model_base_path":
        return refused, f"the server looks for {left}" if left else "the server exits with code 255"
    return unset, "it is as if the flag were absent"


def without_set(findings: Iterable[Finding], texts: Iterable[Text]) -> list[Finding]:
    """Findings without those of variables that a text beside the script sets: another start of the same image may."""
    held, kept = [text for text in texts if text.suffix not in (*PROGRAMS, ".ipynb")], []
    for hit in findings:
        told = _NAMED.search(hit.message) if hit.rule in RULES else None
        argument = _ARGUMENT.match(hit.message) if hit.rule == _OF_BUILD else None
        if argument and any(_at_run(argument[1], text) for text in held if text.path != hit.path):
            continue
        name = told[1] if told else ""
        # handed on by its name alone: with the value that it has outside
        handed = rf"(?m:^\s*-\s+[\"']?{name}[\"']?\s*(?:#.*)?$)|(?:^|\s)(?:-e|--env)[= ]\s*[\"']?{name}\b"
        given = re.compile(rf"\b{name}\b[\"']?\s*[:=]|\bname[\"']?\s*[:=]\s*[\"']?{name}\b|{handed}")
        if not name or not any(given.search(text.content) for text in held if text.path != hit.path):
            kept.append(hit)
    return kept


def _at_run(name: str, text: Text) -> bool:
    """True where a text gives a variable to what it starts, and not only to the build."""
    if re.search(rf"(?:^|\s)(?:-e|--env)[= ]\s*[\"']?{name}\b", text.content):
        return True
    lines = text.content.split("\n") if text.suffix in (".yml", ".yaml") else []
    for place, line in enumerate(lines):
        if re.match(rf"\s*(?:-\s+)?(?:name:\s*)?[\"']?{name}\b[\"']?\s*(?:[:=]|$)", line):
            indent = len(line) - len(line.lstrip())
            above = (each for each in reversed(lines[:place]) if each.strip())
            key = next((each.strip() for each in above if re.match(r"\s*\w+:\s*$", each)
                        and len(each) - len(each.lstrip()) <= indent), "")  # fmt: skip
            if key in ("environment:", "env:"):
                return True
    return False


def _may_be_set(name: str, text: Text, start: Start) -> bool:
    """True for a variable that the script sets or asks about, or that comes with the base or the platform."""
    asked = rf"(?:\[|\btest\b|\bcase\b)[^\n]*\$\{{?{name}\b|\$\{{{name}:?[-=?+]"
    given = rf"\b{name}\+?=|\b(?:for|read)\b[^\n]*\b{name}\b"
    if re.search(f"{asked}|{given}", text.content) or _SET_BY_OTHERS.search(text.content):
        return True
    if name in _SHELLS or name.isdigit() or name in start.build_arguments or _BASES.fullmatch(name):
        return True
    return start.kubernetes and bool(_KUBERNETES.fullmatch(name))
