"""The charts among the files: what their templates make of their values, or the values alone where that fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from playbook.lint.checks.command import BINARY
from playbook.lint.checks.launch import Start, is_server, launch
from playbook.lint.checks.reading import Document, Reading, Surroundings
from playbook.lint.checks.schema import kind_of
from playbook.lint.forms.helm import charts, render
from playbook.lint.forms.text import UNKNOWN, Text, Word, line_of
from playbook.lint.forms.yaml_lines import load_documents
from playbook.lint.readers.documents import names_server
from playbook.lint.rules.findings import Finding


@dataclass
class Charts:
    """Texts in the place of templates, values files, and files of charts that need not be read, with the reason."""

    rendered: dict[Path, Text] = field(default_factory=dict)
    values: dict[Path, bool] = field(default_factory=dict)  # whether the templates that show them are rendered
    passed: dict[Path, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # a chart's folder as shown, why Helm made nothing of it


def read_charts(texts: dict[Path, Text], around: Surroundings) -> Charts:
    """Render the charts that concern a server; `around` learns where each rendered line comes from."""
    result = Charts()
    for folder in charts(texts):
        files = {path: text for path, text in texts.items() if path.is_relative_to(folder)}
        if not any(_concerns(text.content) for text in files.values()):
            continue
        chart = render(folder, texts)
        for path in files:
            if path.parent == folder and path.name.startswith("values") and path.suffix in (".yaml", ".yml"):
                result.values[path] = bool(chart.rendered) and path.name == "values.yaml"  # others are not shown
        if chart.problem:
            result.problems[texts[folder / "Chart.yaml"].path] = chart.problem
        if not chart.rendered:
            continue
        for each in chart.rendered:
            text = texts[each.template]
            result.rendered[each.template] = replace(text, content=each.content, templated=UNKNOWN in each.content)
            around.origins[text.path] = [(texts[path].path, line) for path, line in each.origins]
        for path in files:
            if "templates" in path.relative_to(folder).parts and path not in result.rendered:
                part = path.suffix == ".tpl" or path.name == "NOTES.txt"
                result.passed[path] = "a part of a chart's templates" if part else "left out with the chart's values"
    return result


def _concerns(content: str) -> bool:
    """True for a text that names the server, its binary, a config of its kinds, or its flags."""
    flags = ("--model_base_path", "--model_config_file", "--rest_api_port", "--model_name")
    return bool(names_server(content) or kind_of(content)) or any(flag in content for flag in flags)


def read_values(document: Document, rendered: bool) -> Reading:
    """A chart's values: of its rendered templates they are a part; else lists of flags are read by themselves."""
    reading = Reading()
    reading.counts["charts"] += 1
    if not rendered:
        for words in _lists(load_documents(document.text.content)[0]):
            if is_server("", words):
                entry = [Word(BINARY)]
                reading.add(launch(Start(document.text.path, words[0].line, "", entry, words, partial=True)))
    return reading


def _lists(node: Any) -> Iterator[list[Word]]:
    if isinstance(node, list) and node and all(isinstance(item, str) for item in node):
        yield [Word(item, line_of(item)) for item in node]
        return
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _lists(value)


def led_back(findings: list[Finding], around: Surroundings) -> list[Finding]:
    """The findings of rendered texts at the places where their lines were written."""
    result = []
    for hit in findings:
        origins = around.origins.get(hit.path)
        if origins and hit.line is not None:
            path, line = origins[min(hit.line, len(origins)) - 1]
            hit = replace(hit, path=path, line=line)
        result.append(hit)
    return result
