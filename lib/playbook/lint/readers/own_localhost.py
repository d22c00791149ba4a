"""Programs that compose runs beside a server and that ask `localhost`, which there is their own container."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playbook.lint.checks.command import Command
from playbook.lint.checks.containers import listening
from playbook.lint.checks.host_ports import led
from playbook.lint.checks.start import is_anothers
from playbook.lint.forms.address_parts import lines_of
from playbook.lint.forms.text import Text
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.compose_programs import programs_of
from playbook.lint.readers.compose_values import environment_of
from playbook.lint.readers.notebooks import as_program
from playbook.lint.rules.findings import Finding, finding

_LITERAL = re.compile(r"[\"'`](https?://)?(localhost|127\.0\.0\.1|0\.0\.0\.0):(\d{2,5})(/v1[^\"'`]*)?/?[\"'`]")
_SPEAKS_GRPC = re.compile(
    r"PredictionService|prediction_service_pb2|tensorflow_serving[./]apis|insecure_channel\(|grpc\.Dial"
)
_SPEAKS_REST = re.compile(r"/v1/models\b|:predict\b")
_ENVIRONMENT = re.compile(r"environ|getenv|process\.env|\benv\(|\bconfig\(|\bENV\[|Getenv|BaseSettings")
_VARIABLE = re.compile(r"[\"']([A-Z][A-Z0-9_]+)[\"']|process\.env\.(\w+)")
_GIVEN_OTHERWISE = re.compile(  # the default of an option, one of two branches; what is printed, and what listens
    r"default|DEFINE|\bdef |\boption\(|Field\(|argparse|\bif\b|\belse\b|\bprint|\blog|bind|listen|add_insecure"
)
_NAMED = re.compile(r"\s*(?:(?:const|let|var|final|self\.)\s*)?(\w+)\s*(?::\s*\w+\s*)?=(?!=)")
_MAIN = re.compile(r"(?m)^if __name__ ==")
_TO = re.compile(r"(?:(?:https?|grpc)://)?([A-Za-z][\w.-]*):(\d{2,5})(?:/.*)?")
_SETS = re.compile(r"(?i)dockerfile|(^|/)\.env|\.env$|\.sh$")  # texts that may set a variable, too
_SET = re.compile(r"(?m)^\s*(?:(?:ENV|ARG|export)\s+)?([A-Z][A-Z0-9_]+)(?=[= ])")
_OF_SERVING = re.compile(r"TF|TENSORFLOW|SERVING", re.IGNORECASE)


@dataclass(frozen=True)
class _Server:
    """A server beside a program: its name there, and the port of its own behind each that is asked."""

    name: str
    ports: Mapping[int, int]


def check_own_localhost(
    texts: Iterable[Text], objects: Sequence[tuple[Any, str]], commands: Sequence[Command]
) -> Iterator[Finding]:
    """Addresses in programs that lead to the program's own container; each program is told its first one."""
    held, told = [as_program(text) if text.path.endswith(".ipynb") else text for text in texts], set[str]()
    elsewhere = {name for text in held if _SETS.search(text.path) for name in _SET.findall(text.content)}
    for data, shown in objects:
        services = data.get("services")
        file = next((text.file for text in held if text.path == shown), None)
        if not isinstance(services, Table) or file is None:
            continue
        beside = [command for command in commands if command.path == shown and command.called]
        names = {name for command in beside for name in command.called}
        servers = [server for command in beside if (server := _server(command)) is not None]
        others = [str(name) for name, each in services.items()
                  if isinstance(each, Table) and is_anothers(str(each.get("image", "")))]  # fmt: skip
        names |= {*others}
        servers += [_Server(name, {8500: 8500, 8501: 8501}) for name in others]
        inside = [command.path for command in commands if not command.place.container]
        for name, service in services.items():
            if not isinstance(service, Table) or str(name) in names or _is_reached_otherwise(service):
                continue
            own = {key: str(value) for key, value in environment_of(service.get("environment")).items()}
            given = {**dict.fromkeys(elsewhere, ""), **own}
            for text, starts in programs_of(str(name), service, file.parent, held):
                if text.path in told or text.path in inside:
                    continue
                lost = _unread(own, services, held)
                asked = servers if "build" in service or lost or text.path.endswith(".ipynb") else []
                hit = _first(text, str(name), starts, asked or [server for _, server in lost], lost, given)
                if hit is not None:
                    told.add(text.path)
                    yield hit


def _server(command: Command) -> _Server | None:
    ports = listening(command)
    if not ports:
        return None
    pairs = [(int(host), int(own)) for word in command.published for host, own in led(word)
             if host.isdigit() and own.isdigit() and int(own) in ports]  # fmt: skip
    return _Server(command.called[0], {**{port: port for port in ports}, **dict(pairs)})


def _is_reached_otherwise(service: Any) -> bool:
    """True for a service whose localhost may be another's, or whose variables are not all here."""
    return bool({"network_mode", "extra_hosts", "env_file", "extends"} & {*service})


def _unread(given: Mapping[str, str], services: Any, texts: Sequence[Text]) -> list[tuple[str, _Server]]:
    """The variables that lead a service to a server of TensorFlow Serving's, and that no text here reads."""
    found = []
    for name, value in given.items():
        address = _TO.fullmatch(value)
        if address is None or address[1] not in services or not _OF_SERVING.search(name):
            continue
        if not any(re.search(rf"\b{name}\b", text.content) for text in texts
                   if not text.path.endswith((".yaml", ".yml"))):  # fmt: skip
            found.append((name, _Server(address[1], {int(address[2]): int(address[2])})))
    return found


def _first(
    text: Text,
    name: str,
    starts: bool,
    servers: Sequence[_Server],
    lost: Sequence[tuple[str, _Server]],
    given: Mapping[str, str],
) -> Finding | None:
    content = text.content
    if any(re.search(rf"\b{re.escape(server.name)}:\d", content) for server in servers) or _is_told(content, given):
        return None
    guard = None if starts else _MAIN.search(content)
    end = content.count("\n", 0, guard.start()) if guard else len(content)
    lines = content.split("\n")
    for number, line in enumerate(lines_of(text)[:end]):
        for scheme, host, port, path in _LITERAL.findall(line):
            server = next((each for each in servers if int(port) in each.ports), None)
            rest = bool(path) or (scheme and _SPEAKS_REST.search(content))
            grpc = not scheme and host != "0.0.0.0" and _SPEAKS_GRPC.search(content)
            if server is None or not (rest or grpc) or _may_be_another(lines, number, given):
                continue
            unread = next((each for each, other in lost if other.name == server.name), "")
            why = f"which is the container of {name} itself, and the server runs in another"
            why += f" ({unread}, which names it, is read by nobody)" if unread else ""
            right = f"{server.name}:{server.ports[int(port)]}"
            right = f"Read {unread}, or write {right}." if unread else f"Write {right}."
            words = {"name": "This address", "host": host, "port": port, "why": why, "right": right}
            return finding("client-wrong-port", text.path, text.first_line + number, **words)
    return None


def _is_told(content: str, given: Mapping[str, str]) -> bool:
    """True for a program that reads a variable by which its service leads it somewhere."""
    return any(re.search(rf"\b{re.escape(key)}\b", content) for key, value in given.items()
               if _TO.fullmatch(value) or re.search(r"HOST|URL|ADDR|SERVER|PORT", key))  # fmt: skip


def _may_be_another(lines: Sequence[str], number: int, given: Mapping[str, str]) -> bool:
    """True where what stands in a line is a remark, or counts only where nothing else is told."""
    line = lines[number]
    if line.lstrip().startswith(("#", "//", "*", '"""')):
        return True
    above = "\n".join(lines[max(0, number - 2) : number])
    open_call = above[above.rfind("(") :] if above.count("(") > above.count(")") else ""
    whole = f"{open_call}\n{line}"
    if _ENVIRONMENT.search(whole):
        names = [name or other for name, other in _VARIABLE.findall(whole)]
        return not names or any(name in given for name in names)
    if _GIVEN_OTHERWISE.search(whole) or re.match(r"\s*(else|except)\b", lines[number - 1] if number else ""):
        return True
    named = _NAMED.match(line)
    again = rf"(?m)^\s*(?:(?:const|let|var|self\.)\s*)?{re.escape(named[1])}\s*=(?!=)" if named else ""
    return bool(again) and len(re.findall(again, "\n".join(lines))) > 1
