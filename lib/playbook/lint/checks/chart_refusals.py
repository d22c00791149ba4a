"""Where Helm stops at a chart: helpers that no file defines, names below values that the chart has not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from playbook.lint.forms.helm import Chart
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_FLAG_WITH_ACTION = re.compile(r"\s*- [\"']?--\w+=[^#]*?(?P<action>\{\{-?\s*[.$](Values|Release|Chart)\b[^}]*\}\})")
_DEPENDS = re.compile(r"(?m)^dependencies:")


def check_chart(chart: Chart, others: list[Chart], texts: Mapping[Path, Text]) -> Iterator[Finding]:
    """Findings of a chart with its own values; `others`: the same with each other file of values."""
    about = [texts[path].content for name in ("Chart.yaml", "requirements.yaml")
             if (path := chart.folder / name) in texts]  # fmt: skip
    helped = any("define " in text.content for path, text in texts.items() if path.is_relative_to(chart.folder))
    if helped and not any(map(_DEPENDS.search, about)):  # a chart that it takes in may define them
        for name in dict.fromkeys(chart.undefined):
            form = re.compile(rf"(?:include|template)\s+[\"`]{re.escape(name)}[\"`]")
            for shown, line in _first(form, chart.folder, texts):
                right = f'Write {{{{- define "{name}" -}}}} in a file of templates, or take one that is there.'
                yield finding("chart-refused", shown, line, what=f"no file of the chart defines {name}", right=right)
    yield from _unfilled(chart, texts)
    for word in dict.fromkeys(chart.stops):
        if word.count(".") == 2:
            yield from _astray(word, chart.folder, texts)
            continue
        if all(word in other.stops for other in others) and not _is_told(word, chart.folder, texts):
            above, _, name = word.rpartition(".")
            form = re.compile(rf"\{{\{{[^}}]*{re.escape(word)}\b")
            for shown, line in _first(form, chart.folder, texts):
                yield finding("chart-value-missing", shown, line, word=word, above=above.removeprefix(".Values."),
                              name=name)  # fmt: skip


def _unfilled(chart: Chart, texts: Mapping[Path, Text]) -> Iterator[Finding]:
    """Flags out of values that hold actions of a template, which reach the server as they stand."""
    for each in chart.rendered:
        for line, origin in zip(each.content.split("\n"), each.origins, strict=False):
            if action := _FLAG_WITH_ACTION.match(line):
                yield finding("literal-variable", texts[origin[0]].path, origin[1], word=action["action"],
                              why="Helm fills in templates, not what stands in values",
                              remedy="Print it by tpl: {{ tpl (toYaml .Values.args) . }}.")  # fmt: skip


def _astray(word: str, folder: Path, texts: Mapping[Path, Text]) -> Iterator[Finding]:
    """The first place inside a block with a dot of its own that asks the dot for a value of the chart."""
    for path, text in sorted(texts.items()):
        if not (path.is_relative_to(folder) and "templates" in path.relative_to(folder).parts):
            continue
        blocks: list[str] = []
        for action in re.finditer(r"\{\{-?\s*(?P<word>\w*)[^}]*\}\}", text.content):
            if action["word"] == "end":
                del blocks[-1:]
            elif {"range", "with", "define"} & {*blocks} and re.search(rf"(?<![\w$]){word}\b", action.group()):
                line = text.content.count("\n", 0, action.start()) + 1
                yield finding("chart-refused", text.path, line, what=f"{word} is asked of what the block is about",
                              right=f"Write ${word}, which asks the chart.")  # fmt: skip
                return
            if action["word"] in ("if", "range", "with", "define", "block"):
                blocks.append(action["word"])


def _first(form: re.Pattern, folder: Path, texts: Mapping[Path, Text]) -> Iterator[tuple[str, int]]:
    """The first place in a chart's templates, as a text is shown, that has the form."""
    for path, text in sorted(texts.items()):
        if path.is_relative_to(folder) and "templates" in path.relative_to(folder).parts:
            met = form.search(text.content)
            if met is not None:
                yield text.path, text.content.count("\n", 0, met.start()) + 1
                return


def _is_told(word: str, folder: Path, texts: Mapping[Path, Text]) -> bool:
    """True where another text may give the value: `--set a.b=...`, a release's values, a chart around this one."""
    values, top = word.removeprefix(".Values."), word.split(".")[2]
    if top == "global" or not (folder / "values.yaml" in texts and texts[folder / "values.yaml"].content.strip()):
        return True
    own = (folder / "templates", folder / "charts")
    beside = (text.content for path, text in texts.items() if not any(path.is_relative_to(each) for each in own))
    return any(values in content or re.search(rf"(?m)^[\s#-]*{re.escape(top)}:", content) for content in beside)
