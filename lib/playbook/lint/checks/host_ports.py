"""Ports of the host, and which of a server's ports each leads to."""

from __future__ import annotations

from collections.abc import Iterator

from playbook.lint.checks.command import Command
from playbook.lint.forms.text import Word, is_unknown

HERE = ("localhost", "127.0.0.1", "0.0.0.0")


def is_open(command: Command) -> bool:
    """True where a server may listen, or be reached, on ports that are not told."""
    known = command.knows("port") and command.knows("rest_api_port") and not (command.partial or command.managed)
    told = [[*led(word)] for word in command.published]
    more = any(is_unknown(word.partition("=")[0]) for word in command.words)  # flags that stand elsewhere
    known = known and command.text("port", "8500") != command.text("rest_api_port", "0")  # which is said as such
    return not known or more or (command.place.container and (not told or [] in told))


def ways(command: Command) -> tuple[set[str], set[str]]:
    """The ports of the host that lead to REST, and to gRPC."""
    rest, grpc = command.text("rest_api_port", "0"), command.text("port", "8500")
    if not command.place.container:
        return {rest} - {"0"}, {grpc} - {"0"}
    pairs = [pair for word in command.published for pair in led(word)]
    return {host for host, inside in pairs if inside == rest}, {host for host, inside in pairs if inside == grpc}


def published(command: Command) -> set[str]:
    """The ports of the host that lead into the container, whatever listens there."""
    return {host for word in command.published for host, _ in led(word)}


def led(word: Word) -> Iterator[tuple[str, str]]:
    """The ports of the host and those inside that they lead to; none where docker or a variable chooses the host's."""
    told = word.written.partition("/")[0].split(":")
    if len(told) < 2 or not told[-2] or is_unknown(word.written):
        return
    host, inside = _span(told[-2]), _span(told[-1])
    if len(host) == len(inside):
        yield from zip(host, inside, strict=True)


def _span(text: str) -> list[str]:
    """The ports of `8500-8501`; one that is no span is itself."""
    first, _, last = text.partition("-")
    if first.isdigit() and last.isdigit() and 0 <= int(last) - int(first) < 1000:
        return [str(port) for port in range(int(first), int(last) + 1)]
    return [text]
