"""The charts among the files: what their templates make of their values, or the values alone where that fails."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from playbook.lint.checks.chart_refusals import check_chart
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.reading import Document, Reading, Surroundings
from playbook.lint.forms.helm import Chart, charts, render
from playbook.lint.forms.text import UNKNOWN, Text
from playbook.lint.forms.yaml_lines import load_documents
from playbook.lint.readers.block_kinds import names_server
from playbook.lint.readers.loose import read_values

_MOST_VALUES = 6


@dataclass
class Charts:
    """Texts in the place of templates, values files, and files of charts that need not be read, with the reason."""

    rendered: dict[Path, Text] = field(default_factory=dict)
    values: dict[Path, bool] = field(default_factory=dict)  # whether the templates that show them are rendered
    passed: dict[Path, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # a chart's folder as shown, why Helm made nothing of it
    again: list[list[Text]] = field(default_factory=list)  # the templates once more, for each second file of values


def read_charts(texts: dict[Path, Text], around: Surroundings) -> Charts:
    """Render the charts that concern a server; `around` learns where each rendered line comes from."""
    result = Charts()
    for folder in charts(texts):
        files = {path: text for path, text in texts.items() if path.is_relative_to(folder)}
        if not any(_concerns(text.content) for text in files.values()):
            continue
        chart = render(folder, texts)
        for path in files:
            if path.parent == folder and path.name in ("values.yaml", "values.yml"):
                result.values[path] = bool(chart.rendered)
        others = {path: render(folder, texts, path) for path in _second_values(folder, files)}
        for path, other in others.items():
            result.values[path] = _render_again(other, texts, path, result, around)
        around.as_written += check_chart(chart, [*others.values()], texts)
        if chart.problem:
            result.problems[texts[folder / "Chart.yaml"].path] = chart.problem
        if not chart.rendered:
            continue
        around.sources.asked.add(texts[folder / "Chart.yaml"].path)
        for each in chart.rendered:
            text = texts[each.template]
            result.rendered[each.template] = replace(text, content=each.content, templated=UNKNOWN in each.content)
            around.rendered[each.template] = each.content
            around.origins[text.path] = [(texts[path].path, line) for path, line in each.origins]
        for path in files:
            if "templates" in path.relative_to(folder).parts and path not in result.rendered:
                part = path.suffix == ".tpl" or path.name == "NOTES.txt"
                result.passed[path] = "a part of a chart's templates" if part else "left out with the chart's values"
    return result


def _second_values(folder: Path, files: dict[Path, Text]) -> list[Path]:
    """Files of values beside the chart's own, at most as many as are worth the time."""
    places = (folder, *(folder / name for name in ("ci", "values", "env", "envs", "environments")))
    found = [path for path in files if path.parent in places and path.suffix in (".yaml", ".yml")
             and path.name not in ("values.yaml", "values.yml")
             and (path.parent != folder or path.name.startswith("values"))]  # fmt: skip
    return sorted(found)[:_MOST_VALUES]


def _render_again(
    chart: Chart, texts: dict[Path, Text], values: Path, result: Charts, around: Surroundings
) -> bool:  # fmt: skip
    """Keep what a chart makes of a second file of values; False where nothing comes of it."""
    made: list[Text] = []
    for each in chart.rendered:
        text, shown = texts[each.template], f"{texts[each.template].path} ({texts[values].path})"
        made.append(replace(text, content=each.content, path=shown, templated=UNKNOWN in each.content))
        around.origins[shown] = [(texts[path].path, line) for path, line in each.origins]
    result.again += [made] if made else []
    return bool(made)


def _concerns(content: str) -> bool:
    """True for a text that names the server, its binary, a config of its kinds, or its flags."""
    flags = ("--model_base_path", "--model_config_file", "--rest_api_port", "--model_name")
    managed = "TENSORFLOW_SERVER" in content or ("InferenceService" in content and "tensorflow" in content)
    return bool(names_server(content) or kind_of(content)) or managed or any(flag in content for flag in flags)


def read_values_file(document: Document, rendered: bool) -> Reading:
    """A chart's values: of its rendered templates they are a part; else what they hold is read by itself."""
    reading = Reading()
    if not rendered:
        for each in load_documents(document.text.content)[0]:
            reading.add(read_values(each, document))
    reading.counts["charts"] += 1
    return reading
