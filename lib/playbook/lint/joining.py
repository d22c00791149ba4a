"""A flag and its value made one word, in whatever text they stand apart: by a blank, as two items, on two lines."""

from __future__ import annotations

import re

Lines = list[str]
GONE = "\0gone"  # a line that is to be left out
_QUOTE = r"\\?[\"']"  # also inside a text that is quoted itself
_FAR = 6  # lines in which a value stands behind its flag
_NEXT = r"\n(?:[ \t]*#[^\n]*\n)*[ \t]*"  # the next line that is no comment
_GAP = rf"(?:[ \t]+|[ \t]*[\\^`][ \t]*{_NEXT}|[ \t]*,[ \t]*(?:\\?[ \t]*{_NEXT})?)"


def join(lines: list[str], place: int, flag: str, value: str) -> None:
    """Put `=` between a flag, which stands on the line at `place`, and the value behind or below it."""
    value = re.escape(value)
    word = rf"(?P<quote>(?:{_QUOTE})?){flag}(?![\w=])(?P=quote)"
    if value and _under_it(lines, place, word, flag, value):
        return
    window = "\n".join(lines[place : place + _FAR])
    patterns = [
        rf"{word}(?P<gap>{_GAP})(?P<inner>(?:{_QUOTE})?)(?P<value>{value or '(?!)'})(?P=inner)(?![\w.-])",
        rf"{word}(?P<gap>[ \t]+=[ \t]*)(?P<inner>)(?P<value>{value or '(?!)'})(?![\w.-])",
        rf"{word}(?P<gap>[ \t]+)(?P<inner>)(?P<value>[^\s\"'\],\\=-][^\s\"'\],]*)",
        rf"{word}(?P<gap>{_GAP})(?P<inner>[\"'])(?P<value>[^\"'\n]*)(?P=inner)",
    ]
    for pattern in patterns:
        match = re.search(pattern, window)
        if match is None or "\n" in window[: match.start()]:
            continue
        notes = [line for line in match["gap"].split("\n")[1:-1] if line.strip().startswith("#")]
        after = f"{window[: match.start()]}{_joined(match, flag)}{window[match.end() :]}".split("\n")
        gone = match["gap"].count("\n")
        lines[place : place + _FAR] = ["\n".join([*notes, after[0]]), *[GONE] * gone, *after[1:]]
        return


def _under_it(lines: list[str], place: int, word: str, flag: str, value: str) -> bool:
    """Join a flag and a value that stand in two lines with the same in front, whatever the language; True if done."""
    above = re.match(rf"(?P<head>.*?){word}", lines[place])
    below = next((nth for nth in range(place + 1, len(lines)) if not lines[nth].lstrip().startswith("#")), place)
    if above is None:
        return False
    match = re.match(rf"{re.escape(above['head'])}(?P<inner>(?:{_QUOTE})?)(?P<value>{value})(?P=inner)(?![\w.-])",
                     lines[below])  # fmt: skip
    if match is None or below == place:
        return False
    lines[place] = above["head"] + _joined(match, flag, above["quote"]) + lines[below][match.end() :]
    lines[below] = GONE
    return True


def _joined(match: re.Match, flag: str, quote: str = "") -> str:
    quote = quote or match.groupdict().get("quote", "")
    inner = match["inner"] if not quote and re.search(r"[\s$]", match["value"]) else ""
    return f"{quote}{flag}={inner}{match['value']}{inner}{quote}"
