"""Terraform's releases of a chart that lies here: values that are set, and that none of its templates asks for."""

from __future__ import annotations

import re
from pathlib import Path

from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.hcl import LABELS, parse
from playbook.lint.forms.text import Word
from playbook.lint.readers.block_kinds import names_server
from playbook.lint.readers.terraform_services import blocks


def read_releases(document: Document) -> Reading:
    """Findings of each helm_release whose chart is a folder beside the text and serves models."""
    reading = Reading()
    for release in blocks(parse(document.text.content, document.text.first_line), "resource"):
        if (release.get(LABELS) or [""])[0] != "helm_release":
            continue
        chart = str(release.get("chart", "")).removeprefix("${path.module}/")
        templates = _templates(chart, document)
        for name in (each.get("name") for each in blocks(release, "set") if templates):
            if isinstance(name, Word) and not _is_asked(str(name), templates):
                reading.report("chart-value-unread", document.text.path, name.line, name=name, chart=chart)
    return reading


def _templates(chart: str, document: Document) -> list[str]:
    """What a chart's templates say; nothing of a chart that is not here, takes in others, or serves no models."""
    if not re.match(r"[\w.]", chart) or document.folder is None:
        return []
    folder = Path(document.folder, chart).resolve()
    texts = {path.resolve(): text.content for path, text in document.around.sources.texts.items()}
    inside = {path: content for path, content in texts.items() if path.is_relative_to(folder)}
    about = inside.get(folder / "Chart.yaml", "dependencies:")
    if re.search(r"(?m)^dependencies:", about) or not any(map(names_server, inside.values())):
        return []
    return [content for path, content in inside.items() if "templates" in path.relative_to(folder).parts]


def _is_asked(name: str, templates: list[str]) -> bool:
    """True where a template asks for the value, for one above it (as toYaml does), or for all of them."""
    if not re.fullmatch(r"\w+(\.\w+)*", name) or name.startswith("global."):
        return True  # items of lists, dots in names
    parts = name.split(".")
    above = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    whole = "|".join(rf"\.{re.escape(each)}(?![\w.])" for each in above)
    asked = re.compile(rf"\.Values(?:(?![\w.])|{whole}|\.{re.escape(name)}\b)")
    return any(map(asked.search, templates))
