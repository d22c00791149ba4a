"""Command lines that YAML of other tools takes apart: CWL's tools (baseCommand, arguments, inputs), lists of words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.command import Place, is_official, is_server_word
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.text import UNKNOWN, Word, line_of
from playbook.lint.forms.walking import lists_in, tables_in
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.yaml_pages import Page


def read_tools(page: Page, read: Reading) -> Reading:
    """The server's command lines in a page, on lines where nobody has read one: `read` is what others have."""
    reading = Reading()
    for data in page.data:
        reading.add(_of_cwl(data, page.document))
    met = {line_of(word) for command in [*read.commands, *reading.commands] for word in command.words}
    met |= {command.line for command in [*read.commands, *reading.commands]}
    for words in (each for data in page.data for each in lists_in(data)):
        if is_server_word(words[0]) and len(words) > 1 and not met & {line_of(word) for word in words}:
            shown = page.document.text.path
            reading.add(launch(Start(shown, words[0].line, "", [words[0]], words[1:], partial=True)))
    return reading


def _of_cwl(data: Any, document: Document) -> Reading:
    reading = Reading()
    for table in tables_in(data) if "cwlVersion" in data else ():
        if table.get("class") == "CommandLineTool":
            image = next((str(each["dockerPull"]) for each in tables_in(table) if "dockerPull" in each), "")
            entry = _listed(table.get("baseCommand"))
            args = [*_arguments(table), *_inputs(table)]
            if any(map(is_server_word, [*entry, *args])) or is_official(image):
                place = Place(bool(image), image=image)
                start = Start(document.text.path, table.at("baseCommand"), image, entry or None, args, place=place)
                reading.add(launch(start))
    return reading


def _listed(value: Any) -> list[Word]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, Word)]


def _arguments(tool: Table) -> Iterator[Word]:
    """A tool's arguments: words, or a prefix with a value of its own."""
    for each in tool.get("arguments") or []:
        if isinstance(each, Word):
            yield each
        elif isinstance(each, Table):
            yield from _bound(each, str(each.get("valueFrom", UNKNOWN)), each.line)


def _inputs(tool: Table) -> Iterator[Word]:
    """What a tool's inputs add: their prefixes, with values that are given when it is run."""
    inputs = tool.get("inputs")
    for each in inputs.values() if isinstance(inputs, Table) else inputs if isinstance(inputs, list) else ():
        binding = each.get("inputBinding") if isinstance(each, Table) else None
        if isinstance(binding, Table):
            yield from _bound(binding, str(each.get("default", UNKNOWN)), binding.line)


def _bound(binding: Table, value: str, line: int | None) -> Iterator[Word]:
    prefix = str(binding.get("prefix", ""))
    if prefix and binding.get("separate", True) not in (False, "false"):
        yield Word(prefix, line)
        yield Word(value, line)
    else:
        yield Word(f"{prefix}{value}", line)
