"""Argo's workflows: the parameters of a workflow and of its templates, where every caller gives one value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from playbook.lint.forms.text import UNKNOWN, Text, Word
from playbook.lint.forms.walking import held_by
from playbook.lint.forms.yaml_lines import Items, Table, load_documents

_KINDS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow")
_NAMED = re.compile(r"\{\{\s*((?:workflow|inputs)\.parameters\.[\w-]+)\s*\}\}")
_OTHER = re.compile(r"\{\{.*?\}\}")
_HELMS = re.compile(r"\{\{-?\s*(?:[.$-]|\w+\s+[^\s}])")


def workflows(text: Text) -> list[Any]:
    """The objects of a text of Argo's workflows with their parameters filled in; none for any other, or a chart's."""
    if "argoproj.io/" not in text.content or "{{" not in text.content or _HELMS.search(text.content):
        return []
    data, problems = load_documents(text.content, text.first_line)
    whole = not problems and any(isinstance(each, Table) and each.get("kind") in _KINDS for each in data)
    return [with_parameters(each) if isinstance(each, Table) else each for each in data] if whole else []


def with_parameters(data: Any) -> Any:
    """A workflow with its parameters filled in as far as they are known; any other object as it is."""
    spec = data.get("spec") if data.get("kind") in _KINDS else None
    spec = spec.get("workflowSpec", spec) if isinstance(spec, Table) else None
    templates = spec.get("templates") if isinstance(spec, Table) else None
    if not isinstance(spec, Table) or not isinstance(templates, list):
        return data
    given = {f"workflow.parameters.{name}": value for name, value in _parameters(spec.get("arguments"))}
    known = {str(each.get("name")): {**given, **_inputs(each, templates, given, str(spec.get("entrypoint", "")))}
             for each in templates if isinstance(each, Table)}  # fmt: skip
    filled = {id(each): _filled(each, known[str(each.get("name"))]) for each in templates if isinstance(each, Table)}
    return _replaced(data, filled)


def _parameters(holder: Any) -> Iterator[tuple[str, str]]:
    """The parameters of `arguments` or `inputs` that have a value, or a default."""
    listed = holder.get("parameters") if isinstance(holder, Table) else None
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, Table) and ("value" in each or "default" in each):
            yield str(each.get("name")), str(each.get("value", each.get("default")))


def _inputs(template: Table, templates: list[Any], given: Mapping[str, str], entrypoint: str) -> dict[str, str]:
    """What a template's inputs are, by those that call it and by its defaults, where that is one value."""
    own = dict(_parameters(template.get("inputs")))
    name = str(template.get("name"))
    callers = [dict(_parameters(each.get("arguments"))) for each in _calls(templates) if each.get("template") == name]
    if name == entrypoint or not callers:
        callers.append({key.rpartition(".")[2]: value for key, value in given.items()} if name == entrypoint else {})
    known = {}
    for parameter in {*own, *(key for each in callers for key in each)}:
        values = {_text(each.get(parameter, own.get(parameter, "{{}}")), given) for each in callers}
        if len(values) == 1 and "{{" not in (value := values.pop()):
            known[f"inputs.parameters.{parameter}"] = value
    return known


def _calls(node: Any) -> Iterator[Table]:
    """The steps and tasks that call a template."""
    if isinstance(node, Table) and isinstance(node.get("template"), str):
        yield node
    for value in held_by(node):
        yield from _calls(value)


def _text(text: str, known: Mapping[str, str]) -> str:
    return _NAMED.sub(lambda found: known.get(found[1], found[0]), text)


def _filled(node: Any, known: Mapping[str, str]) -> Any:
    """A copy with each known parameter in its place; what a line says keeps its line."""
    if isinstance(node, Word):
        return node if (text := _text(node, known)) == node else node.with_text(text)
    if isinstance(node, list):
        return _alike(Items(_filled(each, known) for each in node), node)
    if isinstance(node, Table):
        return _alike(Table({key: _filled(value, known) for key, value in node.items()}), node)
    return node


def _replaced(node: Any, filled: Mapping[int, Any]) -> Any:
    """A copy of an object with its templates as they are filled in."""
    if id(node) in filled:
        return _replaced(filled[id(node)], {})
    if isinstance(node, Word):
        return node.with_text(_OTHER.sub(UNKNOWN, node)) if "{{" in node else node
    if isinstance(node, list):
        return _alike(Items(_replaced(each, filled) for each in node), node)
    if isinstance(node, Table):
        return _alike(Table({key: _replaced(value, filled) for key, value in node.items()}), node)
    return node


def _alike(copy: Any, node: Any) -> Any:
    vars(copy).update(getattr(node, "__dict__", {}))
    return copy
