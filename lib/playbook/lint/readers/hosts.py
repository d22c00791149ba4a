"""The servers that others reach by the name of a Service or of a compose file: their ports, their models."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from playbook.lint.checks.command import Command, is_official
from playbook.lint.checks.containers import listening
from playbook.lint.checks.host_ports import led
from playbook.lint.checks.probes import port_number
from playbook.lint.checks.reading import SHAPES
from playbook.lint.forms.text import Word, is_unknown
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.compose_values import environment_of, published_of, words_of
from playbook.lint.readers.pods import Pod, selects

Ports = dict[int, int]  # a server's ports as others name them, and its own behind each
_FLAG = re.compile(r"--(port|rest_api_port|model_name|model_config_file)=(\S+)")
_NAME = re.compile(r"(?m)(?<![\w.])name\s*:\s*[\"']([^\"']+)[\"']")


@dataclass(frozen=True)
class Host:
    """A server behind a name; `ports` are empty where they are not known."""

    ports: Ports
    command: Command
    outside: Ports = field(default_factory=dict)  # the machine's ports, and the server's own behind each

    @property
    def told(self) -> tuple[object, ...]:
        """All that others can tell two servers apart by."""
        return self.ports, self.grpc, self.rest, self.models

    @property
    def grpc(self) -> int:
        """The server's own port of gRPC; 0 for none."""
        return self.command.number("port", 8500)

    @property
    def rest(self) -> int:
        """The server's own port of REST; 0 for none."""
        return self.command.number("rest_api_port")

    @property
    def models(self) -> set[str]:
        """The names of its models; empty where they are not known."""
        command = self.command
        path = command.text("model_config_file")
        if not path:
            name = command.text("model_name") or "default"
            image = command.place.image
            within = bool(image) and not is_official(image) and "model_name" not in command.given  # told by the image
            return set() if within or is_unknown(name) or command.partial else {name}
        mount, rest = next(command.place.over(command.place.absolute(path)), (None, ""))
        text = (mount.files or {}).get(rest) if mount is not None else None
        known = (
            text is not None and not is_unknown(text.content) and not command.on("model_config_file_poll_wait_seconds")
        )
        return {*_NAME.findall(text.content)} if known and text is not None else set()


def hosts_of(objects: list[tuple[Any, str]], pods: list[Pod]) -> dict[str, Host]:
    """The servers among services of compose files and of a cluster, by the names that others call them.

    Where two that differ have one name (variants side by side, a canary), nothing is known of the ports behind it.
    """
    found: list[tuple[str, Host]] = []
    for data, _ in objects:
        with suppress(*SHAPES):  # its reader tells
            found += _composed(data)
    found += [(name_of(data), Host(ports_of(data, pod), pod.command)) for data, _ in objects
              if data.get("kind") == "Service" for pod in pods if selects(data, pod)]  # fmt: skip
    hosts: dict[str, Host] = {}
    for name, host in found:
        same = name not in hosts or hosts[name].told == host.told
        hosts[name] = host if same else Host({}, host.command)
    return hosts


def built_hosts(commands: Iterable[Command]) -> dict[str, Host]:
    """The servers that compose builds here, by the names that others call them; none of a name that two have."""
    built = [(name, each) for each in commands if each.place.dockerfile and not each.partial for name in each.called]
    names = Counter(name for name, _ in built)
    return {name: Host({port: port for port in listening(each) or ()}, each)
            for name, each in built if names[name] == 1}  # fmt: skip


def ports_of(service: Any, pod: Pod) -> Ports:
    """The ports of a Service and the container's behind each; none where they are not known."""
    if listening(pod.command) is None:
        return {}
    ports = [each for each in (service.get("spec") or {}).get("ports") or [] if isinstance(each, Table)]
    pairs = [(each.get("port"), port_number(each.get("targetPort", each.get("port")), pod.container)) for each in ports]
    return {port: target for port, target in pairs if isinstance(port, int) and target is not None}


def _composed(data: Any) -> Iterator[tuple[str, Host]]:
    """The services of a compose file that serve, with their ports."""
    services = data.get("services")
    for name, service in services.items() if isinstance(services, Table) else ():
        image = str(service.get("image", "")) if isinstance(service, Table) else ""
        if "tensorflow/serving" not in image:
            continue
        words = [*(words_of(service.get("entrypoint")) or []), *(words_of(service.get("command")) or [])]
        own = bool(service.get("entrypoint"))
        variable = environment_of(service.get("environment")).get("MODEL_NAME", Word("model"))
        named = "default" if own else "$" if service.get("env_file") else str(variable)
        given = {"port": "8500", "rest_api_port": "0" if own else "8501", "model_name": named}
        given |= {flag: value.strip("\"'") for flag, value in _FLAG.findall(" ".join(words))}
        numbers = [given["port"], given["rest_api_port"]]
        known = all(number.isdigit() for number in numbers)
        ports = {int(port): int(port) for port in numbers if port != "0"} if known else {}
        pairs = [pair for word in published_of(service) for pair in led(word)]
        outside = {int(host): int(own) for host, own in pairs if host.isdigit() and own.isdigit() and int(own) in ports}
        names = [str(name), str(service.get("container_name") or name), str(service.get("hostname") or name)]
        for each in dict.fromkeys(names):
            yield each, Host(ports, Command((), given=given), outside)


def name_of(data: Any) -> str:
    """An object's name; "" for none."""
    metadata = data.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, Table) else ""
