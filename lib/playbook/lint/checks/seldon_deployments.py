"""What Seldon's webhook refuses in a SeldonDeployment (operator/apis/.../v1/seldondeployment_webhook.go)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from playbook.lint.forms.text import is_unknown, line_of
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_PROTOCOLS = ("seldon", "tensorflow", "kfserving", "v2")
_TRANSPORTS = ("rest", "grpc")
# servers that Seldon gives, and those of them that do not speak TensorFlow's protocol
_PREPACKED = ("TENSORFLOW_SERVER", "SKLEARN_SERVER", "XGBOOST_SERVER", "MLFLOW_SERVER", "TRITON_SERVER")
_NOT_TENSORFLOWS = ("SKLEARN_SERVER", "XGBOOST_SERVER", "MLFLOW_SERVER", "HUGGINGFACE_SERVER")
_UNKNOWN = "UNKNOWN_IMPLEMENTATION"


def units(unit: Any) -> Iterator[Table]:
    """The units of a graph, its root first."""
    if isinstance(unit, Table):
        yield unit
        for child in unit.get("children") or []:
            yield from units(child)


def check_deployment(data: Any, shown: str) -> Iterator[Finding]:
    """Findings of a whole SeldonDeployment."""
    spec = data.get("spec")
    predictors = spec.get("predictors") if isinstance(spec, Table) else None
    whole = [each for each in predictors or [] if isinstance(each, Table) and isinstance(each.get("graph"), Table)]
    if not isinstance(predictors, list) or len(whole) != len(predictors) or not whole:
        return
    for name, known in (("protocol", _PROTOCOLS), ("transport", _TRANSPORTS)):
        value = str(spec.get(name) or known[0])
        if value not in known and not is_unknown(value):
            right = f"Write one of {', '.join(known)}."
            yield _refused(shown, spec.at(name), f"there is no {name} {value}", right)
    yield from _traffic(whole, shown)
    names = Counter(str(each.get("name", "")) for each in whole)
    for predictor in whole:
        if names[str(predictor.get("name", ""))] > 1:
            yield _refused(shown, predictor.at("name") or predictor.line, "two predictors have one name",
                           "Give each a name of its own.")  # fmt: skip
            break
    for predictor in whole:
        yield from _graph(predictor, str(spec.get("protocol", "")), shown)
    yield from _endpoints(whole, spec, shown)


def _traffic(predictors: list[Table], shown: str) -> Iterator[Finding]:
    taking = [each for each in predictors if each.get("shadow") is not True]
    shares = [each.get("traffic", 0) for each in taking]
    if not taking or not all(isinstance(share, int) for share in shares):
        return
    line = next((each.at("traffic") for each in taking if "traffic" in each), taking[-1].at("name") or taking[-1].line)
    if (len(taking) > 1 and sum(shares) != 100) or (len(predictors) == 1 and 0 < sum(shares) < 100):
        what = f"the predictors' traffic makes {sum(shares)}, not 100"
        yield _refused(shown, line, what, "Give each predictor its share of 100 (traffic), or mark it shadow: true.")


def _graph(predictor: Table, protocol: str, shown: str) -> Iterator[Finding]:
    specs = [part.get("spec") for part in predictor.get("componentSpecs") or [] if isinstance(part, Table)]
    containers = {str(each.get("name")) for spec in specs if isinstance(spec, Table)
                  for each in spec.get("containers") or [] if isinstance(each, Table)}  # fmt: skip
    for unit in units(predictor["graph"]):
        kind, name = str(unit.get("implementation") or _UNKNOWN), str(unit.get("name", ""))
        line = unit.at("name") or unit.line
        if is_unknown(kind + name):
            continue
        if kind == _UNKNOWN and name not in containers and "implementation" not in unit:
            yield _refused(shown, line, f"the graph's {name} has no container of that name",
                           "Name a container of componentSpecs after it, or give it an implementation.")  # fmt: skip
        elif kind in _PREPACKED and not unit.get("modelUri"):
            yield _refused(shown, unit.at("implementation"), f"{kind} has no modelUri", "Add modelUri.")
        elif kind in _NOT_TENSORFLOWS and protocol == "tensorflow":
            yield _refused(shown, unit.at("implementation"), f"{kind} does not speak TensorFlow's protocol",
                           "Drop protocol: tensorflow, or serve it by a deployment of its own.")  # fmt: skip
        yield from _parameters(unit, shown)
        logger = unit.get("logger")
        if isinstance(logger, Table) and not logger.get("mode"):
            yield _refused(shown, unit.at("logger"), "the logger has no mode", "Add mode: all, request or response.")


def _parameters(unit: Table, shown: str) -> Iterator[Finding]:
    """A parameter has a name, a type and a value, which is a text whatever its type (the API's schema)."""
    for each in (each for each in unit.get("parameters") or [] if isinstance(each, Table)):
        lacking = [name for name in ("name", "type", "value") if name not in each]
        if lacking:
            what = f"the parameter {each.get('name', '')} has no {lacking[0]}".replace("  ", " ")
            yield _refused(shown, each.line, what, "Write name, type (STRING, INT, ...) and value.")
        elif isinstance(each["value"], int | float):
            yield _refused(shown, each.at("value"), f"the value of {each['name']} is no text",
                           "Put the value into quotes.")  # fmt: skip


def _endpoints(predictors: list[Table], spec: Table, shown: str) -> Iterator[Finding]:
    """One way of talking in a whole deployment: by its units' endpoints, or by `transport`."""
    kinds = {str(endpoint["type"]): line_of(endpoint["type"]) for each in predictors for unit in units(each["graph"])
             if isinstance(endpoint := unit.get("endpoint"), Table) and endpoint.get("type")}  # fmt: skip
    transport = str(spec.get("transport") or "")
    if any(map(is_unknown, [*kinds, transport])):
        return
    if len(kinds) > 1:
        yield _refused(shown, [*kinds.values()][-1], f"the endpoints are of {len(kinds)} types ({', '.join(kinds)})",
                       "Use one type; transport says it for all.")  # fmt: skip
    elif kinds and transport and (kind := next(iter(kinds))).lower() != transport:
        yield _refused(shown, kinds[kind], f"an endpoint of type {kind} beside transport {transport}",
                       "Drop the endpoint's type.")  # fmt: skip


def _refused(shown: str, line: int | None, what: str, right: str) -> Finding:
    return finding("kubernetes-refuses", shown, line, what=what, right=right)
