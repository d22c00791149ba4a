"""Ports of this machine that programs beside a server ask, and what the server has there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from playbook.lint.checks.client_programs import OTHER_WAYS, asked_by_grpc, is_client, lines_said
from playbook.lint.checks.command import Command
from playbook.lint.checks.default_addresses import asked_by_default
from playbook.lint.checks.host_ports import is_open, published, ways
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_REST = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0):(\d{2,5})/v1/models\b")


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
        if is_client(text) and text.path not in starting:
            yield from _first(text, held, set(rest), set(grpc), others, alone=len(ports) == 1)


def _first(
    text: Text, texts: Sequence[Text], rest: set[str], grpc: set[str], others: set[str], alone: bool
) -> Iterator[Finding]:
    sides = {"/v1/models": (rest, grpc, "gRPC's"), "gRPC": (grpc, rest, "REST's")}
    asked = [(line, port, "/v1/models") for line, content in lines_said(text) for port in _REST.findall(content)]
    asked += [(line, port, "gRPC") for line, port in asked_by_grpc(text)]
    asked += [each for each in asked_by_default(text, texts) if each[1] in sides[each[2]][1]]
    for line, port, what in sorted(asked, key=lambda each: each[0]):
        right, wrong, whose = sides[what]
        if port not in right | others and (alone or port in wrong):
            ours, theirs = ("REST", "gRPC") if whose == "gRPC's" else ("gRPC", "REST")
            who = whose if port in wrong else "none at which a server here is reached"
            remedy = f"Ask port {min(right)}." if right else f"Publish {ours}, too, or ask by {theirs}."
            yield finding("request-wrong-port", text.path, line, port=port, what=what, who=who, remedy=remedy)
            return
