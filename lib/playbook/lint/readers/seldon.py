"""Seldon's prepackaged TensorFlow server: what a graph's unit says of its model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.command import Mount
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.checks.resources import check_resources
from playbook.lint.forms.text import is_unknown, line_of
from playbook.lint.forms.yaml_lines import Table

_MODELS = "/mnt/models"


def read_seldon(data: Any, document: Document) -> Reading:
    """The units of a SeldonDeployment that Seldon serves by TensorFlow Serving."""
    reading = Reading()
    for predictor in (data.get("spec") or {}).get("predictors") or []:
        for unit in _units(predictor.get("graph")):
            if str(unit.get("implementation", "")) != "TENSORFLOW_SERVER":
                continue
            reading.counts["predictors"] += 1
            uri = str(unit.get("modelUri", ""))
            if re.search(r"/\d+/?$", uri) and not is_unknown(uri):
                parent = uri.rstrip("/").rpartition("/")[0]
                line = line_of(unit.get("modelUri")) or unit.line
                reading.report("base-path-version", document.text.path, line, path=uri, parent=parent)
            for container in _containers(predictor, str(unit.get("name", ""))):
                reading.findings += check_resources(container, "", document.text.path)
    return reading


def _containers(predictor: Any, name: str) -> Iterator[Table]:
    """What a predictor adds to the container of a unit, whose image Seldon gives."""
    for part in predictor.get("componentSpecs") or []:
        spec = part.get("spec") if isinstance(part, Table) else None
        for container in (spec.get("containers") or []) if isinstance(spec, Table) else ():
            if isinstance(container, Table) and str(container.get("name")) == name and "image" not in container:
                yield container


def given_models(data: Any, container: Any) -> list[Mount]:
    """The folder of models that Seldon (`modelUri`) or KServe (STORAGE_URI) puts into a container."""
    names = {str(each.get("name")) for each in container.get("env") or [] if isinstance(each, Table)}
    predictors = (data.get("spec") or {}).get("predictors") if data.get("kind") == "SeldonDeployment" else []
    graphs = [each.get("graph") for each in predictors or [] if isinstance(each, Table)]
    fetched = any(unit.get("modelUri") for graph in graphs for unit in _units(graph))
    return [Mount(_MODELS)] if fetched or "STORAGE_URI" in names else []


def _units(unit: Any) -> Iterator[Table]:
    if isinstance(unit, Table):
        yield unit
        for child in unit.get("children") or []:
            yield from _units(child)
