"""Kubernetes probes of a server: the port they ask, the path they ask for, and what a code tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from playbook.lint.checks.command import OFFICIAL, Command
from playbook.lint.checks.containers import check_health, closed_words, listening
from playbook.lint.checks.health_asks import check_asks
from playbook.lint.checks.lookup import Sources
from playbook.lint.checks.model_lists import model_entries
from playbook.lint.checks.named_files import meant_list
from playbook.lint.forms.text import UNKNOWN, Text, Word, is_unknown, line_of
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_KNATIVE_PORT = 8080
_LOAD_S = 300  # a load and its retries: five minutes (max_num_load_retries, load_retry_interval_micros)
_ASKS = re.compile(r"curl|wget|/v1/models|grpc_health_probe|python")
_OF_ANY_MODEL = re.compile(r"/v1/models/(?:\$…|\$\{?\w+\}?|\{\{[^{}]*\}\}|<[\w -]+>)")  # its name filled in later
_NAMES = ("startupProbe", "readinessProbe", "livenessProbe")


def check_probes(container: Any, command: Command, sources: Sources, shown: str) -> Iterator[Finding]:
    """Findings of a container's probes; `command` with its flags read."""
    names = names_served(command, sources)
    if container.get("livenessProbe") and not container.get("startupProbe") and not _waits(container["livenessProbe"]):
        yield finding("liveness-without-startup", shown, container.at("livenessProbe"))
    for name in _NAMES:
        probe = container.get(name)
        if not isinstance(probe, dict):
            continue
        line = container.at(name)
        http, execute = probe.get("httpGet") or {}, probe.get("exec") or {}
        asked = http or probe.get("tcpSocket") or probe.get("grpc") or {}
        port = port_number(asked.get("port"), container)
        where = line_of(asked.get("port")) or (asked.at("port") if isinstance(asked, Table) else None) or line
        yield from _port(name, port, bool(http), command, shown, where)
        yield from _nameless(name, asked.get("port"), container, shown, where)
        if http and isinstance(http, dict):
            yield from _path(name, http, port, command, names, shown, line)
        if probe.get("grpc") and not command.on("enable_grpc_healthcheck_service"):
            yield finding("probe-wrong-path", shown, line, probe=name, path="gRPC health", code="UNIMPLEMENTED",
                          right="it with --enable_grpc_healthcheck_service")  # fmt: skip
        if execute:
            words = execute.get("command") or []
            told = next((line_of(word) for word in words if _ASKS.search(str(word)) and line_of(word)), line)
            script = Word(" ".join(map(str, words)), told)
            yield from check_health(script, command.place.image, set(), shown, told)
            yield from check_asks(script, f"The {name}", command, names, shown)


def _waits(probe: Any) -> bool:
    """True for a liveness probe that lets a load take minutes before it ends the server."""
    told = {"initialDelaySeconds": 0, "periodSeconds": 10, "failureThreshold": 3}  # Kubernetes' defaults
    known = {**told, **{key: value for key, value in probe.items() if key in told and str(value).isdigit()}}
    delay, period, times = (int(known[key]) for key in told)
    return delay + period * times >= _LOAD_S


def _nameless(name: str, asked: Any, container: Any, shown: str, line: int | None) -> Iterator[Finding]:
    """A port asked for by a name that none of the container's has."""
    ports = [each for each in container.get("ports") or [] if isinstance(each, dict)]
    names = sorted(str(each["name"]) for each in ports if "name" in each)
    if isinstance(asked, str) and not asked.isdigit() and not is_unknown(asked) and asked not in names:
        why, right = "no port of the container has that name", ", ".join(names) or "8501"
        yield finding("probe-wrong-port", shown, line, probe=name, port=asked, why=why, right=right)


def check_scraped(annotations: Any, command: Command, shown: str) -> Iterator[Finding]:
    """The port that a pod's annotations let Prometheus scrape: metrics are on REST's."""
    key, rest = "prometheus.io/port", command.number("rest_api_port")
    asked = port_number(annotations.get(key), {})
    on = str(annotations.get("prometheus.io/scrape", "")).lower() == "true"
    if on and asked is not None and listening(command) is not None and asked != rest:
        remedy = "Scrape the port of --rest_api_port, by habit 8501."
        yield finding("metrics-port-closed", shown, annotations.at(key), port=asked, rest=rest or "off", remedy=remedy)


def check_routed(container: Any, command: Command, shown: str, where: int | None = None) -> Iterator[Finding]:
    """Knative and KServe send requests to the port that a container lists, to 8080 where it lists none.

    `where`: the line to tell it at where no port is listed.
    """
    ports = [each for each in container.get("ports") or [] if isinstance(each, Table)]
    port = port_number(ports[0].get("containerPort"), container) if ports else _KNATIVE_PORT
    open_ports = listening(command)
    if port is None or open_ports is None or port in open_ports:
        return
    line = ports[0].at("containerPort") if ports else where or container.at("image")
    yield finding("port-nobody-listens", shown, line, port=port, how="where the platform sends requests",
                  right=f"Use the server's ports, or set --rest_api_port={port}.", **closed_words(command))  # fmt: skip


def port_number(port: Any, container: Any) -> int | None:
    """A port given as a number, or by the name of one of the container's ports; None where it is not known."""
    if isinstance(port, str) and not port.isdigit():
        ports = [each for each in container.get("ports") or [] if isinstance(each, dict)]
        port = next((each.get("containerPort") for each in ports if each.get("name") == port), None)
    try:
        return int(port)
    except (TypeError, ValueError):
        return None


def _port(name: str, port: int | None, http: bool, command: Command, shown: str, line: int | None) -> Iterator[Finding]:
    open_ports = listening(command)
    if port is None or open_ports is None:
        return
    rest = command.number("rest_api_port")
    words = closed_words(command)
    right: int | str
    if port not in open_ports:
        why = f"nothing listens on it: gRPC is on {words['grpc']}, REST is {words['rest']}"
        right = rest if http and rest else command.number("port", 8500)
        yield finding("probe-wrong-port", shown, line, probe=name, port=port, why=why, right=right)
    elif http and port == command.number("port", 8500):
        right = rest or "8501 with --rest_api_port=8501"
        yield finding("probe-wrong-port", shown, line, probe=name, port=port, right=right,
                      why="that is gRPC's, which answers no HTTP/1.1")  # fmt: skip


def names_served(command: Command, sources: Sources) -> list[str]:
    """The models that a server has, as far as they are known; those of a list that is misplaced are meant, too."""
    if command.partial:
        return []
    if not command.text("model_config_file"):
        names = [command.text("model_name") or "default"]
    else:
        text = meant_list(command, sources)
        names = [entry.name for entry in model_entries(text)] if text is not None and not text.templated else []
    return [] if any(is_unknown(name) or not name for name in names) else names


def _path(
    name: str, http: Any, port: int | None, command: Command, names: list[str], shown: str, line: int | None
) -> Iterator[Finding]:
    path = str(http.get("path", "/"))
    where = line_of(http.get("path")) or line
    if port == command.number("port", 8500):
        return
    alive = name == "livenessProbe"  # before the port opens the model is loaded, which is all that the others ask
    if is_unknown(path):
        if alive and _OF_ANY_MODEL.fullmatch(path):
            yield finding("liveness-by-code", shown, where)
        return
    if str(http.get("scheme", "")).upper() == "HTTPS":
        yield finding("probe-wrong-path", shown, where, probe=name, path=f"{path} by HTTPS", code="plain HTTP alone",
                      right="it by scheme: HTTP")  # fmt: skip
        return
    model = re.fullmatch(r"/v1/models/([^/:]+)(/(versions|labels)/[^/:]+)?(/metadata)?", path)
    right = f"/v1/models/{names[0] if names else '<name>'}"
    if alive and model and not model[4]:  # the metadata of a version that is not AVAILABLE are not found
        yield finding("liveness-by-code", shown, where)
    if model and not command.partial:
        if names and model[1] not in names:
            yield finding("probe-wrong-path", shown, where, probe=name, path=path, code="404", right=right)
    elif not model and (
        not path.startswith("/monitoring") or not (command.text("monitoring_config_file") or command.partial)
    ):
        code = "400" if path.startswith("/v1/") else "404"
        yield finding("probe-wrong-path", shown, where, probe=name, path=path, code=code, right=right)


_NAMED_IMAGE = re.compile(rf"{OFFICIAL}(?::[\w.-]+)?(?![\w/])")


def check_lone_health(test: Sequence[Word], whole: Text | None, shown: str) -> Iterator[Finding]:
    """A health check shown without its service; its image is the one that the whole text names, if it names one."""
    words = " ".join(test)
    images = {*_NAMED_IMAGE.findall(whole.content)} if whole is not None else set()
    if "/v1/models/" in words or (images and ":8500" in words):
        image = images.pop() if len(images) == 1 else UNKNOWN
        hits = check_health(words, image, set(), shown, line_of(test[0]))
        yield from (hit for hit in hits if "/v1/models/" in words or hit.rule == "tool-not-in-image")
