"""What others are told of a server in a cluster or a compose file: addresses in variables, arguments, ConfigMaps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from playbook.lint.checks.client_programs import PROGRAMS, lines_said
from playbook.lint.checks.command import Command
from playbook.lint.checks.containers import listening
from playbook.lint.checks.environment import filled_in
from playbook.lint.checks.reading import SHAPES
from playbook.lint.checks.rest_paths import begun_otherwise
from playbook.lint.forms.text import Text, Word, is_unknown, line_of
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.compose_values import environment_of, words_of
from playbook.lint.readers.hosts import Host, built_hosts, hosts_of
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.workloads import pod_specs
from playbook.lint.rules.findings import Finding, finding

HERE = ("localhost", "127.0.0.1", "0.0.0.0")
_ADDRESS = re.compile(
    r"(?:(?P<scheme>https?|grpc)://)?(?P<host>[A-Za-z0-9][\w.-]*)(?::(?P<port>\d{1,5}))?"
    r"(?P<path>/[^\s\"'`,;)]*)?"
)
_MODEL = re.compile(r"/v1/models/([\w.-]+)(?=[/:]|$)")
_ALMOST = re.compile(r"/(?:v1/)?models?/[\w.-]+(?:/versions/\d+)?:(?:predict|classify|regress)$")
_URL = re.compile(r"https?://[A-Za-z0-9][\w.-]*(?::\d{1,5})?/v1/models[^\s\"'`,;)<>]*")
_URLS_IN = (*PROGRAMS, ".env", ".sh", ".md", ".markdown", ".rst", ".properties", ".toml", ".ini")
_SERVING = re.compile(
    r"tensorflow|tf[-_]?(serv|grpc|rest|model|host|url|api)|tfs(?![a-z])|(?<![a-z])tf_(\w+_)?(host|ur[il]|addr\w*|server)$",
    re.IGNORECASE,
)  # variables called so
_IN_BROWSER = re.compile(r"(REACT_APP|NEXT_PUBLIC|VITE|VUE_APP|NUXT_PUBLIC|NG_APP|PUBLIC)_")  # read on its machine
_HOST = re.compile(r"_?(HOST|HOSTNAME|ADDRESS|ADDR|SERVER)$")
_PARTLY = ("SeldonDeployment", "InferenceService")  # whose pods others have their part in


@dataclass(frozen=True)
class _Told:
    """An address that a client is told: under which name, and the word that holds it."""

    name: str
    address: re.Match
    line: int | None

    @property
    def host(self) -> str:
        return self.address["host"]

    @property
    def path(self) -> str:
        return self.address["path"] or ""

    @property
    def port(self) -> int:
        """The port asked; 0 where none is told."""
        by_scheme = {"http": 80, "https": 443}.get(self.address["scheme"] or "", 0)
        return int(self.address["port"]) if self.address["port"] else by_scheme

    @property
    def speaks(self) -> str:
        """What the client speaks, where its address or its name says so; "" otherwise."""
        if self.path.startswith("/v1/models") or _ALMOST.match(self.path):
            return "HTTP"
        name = self.name.lower()
        if self.address["scheme"] == "grpc" or "grpc" in name:
            return "gRPC"
        return "HTTP" if self.address["scheme"] and re.search(r"rest|http", name) else ""


def check_clients(objects: list[tuple[Any, str]], pods: list[Pod]) -> Iterator[Finding]:
    """Findings of containers and ConfigMaps that lead to a server by a port or a path where it does not answer."""
    yield from _check_told(objects, pods, hosts_of(objects, pods))


def check_built(
    texts: Iterable[Text], objects: list[tuple[Any, str]], commands: Iterable[Command]
) -> Iterator[Finding]:
    """The same of servers that compose builds here, whose commands stand in Dockerfiles; also of addresses in texts."""
    if hosts := built_hosts(commands):
        yield from _check_told([each for each in objects if "services" in each[0]], [], hosts)
        yield from _check_urls(texts, hosts)


def _check_told(objects: list[tuple[Any, str]], pods: list[Pod], hosts: dict[str, Host]) -> Iterator[Finding]:
    for data, shown in objects if pods or hosts else ():
        with suppress(*SHAPES):  # its reader tells
            for told, near in _clients(data, pods, hosts):
                if near is not None and not near and told.host in HERE:
                    yield from _check_itself(told, hosts, shown)
                yield from _check(told, {**hosts, **(near or {})}, shown)


def check_urls(texts: Iterable[Text], objects: list[tuple[Any, str]], pods: list[Pod]) -> Iterator[Finding]:
    """Findings of addresses for /v1/models in programs, documents and files of variables, by the names of servers here.

    Nothing is said of manifests and compose files, whose variables are read as what they are.
    """
    yield from _check_urls(texts, hosts_of(objects, pods))


def _check_urls(texts: Iterable[Text], hosts: dict[str, Host]) -> Iterator[Finding]:
    names = re.compile("|".join(re.escape(name) for name in hosts if name)) if hosts else None
    for text in texts:
        if names is None or not text.path.lower().endswith(_URLS_IN) or not names.search(text.content):
            continue
        for number, line in lines_said(text):
            for match in _URL.finditer(line):
                if (address := _ADDRESS.match(match[0])) and address["host"].partition(".")[0] in hosts:
                    yield from _check(_Told("This address", address, number), hosts, text.path)


def _clients(data: Any, pods: list[Pod], hosts: dict[str, Host]) -> Iterator[tuple[_Told, dict[str, Host] | None]]:
    """What each client is told, with the servers that are `localhost` to it; None where nobody knows which are."""
    services = data.get("services")
    for name, service in services.items() if isinstance(services, Table) else ():
        if (
            isinstance(service, Table)
            and name not in hosts
            and "tensorflow/serving" not in str(service.get("image", ""))
        ):
            values = environment_of(service.get("environment"))
            near: dict[str, Host] | None = None if "network_mode" in service else {}
            yield from ((told, near) for told in _told(values, words_of(service.get("command")) or []))
    if data.get("kind") == "ConfigMap" and isinstance(data.get("data"), Table):
        texts = {
            str(key): value for key, value in data["data"].items() if isinstance(value, Word) and "\n" not in value
        }
        yield from ((told, None) for told in _told(texts, []))
    for spec, _ in pod_specs(data) if "kind" in data and data["kind"] not in _PARTLY else ():
        containers = [each for each in spec.get("containers") or [] if isinstance(each, Table)]
        own = [pod for pod in pods if any(pod.container is each for each in containers)]
        more = spec.get("hostNetwork") or any(each.get("ports") for each in containers[1:])  # a proxy in the pod
        near = _beside(own) if len(own) == 1 else None if own or more else {}
        for container in containers:
            if not any(pod.container is container for pod in own):
                values = environment_of(container.get("env"))
                words = [*(container.get("command") or []), *(container.get("args") or [])]
                yield from ((told, near) for told in _told(values, [each for each in words if isinstance(each, Word)]))


def _beside(own: list[Pod]) -> dict[str, Host]:
    """The server of a pod, as the other containers of the pod reach it."""
    ports = listening(own[0].command) or set()
    return dict.fromkeys(HERE, Host({port: port for port in ports}, own[0].command)) if ports else {}


def _told(values: dict[str, Word], words: list[Word]) -> Iterator[_Told]:
    """The addresses in variables (also those whose port has a variable of its own) and in arguments."""
    known = dict(zip(values, filled_in(list(values.values()), values), strict=True))
    for name, value in known.items():
        if (address := _ADDRESS.fullmatch(value.strip())) and (address["port"] or address["scheme"]):
            yield _Told(name, address, line_of(value))
        port = known.get(f"{_HOST.sub('', name)}_PORT") if _HOST.search(name) else None
        if port is not None and port.isdigit() and (address := _ADDRESS.fullmatch(f"{value.strip()}:{port}")):
            yield _Told(f"{name} with {_HOST.sub('', name)}_PORT", address, line_of(port))
    for word in filled_in(words, values):
        name, equals, given = word.partition("=") if word.startswith("-") else ("", "", str(word))
        address = _ADDRESS.fullmatch(given.strip())
        if address and address["port"] and (equals or address["scheme"]):
            yield _Told(name or "the container's argument", address, line_of(word))


def _check_itself(told: _Told, hosts: dict[str, Host], shown: str) -> Iterator[Finding]:
    """An address of a server that means the client's own container, as it does on the machine of who wrote it."""
    outside = [(name, host.outside[told.port]) for name, host in hosts.items() if told.port in host.outside]
    own = [(name, told.port) for name, host in hosts.items() if told.port in host.ports]
    name, port = next(iter(outside or own), ("", 0))
    for_it = told.path.startswith("/v1/models") or _SERVING.search(told.name)
    if name and for_it and not _IN_BROWSER.match(told.name):
        words = {"name": told.name, "host": told.host, "port": told.port}
        why = "which is the client's own container, and the server runs in another"
        yield finding("client-wrong-port", shown, told.line, **words, why=why, right=f"Write {name}:{port}.")


def _check(told: _Told, hosts: dict[str, Host], shown: str) -> Iterator[Finding]:
    host = hosts.get(told.host) or hosts.get(told.host.partition(".")[0] if told.host not in HERE else "")
    if host is None or not host.ports or is_unknown(told.address.group()) or not told.port:
        return
    own, here = host.ports.get(told.port), told.host in HERE
    words = {"name": told.name, "host": told.host, "port": told.port}
    if own is None and (not here or told.path.startswith("/v1/models") or told.port in (8500, 8501)):
        yield finding("client-wrong-port", shown, told.line, **words, why=_closed(host, here), right=_right(told, host))
    elif own is not None and host.grpc != host.rest and told.speaks and own in (host.grpc, host.rest):
        speaks = "gRPC" if own == host.grpc else "HTTP"
        if speaks != told.speaks:
            why = f"which is {'gRPC' if speaks == 'gRPC' else 'REST'}'s"
            yield finding("client-wrong-port", shown, told.line, **words, why=why, right=_right(told, host))
        elif speaks == "HTTP":
            yield from _path(told, host, shown)


def _path(told: _Told, host: Host, shown: str) -> Iterator[Finding]:
    """A path that REST does not have, or of a model that the server does not have."""
    model, models = _MODEL.match(told.path), host.models
    if model is None and _ALMOST.match(told.path):
        yield begun_otherwise(told.path.removeprefix("/"), shown, told.line)
    elif model and models and model[1] not in models:
        served = ", ".join(sorted(models))
        yield finding("client-wrong-model", shown, told.line, name=told.name, model=model[1], served=served)


def _closed(host: Host, here: bool) -> str:
    if here:
        rest = f"REST is on {host.rest}" if host.rest else "REST is off (rest_api_port is 0)"
        return f"on which nothing listens: gRPC is on {host.grpc or 'no port'}, {rest}"
    return f"which it does not have: it has {' and '.join(map(str, sorted(host.ports)))}"


def _right(told: _Told, host: Host) -> str:
    wanted = host.grpc if told.speaks == "gRPC" else host.rest if told.speaks == "HTTP" else 0
    port = next((port for port, own in host.ports.items() if own == wanted), 0) if wanted else 0
    if port:
        return f"Write port {port}."
    if told.speaks == "HTTP" and not host.rest:
        return f"Give the server --rest_api_port={told.port if told.port != host.grpc else 8501}, and ask that port."
    return "Write a port that leads to the server's own, or open this one."
