"""The one right answer to a mistake in a command line: a flag's name, its dashes and quotes, its value, the `=`."""

from __future__ import annotations

import re
from collections.abc import Callable

from playbook.lint.joining import Lines, join
from playbook.lint.rules.findings import Finding

_TRUE, _FALSE = ("yes", "y", "on", "t", "enabled", "enable"), ("no", "n", "off", "f", "disabled", "disable")
_PLAIN = re.compile(r"[\w./:@%+=-]+")  # what needs no quotes in any text
_OPENING, _CLOSING = "“„‟«‘‚", "”“‟»’‘"


def first(message: str, pattern: str) -> str:
    """The first group of a pattern in a message, "" where it is not there."""
    match = re.search(pattern, message)
    return match[1] if match else ""


def swap(lines: Lines, place: int, wrong: str, right: str) -> bool:
    """Put one word in place of another that stands on a line once, comments aside; False where it does not."""
    pattern = re.compile(rf"(?<![\w-]){re.escape(wrong)}(?![\w-])")
    comment = re.search(r"\s#", lines[place])
    told = lines[place][: comment.start()] if comment else lines[place]
    if len(pattern.findall(told)) != 1:
        return False
    lines[place] = pattern.sub(lambda _: right, told) + lines[place][len(told) :]
    return True


def _blank(lines: Lines, place: int, hit: Finding) -> None:
    """`--flag value`, `"--flag", "value"`, two items of a list, or two lines, become `--flag=value`."""
    value = first(hit.message, r"^--\w+ (.+): a value after a blank")
    join(lines, place, first(hit.message, r"^(--\w+) "), value)


def _spelling(lines: Lines, place: int, hit: Finding) -> None:
    """Dashes for underscores, one dash or a printed one for two, --noflag, and other names: the rest are guesses."""
    flag = first(hit.message, r"^(\S+) is no flag")
    match = re.search(r"\bWrite (--\w+)(?:=(.*?))?(?:\.$|, with )", hit.remedy)
    if match is None or not flag:
        return
    name, value = match[1], match[2] or ""
    if "$" in flag:
        swap(lines, place, flag, f"{name}={value}")
    elif value == "false" and name.lstrip("-") != flag.lstrip("-").replace("-", "_"):
        swap(lines, place, flag, f"{name}=false")
    elif swap(lines, place, flag, name) and value and f"{name}=" not in lines[place]:
        join(lines, place, name, value)


def _dash(lines: Lines, place: int, hit: Finding) -> None:
    word = first(hit.message, r"^(\S+) begins with a dash")
    right = first(hit.remedy, r"^Write (.+)\.$")
    name, _, value = right.partition("=")
    if "=" in word or "=" not in right:
        swap(lines, place, word, right)
    elif swap(lines, place, word, name) and value and f"{name}=" not in lines[place]:
        join(lines, place, name, value)


def _printed_quotes(lines: Lines, place: int, hit: Finding) -> None:
    """Quotes of the keyboard, or none, where the printed ones stand around one word."""
    word, right = first(hit.message, r"^(\S+) is quoted as"), first(hit.remedy, r"^Write (\S+), with quotes")
    if sum(word.count(each) for each in set(_OPENING + _CLOSING)) == 2 and _PLAIN.fullmatch(right):
        swap(lines, place, word, right)


def _kept_quotes(lines: Lines, place: int, hit: Finding) -> None:
    flag, value = first(hit.message, r"^(--\w+)="), first(hit.message, r"^--\w+=(.*) keeps its quotes")
    bare = value[1:-1]
    if not _PLAIN.fullmatch(bare):
        return
    for written in (value, f"\\{value[0]}{bare}\\{value[0]}"):
        if lines[place].count(f"{flag}={written}") == 1:
            lines[place] = lines[place].replace(f"{flag}={written}", f"{flag}={bare}")
            return


def _value(lines: Lines, place: int, hit: Finding) -> None:
    match = re.match(r"(--\w+)=(.*) is not (true or false|a whole number|a number): ", hit.message, re.DOTALL)
    right = meant(match[2], match[3]) if match else ""
    if match and right:
        pattern = re.compile(rf"{match[1]}=(\\?[\"']|){re.escape(match[2])}\1(?![\w.-])")
        if len(pattern.findall(lines[place])) == 1:
            lines[place] = pattern.sub(lambda found: f"{match[1]}={found[1]}{right}{found[1]}", lines[place])


def meant(value: str, kind: str) -> str:
    """How a value is spelt that is certainly meant; "" where that is a guess."""
    bare = value.strip("\"'").lower()
    if kind.startswith("true"):
        return "true" if bare in (*_TRUE, "true") else "false" if bare in (*_FALSE, "false") else ""
    if re.fullmatch(r"[+-]?\d{1,3}((_|,)\d{3})+", bare):  # thousands set apart
        return re.sub(r"[_,]", "", bare)
    number = re.fullmatch(r"([+-]?\d+)(\.0*)?[,;]?", bare)
    return number[1] if number else ""


FIXES: dict[str, Callable[[Lines, int, Finding], None]] = {
    "flag-value-after-blank": _blank,
    "unknown-flag": _spelling,
    "pasted-dash": _dash,
    "pasted-quote": _printed_quotes,
    "quotes-kept": _kept_quotes,
    "flag-bad-value": _value,
}
