"""Prompts of consoles before the commands of a document: those of users, of root, of Windows' shells."""

from __future__ import annotations

import re

from playbook.lint.forms.text import ENGINES

_POWERSHELL = re.compile(r"(?m)^[ \t]*(?:\([\w.-]+\)[ \t]*)?PS(?:[ \t]+[A-Za-z]:[^>\n]*)?>[ \t]*(?=\S)")
_GOES_ON = re.compile(r"(?m)^[ \t]*>>[ \t]*(?=\S)")
_USERS = re.compile(
    r"(?m)^(\s*)(?:(?:\$>[ \t]*|\$(?=(?:docker|podman|sudo)[ ])|"
    r"[A-Za-z]:\\[^>\n]*>[ \t]*|(?:\([\w.-]+\)[ \t]*)?(?:[\w@~:/.-]*[$%]|\[[^\]\n]+\][$%#]|[\w.-]+@[\w.-]+:[^\s#$]*#|>)"
    r"[ \t]+)(?=\S))"
)
_SHELLS_OWN = (
    r"(?:sudo|curl|wget|export|cd|git|pip3?|apt(?:-get)?|mkdir|cp|cat|echo|python3?|helm|kubectl|[A-Za-z_]\w*=\S)"
)


def without_prompts(content: str, named: str, console: bool) -> str:
    """A shell's text without the prompts in front of its commands.

    Args:
        content: the text.
        named: a pattern of the server's program.
        console: the text says that it is a console's; else `#` is root's prompt only where no command stands without.
    """
    if _POWERSHELL.search(content):
        content = _GOES_ON.sub("", _POWERSHELL.sub("", content))
    commands = rf"(?:sudo\s+)?(?:{ENGINES}\s+run\s+-|{named}\s+--)"
    users = re.search(r"(?m)^\s*\$ ", content)
    bare = re.search(rf"(?m)^[ \t]*(?:{_SHELLS_OWN}\b|{ENGINES}\s|\S*{named}\s)", content)
    if not users and (console or not bare):
        content = re.sub(rf"(?m)^#[ \t]+(?={commands})", "", content)
    return _USERS.sub(r"\1", content)
