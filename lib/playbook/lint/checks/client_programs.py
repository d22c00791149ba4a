"""Programs that ask a server, as far as their files' names tell, and the lines in which they do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.forms.address_parts import lines_of
from playbook.lint.forms.text import Text

PROGRAMS = (".py", ".js", ".mjs", ".ts", ".tsx", ".jsx", ".go", ".rb", ".php", ".java", ".kt", ".cs", ".rs")
# what leads to a server by ports that it does not publish itself
OTHER_WAYS = re.compile(r"port-forward|ssh\s.*-L|ngrok|--net(work)?[= ]host|nginx|envoy|ingress", re.IGNORECASE)
_NOT_MEANT = re.compile(r"(?i)(^|[/_.-])(tests?|mocks?|spec|conftest|benchmarks?|old|archive|examples?)([/_.-]|$)")
_GRPC = re.compile(
    r"(?:channel|Dial(?:Context)?|NewClient|forTarget|Client|Stub)\(\s*[\"']"
    r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0):(\d{2,5})[\"']"
)
_SPEAKS_GRPC = re.compile(r"PredictionService|prediction_service_pb2|tensorflow_serving[./]apis")


def is_client(text: Text) -> bool:
    """True for a program's file, unless its name says that the server here is not the one it asks."""
    return text.path.lower().endswith(PROGRAMS) and not _NOT_MEANT.search(text.path)


def lines_said(text: Text) -> Iterator[tuple[int, str]]:
    """The lines of a program that are no comments, by their numbers, addresses put together from their parts."""
    for number, line in enumerate(lines_of(text), text.first_line):
        if not line.lstrip().startswith(("#", "//")):
            yield number, line


def asked_by_grpc(text: Text) -> Iterator[tuple[int, str]]:
    """The lines and ports of this machine at which a program makes a channel for the server's gRPC."""
    if _SPEAKS_GRPC.search(text.content):
        yield from ((number, port) for number, line in lines_said(text) for port in _GRPC.findall(line))
