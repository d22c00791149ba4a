"""Addresses of this machine that a program asks unless an option or a variable of its names another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from playbook.lint.checks.client_programs import PROGRAMS, speaks_grpc, speaks_rest
from playbook.lint.forms.text import Text

_ADDRESS = r"[\"'`](?:https?://)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0):(?P<port>\d{2,5})/?[\"'`]"
_OPTION = re.compile(
    r"(?:DEFINE_string|add_argument|\boption|\bOption|flag\.String(?:Var)?)\((?:\s*[\"']-\w[\"']\s*,|\s*&\w+\s*,)?"
    rf"\s*[\"'](?:--?)?(?P<name>\w[\w-]*)[\"']\s*,[^()]*?(?<![\w/]){_ADDRESS}"
)
_VARIABLE = re.compile(
    r"(?:\b(?:getenv|environ\.get|env|config)\(\s*[\"'](?P<name>\w+)[\"']\s*,\s*(?:default\s*=\s*)?"
    rf"|process\.env\.(?P<other>\w+)\s*(?:\|\||\?\?)\s*){_ADDRESS}"
)
_TOLD_OPTION = r"(?<![\w-])--?{name}[= ]+[\w$\"']"  # on a command line
_TOLD_VARIABLE = r"\b{name}\b[\"']?\]?\s*[=:]"
_TOLD_HERE = r"\b{name}=[^\s=]|environ\[[\"']{name}[\"']\]\s*=[^=]"  # by the text itself, where a constant is called so
_HTTP = re.compile(r"https?://|\brequests\.|\baxios\b|\bfetch\(")


def asked_by_default(text: Text, texts: Iterable[Text] = ()) -> Iterator[tuple[int, str, str]]:
    """The lines, the ports and what is asked there, of a program that speaks one protocol alone.

    Nothing of an option or a variable to which one of `texts` gives a value.
    """
    grpc, rest = speaks_grpc(text), speaks_rest(text)
    if grpc == rest or (grpc and _HTTP.search(text.content)):
        return
    lines, others = text.content.split("\n"), [each for each in texts if each != text]
    for pattern in (_OPTION, _VARIABLE):
        for match in pattern.finditer(text.content):
            number = text.content.count("\n", 0, match.start("port"))
            name = match["name"] or match.groupdict().get("other") or ""
            if not lines[number].lstrip().startswith(("#", "//")) and not _is_told(name, pattern, text, others):
                yield text.first_line + number, match["port"], "gRPC" if grpc else "/v1/models"


def _is_told(name: str, pattern: re.Pattern, text: Text, others: Iterable[Text]) -> bool:
    written = re.escape(name)
    told, here = (_TOLD_OPTION,) * 2 if pattern is _OPTION else (_TOLD_VARIABLE, _TOLD_HERE)
    here = here if text.path.lower().endswith(PROGRAMS) else told
    if re.search(here.format(name=written), text.content):
        return True
    return any(re.search(told.format(name=written), each.content) for each in others)
