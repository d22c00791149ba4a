"""Texts inside other texts: what a script or a program writes into files, each read as what it is."""

from __future__ import annotations

import re
from dataclasses import replace

from playbook.lint.command import OFFICIAL
from playbook.lint.image import read_dockerfile
from playbook.lint.reading import Document, Reading
from playbook.lint.schema import kind_of
from playbook.lint.shell import Simple
from playbook.lint.text import UNKNOWN, Text
from playbook.lint.yaml_files import collect, load, read_page

_YAML = re.compile(r"(?m)^(apiVersion|kind|services|scrape_configs)\s*:")
_DOCKERFILE = re.compile(rf"(?m)^FROM\s+\S*{OFFICIAL}")


def read_written(name: str, text: Text, document: Document) -> Reading:
    """What stands in a text that is written into the file `name`: a Dockerfile, YAML, or a config file."""
    reading, inside = Reading(), Document(text, document.around)
    if "dockerfile" in name.lower() or _DOCKERFILE.search(text.content):
        return read_dockerfile(inside)
    if _YAML.search(text.content):
        page = load(inside)
        collect(page)
        return read_page(page, [], [])
    if (flag := kind_of(text.content)) is not None:
        open_ends = "$" in text.content or UNKNOWN in text.content
        reading.configs.append((flag, replace(text, templated=text.templated or open_ends)))
        document.around.sources.extra.append((name.rpartition("/")[2], reading.configs[-1][1]))
    return reading


class Writes:
    """The files that a script's `echo` and `printf` lines make, each put together from all that write it."""

    def __init__(self) -> None:
        self.files: dict[str, Text] = {}

    def add(self, command: Simple, path: str) -> None:
        """Take in a command, where it writes words into a file; the lines of the script are kept."""
        words = command.words
        if not command.target or not words or words[0] not in ("echo", "printf"):
            return
        content = " ".join(word for word in words[1:] if word not in ("-e", "-n", "-en", "-ne"))
        content = re.sub(r"%[sd]", UNKNOWN, re.sub(r"(?<!\\)\\n", "\n", content)) if words[0] == "printf" else content
        name, line = str(command.target), words[0].line or 1
        before = self.files.get(name) if command.appends else None
        if before is None:
            self.files[name] = Text(content, path, line)
            return
        blank = max(line - before.first_line - before.content.count("\n"), 1)
        self.files[name] = replace(before, content=before.content + "\n" * blank + content)
