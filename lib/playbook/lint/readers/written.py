"""Texts inside other texts: what a script or a program writes into files, each read as what it is."""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace
from typing import Any

from playbook.lint.checks.command import OFFICIAL
from playbook.lint.checks.config_kinds import is_config, kind_of
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.text import UNKNOWN, Text
from playbook.lint.readers.image import read_dockerfile
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.yaml_files import check_together, collect, read_page
from playbook.lint.readers.yaml_pages import load

_YAML = re.compile(r"(?m)^(apiVersion|kind|services|scrape_configs)\s*:")
_JSON = re.compile(rf"(?s)\s*\{{.*\"containers\"\s*:.*\"image\"\s*:\s*\"[^\"\n]*{OFFICIAL}")
_DOCKERFILE = re.compile(rf"(?m)^FROM\s+\S*{OFFICIAL}")


def read_written(name: str, text: Text, document: Document) -> Reading:
    """What stands in a text that is written into the file `name`: a Dockerfile, YAML, or a config file."""
    text = replace(text, content=textwrap.dedent(text.content))  # as a function's body holds it
    reading, inside = Reading(), Document(text, document.around)
    if "dockerfile" in name.lower() or _DOCKERFILE.search(text.content):
        return read_dockerfile(inside)
    if _YAML.search(text.content) or _JSON.match(text.content):
        page = load(Document(replace(text, written_as=".yaml"), document.around))  # whatever program holds it
        collect(page)
        pods, objects = list[Pod](), list[tuple[Any, str]]()
        reading = read_page(page, pods, objects)
        reading.findings += check_together(objects, pods, document.around.served)
        return reading
    if (flag := kind_of(text.content)) is not None:
        open_ends = "$" in text.content or UNKNOWN in text.content
        reading.configs.append((flag, replace(text, templated=text.templated or open_ends)))
        text = reading.configs[-1][1]
    elif UNKNOWN in text.content:
        text = replace(text, templated=True)
    if name:  # whatever it looks like: a flag may name it
        document.around.sources.extra.append((name.rpartition("/")[2], text))
    return reading


def is_file(word: str) -> bool:
    """True for a text that is a whole file: a Dockerfile, YAML with the server's image, or a config."""
    if word.count("\n") < 2 or "{{" in word:
        return False
    if is_config(word):
        return True
    server = re.search(rf"(?m)^FROM\s+\S*{OFFICIAL}|^\s*(- )?image:\s*[\"']?\S*{OFFICIAL}", word)
    return bool(server or _JSON.match(word)) or (kind_of(word) is not None and "model_config_list" in word)
