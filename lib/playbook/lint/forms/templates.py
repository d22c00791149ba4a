"""Templates of Jinja, and of Go where no chart fills them in: `{{ }}` becomes a value or an unknown one; lines stay."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from playbook.lint.forms.text import UNKNOWN
from playbook.lint.forms.yaml_bounds import check_bounds

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_FIELD = re.compile(r"^[a-z_]+\s*:(?!=)")  # a text proto's, whose brackets somebody doubled: no action of a template
_VALUE = re.compile(r"^\.Values\.([\w.]+)\s*(?:\|\s*(?:quote|toString|int|squote))*$")
_RUNTIMES = re.compile(r"\.(Name|Namespace|(Labels|Annotations)\.[\w./-]+)")  # of the object that a runtime serves
_CONTROL = re.compile(
    r"^(if|else|end|range|with|define|template|block|include|toYaml|tpl|/\*|\$\w+\s*:?=|fail|required)"
)


def is_template(content: str) -> bool:
    """True for a text with actions of Go's templates or of Jinja."""
    return any(not _FIELD.match(match[1]) for match in _ACTION.finditer(content)) or (
        "{%" in content and "%}" in content
    )


def is_runtimes_alone(content: str) -> bool:
    """True where KServe fills the actions in, when it makes a pod of a runtime: nothing is left out of such a text."""
    asked = [match[1] for match in _ACTION.finditer(content)]
    return "ServingRuntime" in content and "{%" not in content and all(map(_RUNTIMES.fullmatch, asked))


def values_of(path: Path | None) -> dict[str, Any]:
    """The values.yaml of the chart a template lies in; empty where there is none."""
    for folder in list(path.parents)[:4] if path is not None else []:
        if (folder / "Chart.yaml").is_file():
            values = folder / "values.yaml"
            return _values(values, values.stat().st_mtime_ns) if values.is_file() else {}
    return {}


@lru_cache(maxsize=64)
def _values(path: Path, _: int) -> dict[str, Any]:
    """A values file as it was at a time: a chart's templates share it."""
    try:
        content = path.read_text()
        check_bounds(content)
        values = yaml.load(content, _LOADER)
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return {}
    return values if isinstance(values, dict) else {}


def fill(content: str, values: dict[str, Any]) -> str:
    """The text with every action replaced; lines that hold only a control action become blank."""
    content = re.sub(r"\{%.*?%\}", _blank, content, flags=re.DOTALL)
    lines = re.sub(r"\{\{-?\s*/\*.*?\*/\s*-?\}\}", _blank, content, flags=re.DOTALL)
    lines = _ACTION.sub(lambda match: _several(match) if "\n" in match.group() else match.group(), lines)
    return "\n".join(_line(line, values) for line in lines.split("\n"))


def _blank(match: re.Match) -> str:
    return "\n" * match.group().count("\n")


def _several(match: re.Match) -> str:
    """An action over several lines: a value inside a line keeps the indent of what goes on below it."""
    before = match.string[: match.start()].rpartition("\n")[2]
    if _FIELD.match(match[1]):
        return match.group()
    if not before.strip():
        return "{{ include }}" + _blank(match)
    last = match.group().rpartition("\n")[2]
    return UNKNOWN + _blank(match) + " " * (len(last) - len(last.lstrip()))


def _line(line: str, values: dict[str, Any]) -> str:
    if "{{" not in line:
        return line
    bare = _ACTION.sub("", line).strip()
    actions = [match[1] for match in _ACTION.finditer(line)]
    if not bare and all(_CONTROL.match(action) or "nindent" in action for action in actions):
        return ""
    if bare == "-" and len(actions) == 1 and _CONTROL.match(actions[0]):
        return ""
    return _ACTION.sub(lambda match: _value(match[1], values), line)


def _value(action: str, values: dict[str, Any]) -> str:
    if re.match(r"^(if|else|end|range|with)\b", action):
        return ""
    known = _VALUE.match(action)
    value: Any = values
    for part in known[1].split(".") if known else []:
        value = value.get(part) if isinstance(value, dict) else None
    if known and isinstance(value, (str, int, float, bool)) and value != "":
        return str(value).lower() if isinstance(value, bool) else str(value)
    return UNKNOWN


def parameters_of(documents: list[Any]) -> dict[str, str]:
    """The parameters of OpenShift Templates among the documents, with their defaults; unknown where there is none."""
    found: dict[str, str] = {}
    for each in documents:
        if isinstance(each, dict) and str(each.get("kind", "")) == "Template":
            for parameter in each.get("parameters") or []:
                if isinstance(parameter, dict):
                    value = parameter.get("value")
                    found[str(parameter.get("name", ""))] = UNKNOWN if value in (None, "") else str(value)
    return found


def fill_parameters(content: str, values: dict[str, str]) -> str:
    """The text with `${NAME}` and `${{NAME}}` filled from a Template's parameters."""
    return re.sub(r"\$\{\{?(\w+)\}\}?", lambda match: values.get(match[1], match.group()), content)


def gaps_filled(content: str) -> str:
    """A text whose bare `${name}` values another tool fills in (Terraform's templatefile), with unknown ones there."""
    content = re.sub(r"`([^`\n]*)`", r"\1", content)  # as documents mark what their readers replace
    return re.sub(r"([:\[,]\s*)\$\{[^}\n]*\}(?=\s*[,}\]\n])", rf'\1"{UNKNOWN}"', content)
