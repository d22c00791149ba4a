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
_HERE = r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0)"
_HTTP = re.compile(rf"https?://(?:{_HERE}:(\d{{2,5}})|[^\s/\"'`]+:(\d{{2,5}})/v1/models)")


def is_client(text: Text) -> bool:
    """True for a program's file, unless its name says that the server here is not the one it asks."""
    return text.path.lower().endswith(PROGRAMS) and not _NOT_MEANT.search(text.path)


def lines_said(text: Text) -> Iterator[tuple[int, str]]:
    """The lines of a program that are no comments, by their numbers, addresses put together from their parts."""
    for number, line in enumerate(lines_of(text), text.first_line):
        if not line.lstrip().startswith(("#", "//")):
            yield number, line


def speaks_grpc(text: Text) -> bool:
    """True for a program that has the stubs of the server's gRPC."""
    return bool(_SPEAKS_GRPC.search(text.content))


def speaks_rest(text: Text) -> bool:
    """True for a program that has REST's path."""
    return "/v1/models" in text.content


def asked_by_http(text: Text) -> set[str]:
    """The ports that a text asks by HTTP: of this machine, or of any by REST's path."""
    return {here or there for here, there in _HTTP.findall(text.content)}


def asked_by_grpc(text: Text) -> Iterator[tuple[int, str]]:
    """The lines and ports of this machine at which a program makes a channel for the server's gRPC."""
    if speaks_grpc(text):
        yield from ((number, port) for number, line in lines_said(text) for port in _GRPC.findall(line))
