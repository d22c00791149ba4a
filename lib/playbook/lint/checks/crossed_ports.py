"""Ports that are published one for the other: the host's 8501 leads to gRPC, or its 8500 to REST."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from playbook.lint.checks.command import Command
from playbook.lint.checks.host_ports import led
from playbook.lint.forms.text import Text, Word, place_of
from playbook.lint.rules.findings import Finding, finding

# somebody asks that port of a host: `localhost:8501`, `{host}:8501`, and not `127.0.0.1:8501:8500`
_ASKED = r"(?:[A-Za-z_][\w.-]*|\d+(?:\.\d+){{3}}|[\]}}]):{port}\b(?!:)"


def check_crossed(text: Text, commands: Sequence[Command]) -> Iterator[Finding]:
    """Of each server in a text the first port whose usual meaning is the other protocol's.

    Nothing is said where the text asks that port, or where other servers or ports beside it are led to the same one:
    then the number is chosen with care.
    """
    others = {pair for each in commands for word in each.published for pair in led(word)}
    for command in commands:
        if command.partial or command.managed or not (command.knows("port") and command.knows("rest_api_port")):
            continue
        for word in command.published:
            crossed = [pair for pair in led(word) if _is_crossed(*pair, command, others)]
            crossed = [pair for pair in crossed if not _is_asked(pair[0], text)]
            if crossed:
                yield _said(*crossed[0], command, word)
                break


def _is_asked(port: str, text: Text) -> bool:
    """True where the text asks a port of the host, as one who knows what it leads to; by a path of REST's at the port
    of REST it does not know."""
    asked = re.findall(_ASKED.format(port=port) + r"(/v1/)?", text.content)
    return any(port != "8501" or not path for path in asked)


def _usual(command: Command) -> dict[str, tuple[str, str, str, str]]:
    """By port of the host: the port inside that nobody expects there, what it speaks, what is meant, the right one."""
    grpc, rest = command.text("port", "8500"), command.text("rest_api_port", "0")
    return {"8501": (grpc, "gRPC", "REST", rest), "8500": (rest, "REST", "gRPC", grpc)} if grpc != rest else {}


def _is_crossed(host: str, inside: str, command: Command, others: set[tuple[str, str]]) -> bool:
    wrong, _, _, right = _usual(command).get(host, ("", "", "", ""))
    own = [by for word in command.published for by, to in led(word) if to == right]
    chosen = any(by not in ("8500", "8501") for by in own)  # the other one is published at a port of its own
    return inside == wrong != host and not chosen and not any(to == inside and by != host for by, to in others)


def _said(host: str, inside: str, command: Command, word: Word) -> Finding:
    _, speaks, meant, right = _usual(command)[host]
    words = {"host": host, "inside": inside, "speaks": speaks, "meant": meant}
    remedy = f"Publish {host}:{right}." if right != "0" else "Give the server --rest_api_port for REST."
    return finding("ports-crossed", *place_of(word, command.path, command.line), **words, remedy=remedy)
