"""REST requests in a text that starts its server itself: which port they go to, and what answers there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from playbook.knobs import METRICS_PATH
from playbook.lint.checks.client_programs import OTHER_WAYS, asked_by_grpc
from playbook.lint.checks.command import Command
from playbook.lint.checks.default_addresses import asked_by_default
from playbook.lint.checks.host_ports import HERE, is_open, published, ways
from playbook.lint.checks.rest_paths import refused_path
from playbook.lint.forms.address_parts import lines_of
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_ASKED = re.compile(
    r"(?:https?://([\w.{}$-]+)|(?<![\w/.:-])(localhost|127\.0\.0\.1|0\.0\.0\.0)):(\d{1,5})"
    rf"(/v1/models|{re.escape(METRICS_PATH)})"
)
_ANY = re.compile(r"[\"']https?://([\w.-]+):(\d{1,5})[\"'/]")  # of a program that sends requests itself
_SENDS = re.compile(r"\brequests\.(?:post|get)\(|\bfetch\(|\baxios\.")
_PATH = re.compile(r"https?://([\w.-]+):(\d{1,5})/((?:v1/)?models?/[\w.-]+[\w./-]*(?::\w+)?)(?![\w/:${<%*\\])")
_POSTS = re.compile(r"\bcurl\b.*\s(?:-X\s*POST|--request[ =]POST|-d\b|--data\w*\b)|\brequests\.post\(")
_METRICS = re.compile(r"https?://[\w.{}$-]+:(\d{1,5})(/(?:[\w-]+/)*metrics)\b(?![/\w-])")
_INSIDE = re.compile(
    r"\bexec\b|healthcheck|--health-cmd", re.IGNORECASE
)  # asked in the container, not through what is published
_READ = (".md", ".rst", ".markdown", ".mdx", ".adoc", ".txt", ".ipynb", ".sh", ".bash", ".bat", ".ps1", ".mk",
         "makefile")  # fmt: skip
_OF_CI = re.compile(r"(?:^|/)(?:\.github/workflows/|\.circleci/|\.gitlab-ci|\.travis|azure-pipelines|buildspec)")


def check_requests(text: Text, commands: Sequence[Command], served: str) -> Iterator[Finding]:
    """Requests of a document or script that none of the servers in it answers: `commands` are all that it starts.

    `served` is where their monitoring file shows metrics.
    Nothing is said where one of them may take the request: flags that stand elsewhere, ports that are not told.
    """
    if not (text.path.lower().endswith(_READ) or _OF_CI.search(text.path)) or not commands:
        return
    known = [each for each in commands if not is_open(each)]
    all_rest = {port for each in known for port in ways(each)[0]}
    yield from _metrics(text, all_rest, served) if known == [*commands] else ()
    told: set[str] = set()
    grpc = {port for each in known for port in ways(each)[1]}
    for line, host, port, what in [*_asked(text), *_sent(text, grpc)]:
        begun = _begun(commands, text, line)
        rest = {way for each in begun for way in ways(each)[0]}
        led = {way: each for each in begun for way in ways(each)[1]}
        alone = len(commands) == 1 and not OTHER_WAYS.search(text.content)
        if any(is_open(each) for each in begun) or port in rest | told:
            continue
        if port not in led and any(port in published(each) for each in begun):
            continue  # it leads to where nothing listens, which is said of the port that is published
        if port in led or (alone and host in HERE):
            told.add(port)
            command = led.get(port, begun[0])
            at = command.line if text.path.endswith(".ipynb") else line
            yield _lost(command, port, what, port in led, rest, at)
    yield from _by_grpc(text, commands) if known == [*commands] else ()
    if not OTHER_WAYS.search(text.content):
        yield from _paths(text, all_rest if known == [*commands] else set())


def _by_grpc(text: Text, commands: Sequence[Command]) -> Iterator[Finding]:
    """The first channel of gRPC's that the text makes to a port of REST's."""
    by_default = ((line, port) for line, port, what in asked_by_default(text) if what == "gRPC")
    for line, port in (*asked_by_grpc(text), *by_default):
        begun = _begun(commands, text, line)
        rest, grpc = (frozenset[str]().union(*(ways(each)[side] for each in begun)) for side in (0, 1))
        if port in rest - grpc:
            remedy = f"Ask port {min(grpc)}." if grpc else "Publish gRPC's, too: -p 8500:8500."
            at = begun[0].line if text.path.endswith(".ipynb") else line
            yield finding("request-wrong-port", text.path, at, port=port, what="gRPC", who="REST's", remedy=remedy)
            return


def _paths(text: Text, rest: set[str]) -> Iterator[Finding]:
    """Requests to REST whose path is none that it has, or has for GET alone."""
    for line, content in enumerate(text.content.split("\n"), text.first_line):
        for host, port, path in _PATH.findall(content):
            if host in HERE and (port in rest or (path.startswith("v1/models/") and port == "8501" and not rest)):
                yield from refused_path(path, bool(_POSTS.search(content)), text.path, line)


def _metrics(text: Text, rest: set[str], served: str) -> Iterator[Finding]:
    """Requests for metrics at a path where REST has none; the lines of a notebook's text are not those of its cells."""
    for line, content in enumerate(text.content.split("\n"), text.first_line):
        asked = _METRICS.findall(content) if not (_INSIDE.search(content) or text.path.endswith(".ipynb")) else ()
        for port, path in asked:
            if port in rest and path != served.rstrip("/"):
                yield finding("metrics-path-mismatch", text.path, line, path=path, served=served,
                              key="metrics_path")  # fmt: skip


def _asked(text: Text) -> Iterator[tuple[int, str, str, str]]:
    """The lines, hosts, ports and paths of the requests to REST that go through what is published."""
    for line, content in enumerate(lines_of(text), text.first_line):
        for named, bare, port, what in _ASKED.findall(content) if not _INSIDE.search(content) else ():
            yield line, named or bare, port, what


def _sent(text: Text, grpc: set[str]) -> Iterator[tuple[int, str, str, str]]:
    """The lines, hosts, ports and paths of a program's own requests by HTTP to a port of gRPC's, whatever it asks."""
    sends = _SENDS.search(text.content)
    for line, content in enumerate(text.content.split("\n"), text.first_line) if sends else ():
        yield from (
            (line, host, port, "/v1/models") for host, port in _ANY.findall(content) if host in HERE and port in grpc
        )


def _begun(commands: Sequence[Command], text: Text, line: int) -> list[Command]:
    """The servers that the text starts above a line; all, where there are none, or lines are those of cells."""
    above = [each for each in commands if (each.line or 0) <= line]
    return [*commands] if text.path.endswith(".ipynb") else above or [*commands]


def _lost(command: Command, port: str, what: str, by_grpc: bool, rest: set[str], line: int | None) -> Finding:
    inside = command.text("rest_api_port", "0")
    if inside == "0":
        expects = f"http://...:{port}{what}, which this text asks,"
        return finding("rest-port-off", command.path, command.at("port"), expects=expects)
    nobody = "not published" if command.place.container else "none that the server listens on"
    who = f"gRPC's ({command.text('port', '8500')})" if by_grpc else nobody
    remedy = f"Ask port {min(rest)}." if rest else f"Publish REST's: -p {inside}:{inside}."
    return finding("request-wrong-port", command.path, line, port=port, what=what, who=who, remedy=remedy)
