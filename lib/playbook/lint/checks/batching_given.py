"""Batching settings that no server is given: files that no flag names, a model's own file where nobody looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from playbook.lint.checks.command import Command
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_OWN = "batching_params.pbtxt"
_FLAG, _OWN_FLAG = "batching_parameters_file", "enable_per_model_batching_parameters"
_PATH = re.compile(rf"[\w./{{}}$-]*/(?P<folder>[\w.-]+)/{re.escape(_OWN)}\b")
_INSIDE = ("assets.extra", "assets", "variables")  # folders of a version, in which nobody looks for the file
_NEAR = r"(?i:batching_?param\w*_?file|per_model_batching)"  # also as a variable or misspelt, which is told there
_OPEN = ("$", "{{", "<", "[")  # words that stand for flags which are not here


def check_own_place(paths: Iterable[str]) -> Iterator[Finding]:
    """Files of a model's own batching settings that lie where no server looks."""
    for path in paths:
        if (match := _PATH.fullmatch(f"/{path}")) and match["folder"] in _INSIDE:
            yield finding("per-model-misplaced", path, 1, path=path)


def check_given(flag: str, text: Text, commands: Sequence[Command], texts: Sequence[Text]) -> list[Finding]:
    """The finding that batching settings are in no server's command line beside them.

    Silent where a text names the flag or the file, a command line is shown in part, or no server starts beside it.
    """
    name = text.path.rpartition("/")[2]
    folder, wanted = text.path.rpartition("/")[0], _OWN_FLAG if name == _OWN else _FLAG
    beside = [each for each in commands if _is_beside(each.path.rpartition("/")[0], folder)]
    if flag != _FLAG or not beside or any(_may_be_given(each) for each in commands):
        return []
    others = [each.content for each in texts if each.path != text.path or not _is_file(text)]
    named = re.compile(rf"{_NEAR}|(?<![\w.-]){re.escape(name)}(?![\w.-])" if _is_file(text) else _NEAR)
    if any(named.search(content) for content in others):
        return []
    return [finding("config-never-given", text.path, text.first_line, flag=f"--{wanted}")]


def _is_file(text: Text) -> bool:
    """True for a file of its own, False for a piece of a document."""
    return text.file is not None and text.first_line == 1


def _is_beside(one: str, other: str) -> bool:
    """True for two folders of which one holds the other."""
    return any(
        not outer or inner == outer or inner.startswith(f"{outer}/") for outer, inner in ((one, other), (other, one))
    )


def _may_be_given(command: Command) -> bool:
    hidden = command.partial or command.managed or any(word.startswith(_OPEN) for word in command.words)
    return hidden or bool(command.text(_FLAG)) or command.on(_OWN_FLAG)
