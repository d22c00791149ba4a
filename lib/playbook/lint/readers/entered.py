"""Containers of the server's image whose shell a document opens, to start the server in it by the lines below."""

from __future__ import annotations

import re
from dataclasses import replace

from playbook.lint.checks.command import PACKAGE, Command, Place
from playbook.lint.checks.launch import Start
from playbook.lint.checks.reading import Document
from playbook.lint.forms.shell_calls import is_shell

_INSTALLED = re.compile(rf"\binstall\b[^\n]*{PACKAGE}")  # on the machine itself, where the lines may be meant for


def enter(start: Start, document: Document) -> None:
    """Keep where the lines below a `docker run` are typed: in its container, where it opens a shell and nothing else.

    What else is typed there is not told, so that the container may hold more than its mounts.
    """
    around, shown = document.around, document.text.path
    around.entered.pop(shown, None)
    whole = around.sources.texts.get(document.text.file) if document.text.file is not None else None
    opened = bool(start.entry) and is_shell((start.entry or [""])[0]) and not start.args
    prose = Command((), shown).in_prose
    if opened and prose and whole is not None and not _INSTALLED.search(whole.content):
        around.entered[shown] = replace(start.place, closed=False, image="")


def place_of_lines(document: Document) -> Place:
    """Where the server runs that a line of this text starts."""
    return document.around.entered.get(document.text.path) or Place(folder=document.folder)
