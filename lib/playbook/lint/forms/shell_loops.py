"""What the lines of a shell's loop are in each turn, where the turns can be counted."""

from __future__ import annotations

import re

from playbook.lint.forms.shell_numbers import number

_FOR = re.compile(r"^\s*for\s+(\w+)\s+in\s+([^;\n]+?)\s*(?:;\s*do\b|\n\s*do\b)", re.MULTILINE)
_COUNTED = re.compile(
    r"^\s*for\s*\(\(\s*(\w+)\s*=\s*(\d+)\s*;\s*\w+\s*(<=?)\s*(\d+)\s*;[^)]*\+\+[^)]*\)\)\s*;?\s*\n?\s*do\b",
    re.MULTILINE,
)
_SEQ = re.compile(r"(?:\$\(|`)\s*seq\s+(\d+)(?:\s+(\d+))?\s*[)`]")
_SPAN = re.compile(r"\{(\d+)\.\.(\d+)\}")
_SUM = re.compile(r"\$\(\(((?:[^()]|\([^()]*\))+)\)\)")
_MOST = 64


def turns(text: str, line: int) -> list[list[str]]:
    """For each loop around a line (from 1): the text of the command there, in each turn of the loop.

    The names that the loop counts are filled in, sums of them too; others stay as they are written.
    """
    found = []
    lines = text.split("\n")
    for match, name, values in _loops(text):
        begin = text.count("\n", 0, match.end()) + 1
        end = _end(lines, begin)
        if begin <= line <= end and 1 < len(values) <= _MOST:
            found.append([_filled(_command(lines, line), name, value) for value in values])
    return found


def _loops(text: str) -> list[tuple[re.Match, str, list[str]]]:
    loops = [(match, match[1], _values(match[2])) for match in _FOR.finditer(text)]
    for match in _COUNTED.finditer(text):
        last = int(match[4]) + (match[3] == "<=")
        loops.append((match, match[1], [str(count) for count in range(int(match[2]), last)]))
    return [(match, name, values) for match, name, values in loops if values]


def _values(listed: str) -> list[str]:
    """The words that a loop goes through; none where they are not told."""
    span = _SEQ.fullmatch(listed) or _SPAN.fullmatch(listed)
    if span is not None:
        first, last = (span[1], span[2]) if span[2] else ("1", span[1])
        return [str(count) for count in range(int(first), int(last) + 1)]
    return [] if re.search(r"[$`*?{]", listed) else listed.split()


def _end(lines: list[str], begin: int) -> int:
    """The line of the `done` that ends a loop whose body begins at a line."""
    depth = 1
    for place in range(begin - 1, len(lines)):
        bare = lines[place].partition("#")[0]
        behind = bare if place >= begin else re.sub(r".*?\bdo\b", "", bare, count=1)
        depth += len(re.findall(r"(?:^|;)\s*(?:for|while|until)\b", behind)) - len(re.findall(r"\bdone\b", behind))
        if depth <= 0:
            return place + 1
    return len(lines)


def _command(lines: list[str], line: int) -> str:
    end = line - 1
    while end < len(lines) - 1 and lines[end].rstrip().endswith("\\"):
        end += 1
    return " ".join(each.rstrip().rstrip("\\") for each in lines[line - 1 : end + 1])


def _filled(command: str, name: str, value: str) -> str:
    summed = _SUM.sub(lambda match: number(match[1], {name: value}) or match[0], command)
    return re.sub(rf"\$\{{{name}\}}|\${name}\b", lambda _: value, summed)
