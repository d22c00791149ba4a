"""Values of YAML that hold a whole text: command lines of steps, tasks and hooks, and config files as they stand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

from playbook.lint.checks.command import NAMED, OFFICIAL
from playbook.lint.checks.own_images import names_own
from playbook.lint.checks.reading import Reading
from playbook.lint.checks.schema import is_config, kind_of
from playbook.lint.forms.text import ENGINES, Text, Word, line_of
from playbook.lint.forms.walking import lists_in, tables_in, words_in
from playbook.lint.readers.docker_cli import run_arguments
from playbook.lint.readers.yaml_pages import Page

_STARTS = re.compile(rf"{NAMED}\s+-|\b{ENGINES}\b.*\brun\b.*{OFFICIAL}", re.DOTALL)
_RUNS = re.compile(rf"\b{ENGINES}\b.*\brun\b", re.DOTALL)
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
        lines = range(word.line or 1, (word.line or 1) + word.count("\n") + 1)
        read = {str(each) for command in reading.commands for each in command.words if each.startswith("--")}
        alone = met & {*lines} and not any(each in word for each in read)  # another's words on the same line
        own = bool(_RUNS.search(word)) and names_own(page.document.around, word)
        starts = (own or _STARTS.search(word)) and (alone or not met & {*lines})
        if starts or (not met & {*lines} and _WRITES.search(word) and kind_of(word)):
            yield Text(word.written, page.document.text.path, word.line or 1, None, page.document.text.templated)


def configs_in(page: Page) -> Iterator[tuple[str, Text]]:
    """Values that are config files as they stand (what a task copies, what cloud-init writes), by the flag they fit."""
    for table in (each for data in page.data for each in tables_in(data)):
        for word in table.values():
            if not isinstance(word, Word) or "\n" not in word or not is_config(word):
                continue
            text = Text(
                str(word), page.document.text.path, word.line or 1, None, page.document.text.templated, word.flat
            )
            text = replace(text, templated=text.templated or "{{" in word or "$" in word)
            name = next((str(table[key]) for key in _NAMED if isinstance(table.get(key), str)), "")
            page.document.around.sources.extra += [(name.rpartition("/")[2], text)] if name else []
            yield kind_of(word) or "", text


_NAMED = ("dest", "path", "filename", "target", "name")
