"""Config files that nobody reads, as their flag is commented out, or is named nowhere in the text that writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from playbook.lint.checks.command import Command
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_SETTINGS = {"batching_parameters_file": "batching", "monitoring_config_file": "monitoring"}
_TELLING = (".md", ".rst", ".adoc", ".ipynb", ".sh", ".bash")  # a program may hand on what it holds in other ways


def check_set_aside(flag: str, text: Text, commands: Sequence[Command], texts: Sequence[Text]) -> Iterator[Finding]:
    """One finding of a config file that a commented line beside a server's start names, and no start does."""
    name = text.path.rpartition("/")[2]
    line = re.compile(rf"(?m)^[^\n]*?(?:#|//)[^\n]*--{flag}=[^\n]*{re.escape(name)}")
    starting = {command.path for command in commands}
    named = any(command.text(flag) for command in commands)
    if not named and any(text.path in starting and line.search(text.content) for text in texts):
        yield finding("config-file-set-aside", text.path, text.line(1), flag=f"--{flag}")


def check_never_given(flag: str, config: Text, commands: Sequence[Command], texts: Sequence[Text]) -> Iterator[Finding]:
    """One finding of settings inside a text that starts servers, all without the flag, which no text here speaks of."""
    own = [command for command in commands if command.path == config.path]
    if flag not in _SETTINGS or not own or not config.path.lower().endswith(_TELLING):
        return
    whole = all(command.given and not command.partial and not command.unread for command in own)
    inside = any(text.path == config.path and text.content != config.content for text in texts)
    spoken = re.compile(rf"{flag}|enable_{_SETTINGS[flag]}|batching_params\.pbtxt|per_model|\$@|\$\*")
    if whole and inside and not any(spoken.search(text.content) for text in texts):
        yield finding("config-never-given", config.path, config.line(1), flag=f"--{flag}")
