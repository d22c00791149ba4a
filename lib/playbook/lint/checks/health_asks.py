"""What a health check inside the container asks its server: a port on which it listens, a model that it has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from playbook.lint.checks.command import Command
from playbook.lint.checks.containers import listening
from playbook.lint.forms.text import Word, is_unknown, place_of
from playbook.lint.rules.findings import Finding, finding

_HOST = r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\$\{?HOSTNAME\}?)"
_URL = re.compile(rf"(?P<scheme>https?://)?{_HOST}:(?P<port>\d{{1,5}})(?P<path>/[^\s\"'`;|&)\]]*)?")
_MODEL = re.compile(r"/v1/models/([\w.-]+)")
_OURS = ("/v1/models", "/monitoring")


def check_asks(script: Word, who: str, command: Command, names: Sequence[str], shown: str) -> Iterator[Finding]:
    """The first address in a health check at which the server does not answer.

    Args:
        script: the check's command, at its line.
        who: what runs it, as a sentence begins.
        command: the server's command line, its flags read.
        names: its models; empty where they are not known.
        shown: the text that the command stands in.
    """
    ports = None if command.partial else listening(command)
    for asked in _URL.finditer(script) if ports is not None else ():
        port, path = int(asked["port"]), asked["path"] or ""
        http = bool(asked["scheme"] or path)
        if not (path.startswith(_OURS) or port in (8500, 8501)):
            continue  # another program's beside the server
        told = names if command.text("model_name") != "model" else ()  # by default: it is told elsewhere
        why, right = _lost(port, http, command) or _model(path, told) or ("", "")
        if why:
            words = {"who": who, "address": asked.group(), "why": why, "right": right}
            yield finding("health-asks-nobody", *place_of(script, shown, None), **words)
            return


def _lost(port: int, http: bool, command: Command) -> tuple[str, str] | None:
    """Why nobody answers at a port, and what mends it; None where the server does."""
    rest, grpc = command.number("rest_api_port"), command.number("port", 8500)
    right = f"Ask port {rest}." if rest else "Give the server --rest_api_port for REST."
    if port not in (rest, grpc):
        told = f"on {rest}" if rest else "off"
        return f"and nothing listens there: gRPC is on {grpc or 'no port'}, REST is {told}", right
    if http and port == grpc != rest:
        return "which is gRPC's port and answers no HTTP/1.1", right
    return None


def _model(path: str, names: Sequence[str]) -> tuple[str, str] | None:
    """Why a path is answered by 404, and what mends it; None where it is not, or nobody knows."""
    asked = _MODEL.match(path)
    if asked is None or not names or asked[1] in names or is_unknown(path):
        return None
    return f"and the server has {', '.join(names)}", f"Ask /v1/models/{names[0]}."
