"""A container that publishes no port, where a program here asks for its server on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from playbook.lint.checks.client_programs import OTHER_WAYS, is_client, lines_said
from playbook.lint.checks.command import Command
from playbook.lint.checks.containers import listening
from playbook.lint.forms.text import ENGINES, Text
from playbook.lint.rules.findings import Finding, finding

_ASKED = re.compile(r"[\"'`]https?://(localhost|127\.0\.0\.1):(\d{2,5})/v1/models")
_RUNS = re.compile(rf"\b{ENGINES}\s+(?:container\s+)?(?:run|create)\b|\bcontainers\.(?:run|create)\b")
_REACHED_OTHERWISE = re.compile(
    r"--net|\bdocker\b.*\s-\w*P\b|--publish|\s-p\s*\d|docker[- ]compose|\bexpos|get_port"
    r"|publish_all|network|host_config|exec_run|IPAddress|\.attrs\b"
)


def check_unpublished(texts: Iterable[Text], commands: Sequence[Command]) -> Iterator[Finding]:
    """The one server here, started by a script in a container of which no port is published."""
    started = [command for command in commands if not (command.step or command.place.built)]
    if len(started) != 1 or not started[0].path.endswith((".sh", ".bash", ".py")):
        return
    command, held = started[0], [*texts]
    if not any(text.path == command.path and _RUNS.search(text.content) for text in held):
        return  # a platform's or a virtual machine's container, whose ports are not published so
    ports = listening(command)
    if not command.place.container or command.published or not ports or command.partial:
        return
    if any(OTHER_WAYS.search(text.content) or _REACHED_OTHERWISE.search(text.content) for text in held):
        return
    for text in filter(is_client, held):
        for number, line in lines_said(text):
            asked = _ASKED.search(line)
            if asked and int(asked[2]) in ports:
                words = {"name": f"The address in {text.path}:{number}", "host": asked[1], "port": asked[2]}
                yield finding("client-wrong-port", command.path, command.line, **words,
                              why="and this container publishes no port",
                              right=_right(command.path, asked[2]))  # fmt: skip
                return


def _right(path: str, port: str) -> str:
    by_program = path.endswith(".py")
    return f'Give it ports={{"{port}/tcp": {port}}}.' if by_program else f"Add -p {port}:{port} in front of the image."
