"""The lines of a program or script with addresses put together from parts whose values the same text tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from playbook.lint.forms.text import Text

_SHELL = (".sh", ".bash")
_BACKTICKS = (".js", ".mjs", ".ts", ".tsx", ".jsx")
_MAY = re.compile(r"https?://|localhost|127\.0\.0\.1|0\.0\.0\.0")  # of whatever holds an address
_SET = re.compile(
    r"^(\s*)(?:(?:export|const|let|var|val|final|static|public|private|readonly|String|int|string)\s+)*"
    r"(?:self\.|this\.)?([A-Za-z_]\w*)\s*(?::\s*[\w\[\]]+\s*)?=\s*(?:([\"'`])([^\"'`{}$\\]*)\3|(\d{2,5}))\s*;?\s*(?:(?:#|//).*)?$"
)
_SET_IN_SHELL = re.compile(r"^(\s*)(?:export\s+|readonly\s+)?([A-Za-z_]\w*)=()([\w./:-]+|\"[\w./:-]+\")()\s*(?:#.*)?$")
_Known = Callable[[str], str | None]  # a name's value, where it is told
_DOTTED = r"(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)"
_FORMATTED = re.compile(r"(?<![\w\"'])[fF]([\"'])([^\"'\n]*)\1")
_IN_BACKTICKS = re.compile(r"`([^`\n]*)`")
_ADDED = re.compile(
    rf"(?<=[\"'`])(\s*\+\s*)(?:(?:str|String)\()?{_DOTTED}(?!\w|\.|\s*[(\[])\)?"
    rf"|(?<![\w.\"'`)\]]){_DOTTED}(?!\w|\.|\s*[(\[])\)?(\s*\+\s*)(?=[\"'`])"
)
_ADDENDS = re.compile(r"([\"'`])([^\"'`\n]*)\1\s*\+\s*([\"'`])([^\"'`\n]*)\3")
_FILLED = re.compile(
    r"([\"'])([^\"'\n]*)\1(?:\.format|\s*%\s*)\(([^()\n]*)\)|\bSprintf\(([\"'])([^\"'\n]*)\4,([^()\n]*)\)"
)
_GIVEN = re.compile(rf"\(\s*{_DOTTED}\s*(?=[,)])")
_MOST = 200_000  # letters of a program that somebody wrote; longer ones are packed for browsers
_DEPTH = 3  # an address of a host and a port, and one of that address and a path


def lines_of(text: Text) -> list[str]:
    """The lines of a text, each with the parts of addresses filled in, where one value is told for each."""
    return list(_lines(text.content, text.suffix))


@lru_cache(maxsize=128)
def _lines(content: str, suffix: str) -> tuple[str, ...]:
    lines = content.split("\n")
    for _ in range(_DEPTH if len(content) < _MOST and _MAY.search(content) else 0):
        values = _values(lines, content, suffix)
        filled = [_fill(line, values, suffix) for line in lines] if values else lines
        if filled == lines:
            break
        lines = filled
    return tuple(lines)


def _values(lines: list[str], content: str, suffix: str) -> dict[str, str]:
    """The names that are given one value in the whole text, and are no function's parameters."""
    pattern, found = (_SET_IN_SHELL if suffix in _SHELL else _SET), dict[str, str]()
    from_outside = "BaseSettings" in content  # its fields are read from the environment first
    for line in lines:
        match = pattern.match(line)
        if match and not (from_outside and match[1]):
            found[match[2]] = match[4].strip('"') if match[4] is not None else match[5]
    return {name: value for name, value in found.items() if value and _is_told_once(name, content)}


def _is_told_once(name: str, content: str) -> bool:
    given = re.findall(rf"\b{name}\s*(?::\s*[\w\[\]]+\s*)?[-+*/|:]?=(?![=>]|\s*{name}\b)", content)
    # `host, port = ...`
    among = rf"(?m:^[\w \t.]*\b{name}[ \t]*,[\w \t,.]*=(?!=)|^[\w \t,.]*,[ \t]*{name}\b[\w \t,.]*=(?!=))"
    parameter = (
        rf"\b(?:def|func|function)\b[^(\n]*\([^)]*\b{name}\b|\([^()\n]*\b{name}\b[^()\n]*\)\s*(?:=>|:\s*\w+\s*=>)"
    )
    bound = rf"\b(?:for|as|read|catch)\s*\(?\s*(?:const\s+|let\s+)?{name}\b"
    return len(given) == 1 and not re.search(f"{among}|{parameter}|{bound}", content)


def _fill(line: str, values: Mapping[str, str], suffix: str) -> str:
    if suffix in _SHELL:
        return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: values.get(match[1] or match[2], match[0]), line)

    def known(name: str) -> str | None:
        return values.get(name.rpartition(".")[2])

    if suffix in _BACKTICKS:
        line = _IN_BACKTICKS.sub(lambda match: _quoted("`", _named(match[1], r"\$\{", known), "${"), line)
    line = _FORMATTED.sub(lambda match: _quoted(match[1], _named(match[2], r"(?<![{$])\{", known), "{", "f"), line)
    line = _FILLED.sub(lambda match: _positional(match, known), line)
    line = _ADDED.sub(lambda match: _addend(match, known), line)
    line = _ADDENDS.sub(r"\1\2\4\1", line)
    return _GIVEN.sub(lambda match: _argument(match, known), line)


def _named(content: str, opens: str, known: _Known) -> str:
    """The text with `{NAME}` filled in, where it is known."""
    return re.sub(
        rf"{opens}\s*((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)\s*\}}", lambda match: known(match[1]) or match[0], content
    )


def _quoted(mark: str, content: str, opens: str, prefix: str = "") -> str:
    """The literal; a plain one where nothing in it is left to be filled in."""
    whole = opens not in content
    return f"{'' if whole else prefix}{mark}{content}{mark}"


def _positional(match: re.Match, known: _Known) -> str:
    """`"{}:{}".format(HOST, PORT)`, `"%s:%d" % (HOST, PORT)` and Go's Sprintf, where each part is known."""
    mark, form, rest = (match[1], match[2], match[3]) if match[1] else (match[4], match[5], match[6])
    parts = [each.strip() for each in rest.split(",") if each.strip()]
    parted = re.split(r"\{\d?\}|%[sdv]", form)
    told = [part.strip("\"'") if re.fullmatch(r"\"[^\"]*\"|'[^']*'|\d+", part) else known(part) for part in parts]
    if len(parted) != len(told) + 1 or not all(told) or re.search(r"\{1\}.*\{0\}", form):
        return match[0]
    return mark + "".join(a + (b or "") for a, b in zip(parted, [*told, ""], strict=True)) + mark


def _addend(match: re.Match, known: _Known) -> str:
    name = match[2] or match[3]
    value = known(name)
    if value is None:
        return match[0]
    return f'{match[1]}"{value}"' if match[2] else f'"{value}"{match[4]}'


def _argument(match: re.Match, known: _Known) -> str:
    """A call's first argument, where it is an address."""
    value = known(match[1])
    return f'("{value}"' if value and re.search(r":\d{2,5}$", value) else match[0]
