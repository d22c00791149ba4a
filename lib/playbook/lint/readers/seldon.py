"""Seldon's prepackaged TensorFlow server: what a graph's unit says of its model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.command import OFFICIAL, Mount, is_official
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.checks.resources import check_resources
from playbook.lint.checks.seldon_deployments import check_deployment, units
from playbook.lint.forms.text import is_unknown, line_of
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_MODELS = "/mnt/models"
_PORTS = {"service_port", "httpPort", "grpcPort"}  # where a unit tells its own
_LISTENS = re.compile(r"--(rest_api_)?port[= ]9\d{3}\b")  # where Seldon counts up from 9000


def read_seldon(data: Any, document: Document) -> Reading:
    """The units of a SeldonDeployment that Seldon serves by TensorFlow Serving."""
    reading = Reading()
    for predictor in (data.get("spec") or {}).get("predictors") or []:
        for unit in units(predictor.get("graph")):
            if not unit.get("implementation") and not _PORTS & {*(unit.get("endpoint") or {})}:
                reading.findings += _asked(predictor, str(unit.get("name", "")), document.text.path)
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
    if reading.counts["predictors"] or OFFICIAL in str(data):
        reading.findings += check_deployment(data, document.text.path)
    return reading


def _asked(predictor: Any, name: str, shown: str) -> Iterator[Finding]:
    """A server of one's own that tells no port: Seldon asks another, whatever the server listens at."""
    for container in _containers(predictor, name, given=False):
        told = container.get("ports") or container.get("readinessProbe") or container.get("command")
        words = " ".join(str(word) for word in container.get("args") or [])
        if is_official(str(container["image"])) and not told and not _LISTENS.search(words):
            words_ = {"probe": "readiness probe that Seldon adds", "port": 9000, "why": "the container tells no port"}
            right = "8501: write it under ports (name: http) in the container"
            yield finding("probe-wrong-port", shown, container.at("name"), **words_, right=right)


def _containers(predictor: Any, name: str, given: bool = True) -> Iterator[Table]:
    """What a predictor says of the container of a unit: whose image Seldon gives, or one with an image."""
    for part in predictor.get("componentSpecs") or []:
        spec = part.get("spec") if isinstance(part, Table) else None
        for container in (spec.get("containers") or []) if isinstance(spec, Table) else ():
            if isinstance(container, Table) and str(container.get("name")) == name and given != ("image" in container):
                yield container


def gives_arguments(data: Any, container: Any) -> bool:
    """True for the container of a unit of TENSORFLOW_SERVER that brings no arguments: Seldon writes them."""
    told = {"args", "command"} & {*container}
    predictors = (data.get("spec") or {}).get("predictors") if data.get("kind") == "SeldonDeployment" else []
    every = [unit for each in predictors or [] if isinstance(each, Table) for unit in units(each.get("graph"))]
    served = {str(unit.get("name")) for unit in every if unit.get("implementation") == "TENSORFLOW_SERVER"}
    return not told and str(container.get("name")) in served


def given_models(data: Any, container: Any) -> list[Mount]:
    """The folder of models that Seldon (`modelUri`) or KServe (STORAGE_URI, a runtime) puts into a container."""
    names = {str(each.get("name")) for each in container.get("env") or [] if isinstance(each, Table)}
    predictors = (data.get("spec") or {}).get("predictors") if data.get("kind") == "SeldonDeployment" else []
    graphs = [each.get("graph") for each in predictors or [] if isinstance(each, Table)]
    fetched = any(unit.get("modelUri") for graph in graphs for unit in units(graph))
    runtime = str(data.get("kind", "")).endswith("ServingRuntime")
    return [Mount(_MODELS)] if fetched or runtime or "STORAGE_URI" in names else []
