"""What Kubernetes refuses in an object, whatever it serves: names, values that must be strings, ports, quantities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.forms.text import is_unknown, line_of
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+)?")
_FILLED_IN = re.compile(r"[A-Z]{3}|[\[\](){}…*]")  # MODEL_NAME, [name]: somebody is to write something there
_NODE_PORTS = range(30000, 32768)
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_TABLES = ("resources", "securityContext", "lifecycle", *_PROBES)
_LISTS = ("env", "envFrom", "ports", "volumeMounts")
_KNATIVE_NAMES = ("", "http1", "h2c", "user-port")


def check_object(data: Any, shown: str, typed: bool = True) -> Iterator[Finding]:
    """A workload's own name, labels and annotations, and those of its pods.

    `typed`: the text says what is a string; other languages turn numbers into strings themselves.
    """
    metadata, spec = data.get("metadata"), data.get("spec")
    if typed and "apiVersion" not in data and isinstance(metadata, Table) and isinstance(spec, Table):
        yield _refused(
            shown, data.at("kind"), f"the {data['kind']} has no apiVersion", "Write it on a line of its own."
        )
    template = spec.get("template") if isinstance(spec, Table) else None
    if isinstance(metadata, Table) and (typed or data.get("apiVersion") == "v1"):  # a resource of Terraform's
        yield from _named(metadata, "name", "name", _NAME, "lower-case letters, digits, dots and dashes", shown)
    if not typed:
        return
    yield from _restarted(data, shown)
    holders = [metadata, template.get("metadata") if isinstance(template, Table) else None]
    for holder in holders:
        for name in ("labels", "annotations"):
            table = holder.get(name) if isinstance(holder, Table) else None
            yield from _strings(table, f"{name[:-1]} {{}}", shown)
    if isinstance(spec, Table) and str(spec.get("replicas", "")).isdigit() and isinstance(spec["replicas"], str):
        yield _refused(shown, spec.at("replicas"), f'replicas is the string "{spec["replicas"]}"', "Write it bare.")


def _restarted(data: Any, shown: str) -> Iterator[Finding]:
    """A Job whose pods are always started again, as they are where it says nothing."""
    job: Any = (data.get("spec") or {}).get("jobTemplate") if data.get("kind") == "CronJob" else data
    template: Any = (job.get("spec") or {}).get("template") if isinstance(job, Table) else None
    spec: Any = template.get("spec") if isinstance(template, Table) else None
    if data.get("kind") not in ("Job", "CronJob") or not isinstance(spec, Table):
        return
    policy = str(spec.get("restartPolicy", "Always"))
    if policy == "Always":
        line = spec.at("restartPolicy") if "restartPolicy" in spec else template.at("spec")
        what = (
            f"restartPolicy is Always{'' if 'restartPolicy' in spec else ' where none is written'}, in a {data['kind']}"
        )
        yield _refused(shown, line, what, "Write restartPolicy: Never, or OnFailure.")


def check_container(container: Any, data: Any, shown: str) -> Iterator[Finding]:
    """A container's name, variables, arguments, ports, probes, mounts and quantities."""
    workload = str(data.get("apiVersion", "")).startswith(("apps/", "batch/")) or data.get("kind") == "Pod"
    if workload and "image" in container and not container.get("name"):
        yield _refused(shown, container.line, "the container has no name", "Add a name.")
    if data.get("kind") != "InferenceService":  # KServe gives its container a name of its own
        yield from _named(container, "name", "container's name", _NAME, "lower-case letters, digits and dashes", shown)
    for variable in container.get("env") or []:
        if isinstance(variable, Table) and _is_bare(variable.get("value")):
            yield _bare(shown, variable.at("value"), f"value of {variable.get('name')}", variable["value"])
    for name in ("command", "args"):
        words = container.get(name)
        for word in words if isinstance(words, list) else ():
            if _is_bare(word) or isinstance(word, dict):
                line = line_of(word) or line_of(words) or container.at(name)
                yield _refused(shown, line, f"an item of {name} is no string ({_shown(word)})", "Quote it.")
    yield from _ports(container, data, shown)
    yield from _quantities(container, shown)


def take_misshapen(container: Any, shown: str) -> Iterator[Finding]:
    """A word where a mapping or a list belongs, which is taken out of the container: the rest can be read."""
    for name in (*_TABLES, *_LISTS):
        value = container.get(name)
        if isinstance(value, str):
            if value and not is_unknown(value):
                kind = "a list" if name in _LISTS else "a mapping"
                printed = value.startswith(("map[", "["))
                right = "In a chart print it by toYaml and nindent." if printed else f"Write {kind}."
                what = f"{name} is the word {value[:40]} where {kind} belongs"
                yield _refused(shown, container.at(name), what, right)
            del container[name]


def check_user(container: Any, spec: Any, shown: str) -> Iterator[Finding]:
    """A container of the official image, which runs as root, that may not."""
    inner, outer = (each.get("securityContext") or Table() for each in (container, spec))
    asked = inner.get("runAsNonRoot", outer.get("runAsNonRoot"))
    user = inner.get("runAsUser", outer.get("runAsUser"))
    if asked is True and user in (None, 0):
        holder = inner if "runAsNonRoot" in inner else outer
        yield finding("user-is-root", shown, holder.at("runAsNonRoot"))


def check_service(service: Any, shown: str) -> Iterator[Finding]:
    """A Service's ports: their names, numbers that are strings, node ports; and its name."""
    spec = service.get("spec")
    ports = [each for each in (spec.get("ports") or [] if isinstance(spec, Table) else []) if isinstance(each, Table)]
    for port in ports:
        if len(ports) > 1 and not port.get("name"):
            yield _refused(shown, port.line, f"one of {len(ports)} ports has no name", "Name every port.")
            break
    kind = str(spec.get("type") or "ClusterIP") if isinstance(spec, Table) else ""
    for port in ports:
        yield from _number(port, "port", shown)
        yield from _number(port, "targetPort", shown)
        node = port.get("nodePort")
        if node and kind == "ClusterIP":
            yield _refused(shown, port.at("nodePort"), f"nodePort {node} in a Service of type ClusterIP",
                           "Write type: NodePort, or drop it.")  # fmt: skip
        elif isinstance(node, int) and node and node not in _NODE_PORTS:
            yield _refused(shown, port.at("nodePort"), f"nodePort {node} lies outside 30000 to 32767",
                           "Use one of those, or leave it to Kubernetes.")  # fmt: skip
    for table in (service.get("metadata") or {}, spec):
        for name in ("labels", "annotations", "selector") if isinstance(table, Table) else ():
            yield from _strings(table.get(name), f"{name.removesuffix('s')} {{}}", shown)


def _ports(container: Any, data: Any, shown: str) -> Iterator[Finding]:
    ports = [each for each in container.get("ports") or [] if isinstance(each, Table)]
    knative = str(data.get("apiVersion", "")).startswith("serving.knative.dev")
    if knative and len(ports) > 1:
        yield _refused(shown, ports[1].line, "Knative takes one containerPort, the one it sends requests to",
                       "List that one alone.")  # fmt: skip
    met: set[str] = set()
    for port in ports:
        yield from _number(port, "containerPort", shown)
        name = str(port.get("name") or "")
        if knative and name not in _KNATIVE_NAMES and not is_unknown(name):
            yield _refused(shown, port.at("name"), f"Knative knows no port called {name}", "Name it h2c or http1.")
        elif name:
            yield from _named(
                port, "name", "port's name", _PORT_NAME, "up to 15 lower-case letters, digits and dashes", shown
            )
        if name and name in met:
            yield _refused(shown, port.at("name"), f"two ports are called {name}", "Give each a name of its own.")
        met.add(name)
    # KServe takes the port out of its schema: Knative fills it in
    kserve = data.get("kind") == "InferenceService"
    yield from check_asked(container, shown, given=knative or kserve)


def check_asked(container: Any, shown: str, given: bool = False) -> Iterator[Finding]:
    """The ports that probes ask: numbers or names; `given` where the platform fills in one that is left out."""
    for probe in (container.get(name) for name in _PROBES):
        for way in ("httpGet", "tcpSocket") if isinstance(probe, Table) else ():
            asked = probe.get(way)
            if isinstance(asked, Table):
                yield from _number(asked, "port", shown)
                if not given and asked and "port" not in asked:
                    yield _refused(shown, probe.at(way), f"{way} of a probe tells no port", "Add its port.")


def _quantities(container: Any, shown: str) -> Iterator[Finding]:
    resources = container.get("resources")
    for name in ("requests", "limits"):
        table: Any = resources.get(name) if isinstance(resources, Table) else None
        for key, value in table.items() if isinstance(table, Table) else ():
            text = "0" if value is None else str(value)
            if is_unknown(text) or (_FILLED_IN.search(text) and not text[:1].isdigit()):
                continue
            if not QUANTITY.fullmatch(text):
                right = "A comment begins with #." if "//" in text else "Write a number with Mi, Gi or m."
                yield _refused(shown, table.at(key), f"{key} {text} is no quantity", right)
            elif "/" in str(key) and not re.fullmatch(r"\d+(\.0*)?|\d+000m|\d+[kMG]i?", text):
                yield _refused(shown, table.at(key), f"{key} {text} is no whole number", "Write how many: 1.")
    met: set[str] = set()
    for mount in container.get("volumeMounts") or []:
        path = str(mount.get("mountPath", "")) if isinstance(mount, Table) else ""
        if path and path in met and not is_unknown(path):
            yield _refused(shown, mount.at("mountPath"), f"two volumes are mounted at {path}", "Mount each elsewhere.")
        met.add(path)


def _named(table: Any, key: str, what: str, form: re.Pattern, right: str, shown: str) -> Iterator[Finding]:
    name = table.get(key)
    if isinstance(name, str) and not (form.fullmatch(name) or is_unknown(name) or _FILLED_IN.search(name)):
        yield _refused(shown, table.at(key), f"{name} is no {what}", f"Use {right}.")


def _number(table: Any, key: str, shown: str) -> Iterator[Finding]:
    """A port that stands in quotes, which makes a name of it."""
    value = table.get(key)
    if isinstance(value, str) and value.isdigit():
        yield _refused(shown, table.at(key), f'{key} is the string "{value}"', "Write the number bare.")


def _strings(table: Any, what: str, shown: str) -> Iterator[Finding]:
    for key, value in table.items() if isinstance(table, Table) else ():
        if _is_bare(value):
            yield _bare(shown, table.at(key), what.format(key), value)


def _is_bare(value: Any) -> bool:
    return isinstance(value, (bool, int, float))


def _bare(shown: str, line: int | None, what: str, value: Any) -> Finding:
    kind = "true or false" if isinstance(value, bool) else "a number"
    return _refused(shown, line, f"the {what} is {kind} ({_shown(value)}) where a string belongs", "Put it in quotes.")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {each}" for key, each in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refused(shown: str, line: int | None, what: str, right: str) -> Finding:
    return finding("kubernetes-refuses", shown, line, what=what, right=right)
