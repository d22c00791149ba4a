"""What starts a server apart from a shell's script: systemd's units, quadlets, supervisord, Windows' batch files."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.units import unit_as_shell, windows_as_shell
from playbook.lint.forms.variables import variables
from playbook.lint.readers.scripts import read_script

_ENVIRONMENT_FILE = re.compile(r"(?m)^\s*EnvironmentFile\s*=\s*-?(\S+)\s*$")


def read_unit(document: Document) -> Reading:
    """What a systemd unit, a quadlet of podman's or supervisord starts, with the variables of files here."""

    def filled(match: re.Match) -> str:
        name = match[1].rpartition("/")[2]
        text = document.around.sources.file(document.folder / name) if document.folder is not None else None
        pairs = variables(text).items() if text is not None else ()
        return "Environment=" + " ".join(shlex.quote(f"{key}={value}") for key, value in pairs)

    content = unit_as_shell(_ENVIRONMENT_FILE.sub(filled, document.text.content))
    return read_script(Document(replace(document.text, content=content), document.around))


def read_windows(document: Document) -> Reading:
    """What a batch file or PowerShell starts."""
    text = replace(document.text, content=windows_as_shell(document.text.content))
    return read_script(Document(text, document.around))
