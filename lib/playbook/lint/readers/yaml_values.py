"""Values of YAML that hold a whole text: command lines of steps, tasks and hooks, and config files as they stand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.command import NAMED, OFFICIAL
from playbook.lint.checks.config_kinds import is_config, kind_of
from playbook.lint.checks.own_images import names_own
from playbook.lint.checks.reading import Reading
from playbook.lint.forms.text import ENGINES, Text, Word, line_of
from playbook.lint.forms.walking import lists_in, tables_in, words_in
from playbook.lint.readers.docker_words import run_arguments
from playbook.lint.readers.yaml_pages import Page

_STARTS = re.compile(rf"{NAMED}\s+\\?\s*-|\b{ENGINES}\b.*\brun\b.*{OFFICIAL}", re.DOTALL)
_RUNS = re.compile(rf"\b{ENGINES}\b.*\brun\b", re.DOTALL)
_DOCKERFILE = re.compile(rf"(?m)^\s*FROM\s+\S*{OFFICIAL}")
_WRITES = re.compile(r"(?m)^\s*(cat|tee)\b.*<<|^\s*(echo|printf)\b.*>")


def scalars_that_start(page: Page, reading: Reading) -> Iterator[Text]:
    """Values that hold a command line which no reader has met, or that write a config: steps, tasks, hooks."""
    met = {line_of(word) for command in reading.commands for word in command.words} | {
        each.line for each in reading.commands
    }
    for words in (each for data in page.data for each in lists_in(data)):
        if run_arguments(words) is not None and any(OFFICIAL in word for word in words) and not met & {words[0].line}:
            line = " ".join(shlex.quote(word) for word in words)
            yield Text(line, page.document.text.path, words[0].line or 1, None, page.document.text.templated)
    for word in (each for data in page.data for each in words_in(data)):
        lines = range(word.line or 1, (word.line or 1) + max(word.count("\n"), word.written.count("\n")) + 1)
        read = {str(each) for command in reading.commands for each in command.words if each.startswith("--")}
        alone = met & {*lines} and not any(each in word for each in read)  # another's words on the same line
        own = bool(_RUNS.search(word)) and names_own(page.document.around, word)
        starts = (own or _STARTS.search(word)) and (alone or not met & {*lines})
        writes = _WRITES.search(word) and (kind_of(word) or _DOCKERFILE.search(word))
        if starts or (not met & {*lines} and writes):
            yield Text(word.written, page.document.text.path, word.line or 1, None, page.document.text.templated)


def files_of(page: Page) -> Iterator[Text]:
    """Values that are whole Dockerfiles of the server's image, as ConfigMaps of builds hold them."""
    for word in (each for data in page.data for each in words_in(data)):
        if re.match(rf"\s*(#.*\n\s*)*FROM\s+\S*{OFFICIAL}", word):
            yield Text(
                str(word), page.document.text.path, word.line or 1, None, page.document.text.templated, word.flat
            )


def configs_in(page: Page) -> Iterator[tuple[str, Text]]:
    """Values that are config files as they stand (what a task copies, what cloud-init writes), by the flag they fit."""
    for data in page.data:
        for name, text in files_in(data, page.document.text):
            page.document.around.sources.extra += [(name.rpartition("/")[2], text)] if name else []
            if is_config(text.content):
                yield kind_of(text.content) or "", text


def files_in(data: Any, whole: Text) -> Iterator[tuple[str, Text]]:
    """Values of several lines that are config files by their look, or that a key beside them gives a file's name."""
    for table in tables_in(data):
        name = next((str(table[key]) for key in _NAMED if isinstance(table.get(key), str)), "")
        for key, word in table.items():
            if isinstance(word, Word) and "\n" in word and (is_config(word) or (name and key in _CONTENT)):
                templated = whole.templated or "{{" in word or "$" in word
                yield name, Text(str(word), whole.path, word.line or 1, None, templated, word.flat)


_NAMED = ("dest", "path", "filename", "destination", "target", "name")
_CONTENT = ("content", "contents", "data", "inline")
