"""nginx's configuration: which directives pass requests on, by which protocol, to which hosts and ports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMMENT = re.compile(r"(?m)(^|\s)#.*$")
_UPSTREAM = re.compile(r"\bupstream\s+([\w.-]+)\s*\{([^}]*)\}")
_SERVER = re.compile(r"\bserver\s+([\w.-]+)(?::(\d+))?[^;]*;")
_PASS = re.compile(r"\b(proxy_pass|grpc_pass)\s+(?:(\w+)://)?([\w.-]+)(?::(\d+))?(/[^;\s]*)?\s*;")
HTTP, GRPC = "HTTP/1.1", "gRPC"


@dataclass(frozen=True)
class Pass:
    """One directive: its name, the protocol it speaks, a host and port it sends to, its path and its line.

    `asked` is the host as the directive names it, which may be an upstream's name.
    """

    directive: str
    spoken: str
    host: str
    port: int
    path: str
    line: int
    asked: str = ""


def passes(content: str, first_line: int = 1) -> Iterator[Pass]:
    """Every way that a configuration passes requests on by; an upstream counts as each of its servers."""
    bare = _COMMENT.sub(lambda match: match[1], content)
    upstreams = {match[1]: _SERVER.findall(match[2]) for match in _UPSTREAM.finditer(bare)}
    for match in _PASS.finditer(bare):
        directive, scheme, host, port, path = match.groups()
        line = first_line + bare.count("\n", 0, match.start())
        spoken = GRPC if directive == "grpc_pass" else HTTP
        default = "443" if scheme in ("https", "grpcs") else "80"
        for name, number in upstreams.get(host, [(host, port or "")]):
            yield Pass(directive, spoken, name, int(number or default), path or "", line, host)
