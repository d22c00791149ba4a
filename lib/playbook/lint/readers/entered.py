"""Containers of the server's image whose shell a text opens, to start the server in it by the lines below."""

from __future__ import annotations

import re
from dataclasses import replace

from playbook.lint.checks.command import PACKAGE, Command
from playbook.lint.checks.launch import Start
from playbook.lint.checks.reading import Document, Entered
from playbook.lint.forms.shell_calls import is_shell

_PORT = re.compile(r"--(rest_api_)?port=")
_INSTALLED = re.compile(rf"\binstall\b[^\n]*{PACKAGE}")  # on the machine itself, where the lines may be meant for


def enter(start: Start, document: Document) -> None:
    """Keep where the lines below a `docker run` are typed: in its container, where it opens a shell and nothing else.

    What else is typed there is not told, so that the container may hold more than its mounts.
    """
    around, shown = document.around, document.text.path
    around.entered.pop(shown, None)
    whole = around.sources.texts.get(document.text.file) if document.text.file is not None else None
    words = [*(start.entry or ()), *start.args]
    devel = start.entry is None and "-devel" in start.image  # whose own command is a shell
    opened = (devel and not words) or (bool(devel or start.entry) and len(words) == 1 and is_shell(words[0]))
    prose = Command((), shown).in_prose or shown.endswith((".sh", ".bash", ".txt"))  # notes of what was typed
    if opened and prose and whole is not None and not _INSTALLED.search(whole.content):
        around.entered[shown] = Entered(replace(start.place, closed=False, image=""), start.published)


def typed_at(start: Start, document: Document) -> Start:
    """The start of a server by a line of this text, in the container that the text has opened a shell in, if any.

    Of the ports published there its own are this server's: others may be started beside it.
    """
    inside = document.around.entered.get(document.text.path)
    if inside is None:
        return start
    own = {word.partition("=")[2] for word in start.args if _PORT.match(word)}
    published = tuple(port for port in inside.published if port.partition("/")[0] in own)
    return replace(start, place=inside.place, published=published)
