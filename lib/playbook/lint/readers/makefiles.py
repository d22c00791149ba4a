"""Makefiles: their recipes as shell text, and the variables that a recipe's shell does not get."""

from __future__ import annotations

import re
from dataclasses import replace

from playbook.lint.checks.command import NAMED, OFFICIAL
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.makefiles import lost_variables, makefile_as_shell, taken_by_make
from playbook.lint.readers.scripts import read_script


def read_makefile(document: Document) -> Reading:
    """What a Makefile's recipes start."""
    text = document.text
    reading = read_script(Document(replace(text, content=makefile_as_shell(text.content)), document.around))
    for written, name, line, command in lost_variables(text.content):
        if re.search(rf"{NAMED}|{OFFICIAL}", command):
            reading.report("make-variable-lost", text.path, text.line(line), word=written, name=name)
    for written, effect, right, line, command in taken_by_make(text.content):
        if re.search(rf"{NAMED}|{OFFICIAL}", command):
            reading.report("make-not-shell", text.path, text.line(line), word=written, effect=effect, right=right)
    return reading
