"""Ports of this machine that programs beside a server ask, and what the server has there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from playbook.lint.checks.asked import OTHER_WAYS
from playbook.lint.checks.asked_models import NOT_MEANT
from playbook.lint.checks.command import Command
from playbook.lint.checks.host_ports import is_open, published, ways
from playbook.lint.forms.address_parts import lines_of
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_HERE = r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0)"
_REST = re.compile(rf"https?://{_HERE}:(\d{{2,5}})/v1/models\b")
_GRPC = re.compile(rf"(?:channel|Dial(?:Context)?|NewClient|forTarget|Client|Stub)\(\s*[\"']{_HERE}:(\d{{2,5}})[\"']")
_SPEAKS_GRPC = re.compile(r"PredictionService|prediction_service_pb2|tensorflow_serving[./]apis")
_CLIENTS = (".py", ".js", ".mjs", ".ts", ".tsx", ".jsx", ".go", ".rb", ".php", ".java", ".kt", ".cs", ".rs")


def check_ports_asked(texts: Iterable[Text], commands: Sequence[Command]) -> Iterator[Finding]:
    """Requests of programs at which no server here answers; each program is told its first one.

    Nothing is said where a server may be reached in another way, or where a program starts one itself. Where there are
    several, a program may ask one that is not here: then a port counts that one of them has for the other protocol.
    """
    held = [*texts]
    starting = {command.path for command in commands}
    ports = {(*map(frozenset, ways(command)),) for command in commands if not is_open(command)}
    if not ports or any(is_open(command) or command.place.built for command in commands):
        return
    rest, grpc = (frozenset[str]().union(*(pair[side] for pair in ports)) for side in (0, 1))
    if not (rest or grpc) or any(OTHER_WAYS.search(text.content) for text in held):
        return
    others = {port for command in commands for port in published(command)} - rest - grpc  # said of what is published
    for text in held:
        if text.path.lower().endswith(_CLIENTS) and text.path not in starting and not NOT_MEANT.search(text.path):
            yield from _first(text, set(rest), set(grpc), others, alone=len(ports) == 1)


def _first(text: Text, rest: set[str], grpc: set[str], others: set[str], alone: bool) -> Iterator[Finding]:
    speaks_grpc = bool(_SPEAKS_GRPC.search(text.content))
    for number, line in enumerate(lines_of(text), text.first_line):
        if line.lstrip().startswith(("#", "//")):
            continue
        asked = [(port, "/v1/models", rest, grpc, "gRPC's") for port in _REST.findall(line)]
        asked += [(port, "gRPC", grpc, rest, "REST's") for port in (_GRPC.findall(line) if speaks_grpc else ())]
        for port, what, right, wrong, whose in asked:
            if port not in right | others and (alone or port in wrong):
                ours, theirs = ("REST", "gRPC") if whose == "gRPC's" else ("gRPC", "REST")
                who = whose if port in wrong else "none at which a server here is reached"
                remedy = f"Ask port {min(right)}." if right else f"Publish {ours}, too, or ask by {theirs}."
                yield finding("request-wrong-port", text.path, number, port=port, what=what, who=who, remedy=remedy)
                return
