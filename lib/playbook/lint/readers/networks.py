"""Services of one compose file that name a server, and share no network with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from playbook.lint.checks.command import OFFICIAL
from playbook.lint.checks.reading import SHAPES
from playbook.lint.checks.start import is_anothers
from playbook.lint.forms.text import line_of
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.compose_values import environment_of, words_of
from playbook.lint.rules.findings import Finding, finding


def check_networks(objects: list[tuple[Any, str]]) -> Iterator[Finding]:
    """Findings of compose files whose clients are in other networks than the server that they name.

    Silent where a service stands in several files, which may be put over one another, or is shown in part.
    """
    files = [services for data, _ in objects if isinstance(services := data.get("services"), Table)]
    for data, shown in objects:
        others = {str(name) for services in files if services is not data.get("services") for name in services}
        with suppress(*SHAPES):  # its reader tells
            yield from _of_services(data.get("services"), others, shown)


def _of_services(services: Any, elsewhere: set[str], shown: str) -> Iterator[Finding]:
    held = {str(name): each for name, each in services.items() if isinstance(each, Table)} if services else {}
    for name, server in held.items():
        image = str(server.get("image", ""))
        if not (OFFICIAL in image or is_anothers(image)):
            continue
        for other, client in held.items():
            line = _naming(client, {name, str(server.get("container_name") or name)})
            known = {"image", "build"} & {*client} and not {"network_mode", "extends"} & {*server, *client}
            if (
                other != name
                and line
                and known
                and not {name, other} & elsewhere
                and not _networks(server) & _networks(client)
            ):
                own = sorted(_networks(server))[0]
                yield finding("client-other-network", shown, line, client=other, name=name, network=own)


def _networks(service: Any) -> set[str]:
    named = service.get("networks")
    return {str(each) for each in named} if named else {"default"}


def _naming(client: Any, names: set[str]) -> int | None:
    """The line on which a service names one of these; None where it names none."""
    links = client.get("links")
    for link in links if isinstance(links, list) else ():
        if str(link).partition(":")[0] in names:
            return line_of(link) or client.at("links")
    host = "|".join(map(re.escape, names))
    address = re.compile(rf"(?:^|//|=)({host})(?::\d+|/|$)")
    for word in [*environment_of(client.get("environment")).values(), *(words_of(client.get("command")) or [])]:
        if address.search(word):
            return line_of(word) or client.line
    return None
