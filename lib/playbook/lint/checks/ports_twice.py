"""Two servers that want one port: in one script, or of the host in one compose file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import Any

from playbook.lint.checks.command import Command
from playbook.lint.checks.host_ports import is_open, led
from playbook.lint.forms.shell_loops import turns
from playbook.lint.forms.text import Text, Word, is_unknown, place_of
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_SCRIPTS = (".sh", ".bash", ".zsh", ".ksh")
# between two starts: the first may be over, or the two stand in different branches
_OVER = re.compile(
    r"(?m)^\s*(wait|exit|return|fi|else|elif|esac|done|\}|\w+\s*\(\))|;;|\b(p?kill\w*|docker(-compose)?\s+(\w+\s+)*"
    r"(stop|rm|kill|down)|podman\s+(stop|rm|kill)|set_port|fuser)\b"
)
_BEHIND = re.compile(r"(?<![&>|])&\s*(?:#.*)?$|\bnohup\b|\s(-d|-[a-z]*d[a-z]*|--detach)\s")
# how a document says that both are to run
_BESIDE = re.compile(
    r"\b(?:another|second|other|new|separate)\s+(?:terminal|shell|window|tab|console|server|container|instance)\b"
    r"|\b(?:both|two)\s+(?:servers?|containers?|models?|instances?)\b|\bsecond\s+model\b"
    r"|\b(?:at the same time|side by side|in parallel|simultaneously|as well)\b",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"\b(?:instead|alternative\w*|or\b[,:]|either|option|stop|replace|restart|again|upgrade)\w*", re.IGNORECASE
)
_DOCUMENTS = (".md", ".rst", ".markdown", ".mdx", ".adoc", ".txt")
_NAMED = re.compile(r"\s--name[= ]+[\"']?([\w.$-]+)")
_GOES_ON = re.compile(r"\\\s*$")


def check_script(text: Text, commands: Sequence[Command]) -> Iterator[Finding]:
    """Servers that one script leaves running beside each other, on one port."""
    if not (text.path.endswith(_SCRIPTS) or re.match(r"#!.*sh\b", text.content)):
        return
    lines = text.content.split("\n")
    for first, second in combinations(_in_order(text, commands), 2):
        begin, end = (first.line or 1) - 1, (second.line or 1) - 1
        whole = whole_command(lines, begin)
        between = "\n".join(lines[begin + len(whole) : end])
        if begin != end and _BEHIND.search(" ".join(whole)) and not _OVER.search(between):
            yield from _of_two(first, second, f"of this script (the other at line {first.line})")
            yield from _named_twice(first, second, lines)
    yield from _looped(text, lines, [each for each in commands if each.path == text.path and each.line])


def check_document(text: Text, commands: Sequence[Command]) -> Iterator[Finding]:
    """Servers of one document that it tells its reader to run beside each other, on one port or under one name."""
    if text.suffix not in _DOCUMENTS:
        return
    lines = text.content.split("\n")
    for first, second in pairwise(_in_order(text, commands)):
        begin, end = (first.line or 1) - 1, (second.line or 1) - 1
        whole = whole_command(lines, begin)
        between = "\n".join(lines[begin + len(whole) : end])
        if begin < end and _BESIDE.search(between) and not (_OVER.search(between) or _INSTEAD.search(between)):
            yield from _of_two(first, second, f"of this text (the other at line {first.line})")
            yield from _named_twice(first, second, lines)


def _in_order(text: Text, commands: Sequence[Command]) -> list[Command]:
    return sorted((each for each in commands if each.path == text.path and each.line), key=lambda each: each.line or 0)


def _named_twice(first: Command, second: Command, lines: list[str]) -> Iterator[Finding]:
    """One name of two containers, which docker gives to the first alone."""
    ours, theirs = (_NAMED.search(" ".join(whole_command(lines, (each.line or 1) - 1))) for each in (first, second))
    if first.place.container and ours and theirs and ours[1] == theirs[1] and not is_unknown(ours[1]):
        yield finding("container-name-twice", second.path, second.line, name=ours[1], first=first.line)


def whole_command(lines: list[str], begin: int) -> list[str]:
    """The lines of a command that begins here, those that go on with a backslash."""
    end = begin
    while end < len(lines) - 1 and _GOES_ON.search(lines[end]):
        end += 1
    return lines[begin : end + 1]


def _looped(text: Text, lines: list[str], commands: Sequence[Command]) -> Iterator[Finding]:
    """A server that a loop starts again and again, in the background."""
    for command in commands:
        whole = " ".join(whole_command(lines, (command.line or 1) - 1))
        for each in turns(text.content, command.line or 1) if _BEHIND.search(whole) else ():
            yield from _of_turns(command, each)


def _of_turns(command: Command, filled: list[str]) -> Iterator[Finding]:
    """The ports of one command line in each turn of its loop."""
    taken: dict[str, str] = {}
    where = "that this loop starts"
    for words in filled:
        flags = {name: number for name, number in re.findall(r"--(port|rest_api_port)=[\"']?(\d+)\b", words)}
        published = re.findall(r"(?:-p|--publish)[= ]?[\"']?(?:[\d.]+:)?(\d+):\d+", words)
        ours = {number: "published" for number in published} if command.place.container else {
            number: name for name, number in flags.items() if number != "0"}  # fmt: skip
        for number, name in ours.items():
            if number in taken:
                yield _said(command, number, {name, taken[number]}, where)
                return
        taken |= ours


def _of_two(first: Command, second: Command, where: str) -> Iterator[Finding]:
    if is_open(first) or is_open(second):
        return
    if first.place.container or second.place.container:
        yield from _published_twice(first, second)
        return
    ours, theirs = _ports(first), _ports(second)
    for port in sorted(ours.keys() & theirs.keys()):
        told = "port" in first.given or "port" in second.given
        if ours[port] == theirs[port] == "port" and not told:
            continue  # by default: nobody speaks of gRPC
        yield _said(second, port, {ours[port], theirs[port]}, where)


def _ports(command: Command) -> dict[str, str]:
    """A process' ports, and the flag of each."""
    pairs = {command.text("port", "8500"): "port", command.text("rest_api_port", "0"): "rest_api_port"}
    return {port: flag for port, flag in pairs.items() if port != "0"}


def _said(command: Command, port: str, flags: set[str], where: str) -> Finding:
    at = next((command.at(flag) for flag in sorted(flags) if flag in command.given), command.line)
    if flags == {"published"}:
        words = {"other": "another turn of this loop", "first": command.line, "free": "$((PORT + i))", "inside": "8501"}
        return finding("host-port-twice", command.path, command.line, port=port, **words)
    if flags == {"port"}:
        return finding("grpc-port-shared", command.path, at, port=port, where=where)
    effect = "the second has no REST, and only its log says so"
    if "port" in flags:
        effect = "one of them has no REST, or ends with code 255 as it cannot bind gRPC's"
    return finding("server-port-twice", command.path, at, port=port, where=where, effect=effect)


def _published_twice(first: Command, second: Command) -> Iterator[Finding]:
    ours = {host: word for word in first.published for host, _ in led(word)}
    taken = {*ours} | {host for word in second.published for host, _ in led(word)}
    for word in second.published:
        for host, inside in led(word):
            if host in ours and host.isdigit() and _address(word) == _address(ours[host]):
                here = "text" if second.in_prose else "script"
                words = {"other": f"a container of this {here}", "first": ours[host].line or first.line}
                yield finding("host-port-twice", *place_of(word, second.path, second.line), port=host, inside=inside,
                              free=_free(host, taken), **words)  # fmt: skip
                return


def _address(word: Word) -> tuple[str, str]:
    """The host's address that a port is published at, and its protocol."""
    told, _, protocol = word.written.partition("/")
    return ":".join(told.split(":")[:-2]), protocol or "tcp"


def _free(host: str, taken: set[str]) -> str:
    port = int(host)
    while str(port) in taken:
        port += 1
    return str(port)


def check_compose(data: Any, serving: set[str], shown: str) -> Iterator[Finding]:
    """Ports of the host that two services of a compose file publish, one of them a server's (`serving`, by name)."""
    held: dict[tuple[str, tuple[str, str]], tuple[str, int | None]] = {}
    taken: set[str] = set()
    for name, service in data["services"].items():
        if not isinstance(service, Table) or "profiles" in service or "network_mode" in service:
            continue
        for item in service.get("ports") or []:
            text = str(item)
            if isinstance(item, (Table, dict)) or is_unknown(text):
                continue
            word = Word(text, getattr(item, "line", None) or service.at("ports"), path=getattr(item, "path", ""))
            for host, inside in led(word):
                taken.add(host)
                key = (host, _address(word))
                if key not in held:
                    held[key] = (str(name), word.line)
                elif held[key][0] != str(name) and {held[key][0], str(name)} & serving and host.isdigit():
                    other, first = held[key]
                    yield finding("host-port-twice", *place_of(word, shown, service.line), port=host, other=other,
                                  first=first, free=_free(host, taken), inside=inside)  # fmt: skip
