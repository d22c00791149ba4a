"""Who passes requests on to a server: Ingresses and routes to its Service, nginx's files and ConfigMaps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from playbook.lint.checks.command import Command
from playbook.lint.checks.containers import listening
from playbook.lint.checks.flags import check_command
from playbook.lint.checks.probes import port_number
from playbook.lint.forms.nginx import GRPC, HTTP, Pass, passes
from playbook.lint.forms.text import Text, Word, is_unknown, line_of
from playbook.lint.forms.walking import tables_in
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.hosts import Host, hosts_of, name_of, ports_of
from playbook.lint.readers.pods import Pod, selects
from playbook.lint.rules.findings import Finding, finding

_SPEAKS_GRPC = re.compile(r"grpc|h2c|http2", re.IGNORECASE)
ROUTES = ("Ingress", "VirtualService", "HTTPRoute")
_STATUS = "/v1/models"
_SERVING = re.compile(r"tensorflow|tf[-_]?serv|model[-_]serv", re.IGNORECASE)  # hosts and upstreams called so
_REST_THERE = re.compile(r"rest_api_port[= ]8500|:8500/v1/models")


def check_routes(objects: list[tuple[Any, str]], pods: list[Pod]) -> Iterator[Finding]:
    """Findings of the Ingresses, routes and nginx ConfigMaps among the objects."""
    served = {name_of(data): (data, pod) for data, _ in objects
              if data.get("kind") == "Service" for pod in pods if selects(data, pod)}  # fmt: skip
    for data, shown in objects:
        kind = str(data.get("kind", ""))
        if kind in ROUTES:
            yield from _route(data, kind, shown, served)
        elif kind == "ConfigMap" and isinstance(data.get("data"), Table):
            hosts = {name: Host(ports_of(service, pod), pod.command) for name, (service, pod) in served.items()}
            for value in data["data"].values():
                if isinstance(value, Word) and "_pass" in value:
                    yield from _passed(passes(value, value.line or 1), hosts, shown)


def check_nginx(texts: Iterable[Text], objects: list[tuple[Any, str]], pods: list[Pod]) -> Iterator[Finding]:
    """Findings of nginx's own files, which pass requests on to services of compose files or of a cluster here."""
    hosts = hosts_of(objects, pods)
    for text in texts:
        if "_pass" in text.content and text.path.endswith((".conf", ".template", ".tmpl", "/default", ".nginx")):
            yield from _passed(passes(text.content), hosts, text.path)


def check_nginx_within(
    text: Text, objects: list[tuple[Any, str]], pods: list[Pod], commands: Sequence[Command] = ()
) -> Iterator[Finding]:
    """Findings of the nginx blocks that a document shows beside a server; REST told to be on 8500 is let be."""
    if "_pass" in text.content and not _REST_THERE.search(text.content):
        parsed = [check_command(each)[0] for each in commands]
        told = [each for each in parsed if {"port", "rest_api_port"} & {*each.given}]
        known = len(told) == len(commands) == 1 and all(map(told[0].knows, ("port", "rest_api_port")))
        pair = (told[0].number("port", 8500), told[0].number("rest_api_port")) if known else (8500, 8501)
        yield from _passed(passes(text.content), hosts_of(objects, pods), text.path, *pair)


def _passed(
    ways: Iterable[Pass], hosts: dict[str, Host], shown: str, its_grpc: int = 8500, its_rest: int = 8501
) -> Iterator[Finding]:
    """Passes to a port of the other protocol; on hosts that are not here, ports are taken to be what they are here."""
    for way in ways:
        host = hosts.get(way.host.partition(".")[0])
        ports = host.ports if host is not None else {}
        own = ports.get(way.port, way.port if way.port in ports.values() else None)
        if host is None:
            told = way.path.startswith(_STATUS) or _SERVING.search(f"{way.host} {way.asked}")
            wrong = way.spoken == HTTP and way.port == its_grpc != its_rest and bool(told)
            speaks, other = GRPC, its_rest
        else:
            grpc, rest = host.grpc, host.rest
            speaks, other = (GRPC, rest) if own == grpc else (HTTP, grpc)
            wrong = own in (grpc, rest) and grpc != rest and speaks != way.spoken
        if wrong:
            right = f"Send to port {other or '8501, with --rest_api_port=8501'}"
            right += f", or use {'grpc_pass' if way.spoken == HTTP else 'proxy_pass'}."
            words = {"what": way.directive, "spoken": way.spoken, "port": way.port, "name": way.host}
            yield finding("proxied-wrong-protocol", shown, way.line, **words, known=speaks, right=right)


def _route(data: Any, kind: str, shown: str, served: dict[str, tuple[Any, Pod]]) -> Iterator[Finding]:
    for name, port, line in backends(data):
        service, pod = served.get(str(name).partition(".")[0], (None, None))
        if service is None or pod is None or is_unknown(str(service.get("spec"))) or is_unknown(str(port)):
            continue
        ports = [each for each in (service.get("spec") or {}).get("ports") or [] if isinstance(each, Table)]
        met = [each for each in ports if str(port) in (str(each.get("port")), str(each.get("name")))]
        if not met:
            has = " and ".join(str(each.get("port")) for each in ports) or "none"
            yield finding("route-wrong-port", shown, line, what=f"The {kind}", port=port, name=name, has=has)
        elif kind == "Ingress":
            yield from _spoken(data, service, pod, met[0], line, shown)


def _spoken(data: Any, service: Any, pod: Pod, port: Table, line: int | None, shown: str) -> Iterator[Finding]:
    """By which protocol an Ingress speaks to the port that it sends to."""
    if listening(pod.command) is None:
        return
    own = port_number(port.get("targetPort", port.get("port")), pod.container)
    grpc, rest = pod.command.number("port", 8500), pod.command.number("rest_api_port")
    hints = [(each.get("metadata") or {}).get("annotations") or {} for each in (data, service)]
    asked = str(hints[0].get("nginx.ingress.kubernetes.io/backend-protocol", "")).upper()
    hinted = _SPEAKS_GRPC.search(f"{hints} {port.get('appProtocol')}")
    if grpc == rest or own not in (grpc, rest) or (hinted and not (own == rest and asked.startswith("GRPC"))):
        return
    name = name_of(service)
    words = {"what": "The Ingress", "port": port.get("port"), "name": name}
    if own == grpc:
        right = 'Send to REST\'s port, or add nginx.ingress.kubernetes.io/backend-protocol: "GRPC".'
        yield finding("proxied-wrong-protocol", shown, line, **words, spoken=HTTP, known=GRPC, right=right)
    elif asked.startswith("GRPC"):
        right = "Send to gRPC's port, or drop backend-protocol."
        yield finding("proxied-wrong-protocol", shown, line, **words, spoken=GRPC, known=HTTP, right=right)


def backends(data: Any) -> Iterator[tuple[Any, Any, int | None]]:
    """The Services that a route sends to: name, port, line."""
    for table in tables_in(data.get("spec")):
        backend = table.get("backend") or table.get("defaultBackend")
        if isinstance(backend, Table):
            service: Any = backend.get("service")
            port = service.get("port") if isinstance(service, Table) else None
            if isinstance(port, Table):
                key = "number" if "number" in port else "name"
                yield service.get("name"), port.get(key), port.at(key)
            elif "serviceName" in backend:
                yield backend["serviceName"], backend.get("servicePort"), backend.at("servicePort")
        destination = table.get("destination")
        if isinstance(destination, Table) and isinstance(destination.get("port"), Table):
            number = destination["port"].get("number")
            yield destination.get("host"), number, destination["port"].at("number")
        for each in table.get("backendRefs") or []:
            if isinstance(each, Table) and "port" in each:
                yield each.get("name"), each["port"], each.at("port") or line_of(each)
