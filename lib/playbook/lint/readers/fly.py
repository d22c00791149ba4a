"""fly.toml: the container that Fly.io starts, as a service of compose's."""

from __future__ import annotations

import re

from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.text import Text, Word
from playbook.lint.forms.yaml_lines import Items, Table
from playbook.lint.readers.compose import read_service

_SECTION = re.compile(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?\s*(?:#.*)?")
_SETTING = re.compile(r"""\s*["']?([\w.-]+)["']?\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s#]+))\s*(?:#.*)?""")
_PORTS = ("http_service", "services")


def read_fly(document: Document) -> Reading:
    """What a fly.toml starts: an image, or what the Dockerfile beside it makes, and the port that is asked there."""
    sections = list(_sections(document.text))
    named = {name: table for name, table in reversed(sections)}
    build = named.get("build", Table())
    service = Table()
    service.line = sections[0][1].line if sections else 1
    if "image" in build:
        service[Word("image", build.at("image"))] = build["image"]
    else:
        service[Word("build", build.line)] = Table(context=".", dockerfile=str(build.get("dockerfile", "")))
    if "env" in named:
        service[Word("environment", named["env"].line)] = named["env"]
    commands = [*named.get("processes", Table()).values()]
    if len(commands) == 1:
        service[Word("command", commands[0].line)] = commands[0]
    mounts = [table for name, table in sections if name == "mounts" and "destination" in table]
    service["volumes"] = Items([Word(f"{each.get('source')}:{each['destination']}", each.line) for each in mounts])
    service["ports"] = Items(
        [table["internal_port"] for name, table in sections if name in _PORTS and "internal_port" in table]
    )
    told = "files" not in named and len(commands) < 2
    return read_service(service, Table(), document, loose=True, mounts_told=told)


def _sections(text: Text) -> list[tuple[str, Table]]:
    """The sections of a file in their order, each with its settings of one line; others are left out."""
    found = [("", Table())]
    for line, content in enumerate(text.content.split("\n"), text.first_line):
        if section := _SECTION.fullmatch(content):
            found.append((section[1], Table()))
            found[-1][1].line = line
        elif setting := _SETTING.fullmatch(content):
            value = next((each for each in setting.groups()[1:] if each is not None), "")
            found[-1][1][Word(setting[1], line)] = Word(value, line)
    return found
