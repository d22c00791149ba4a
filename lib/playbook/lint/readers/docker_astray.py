"""`docker run` lines that never reach their image: what stands in its place, and how it came there."""

from __future__ import annotations

import re

from playbook.lint.checks.command import OFFICIAL
from playbook.lint.forms.text import ENGINES, Text, Word
from playbook.lint.rules.findings import Finding, finding

_SERVERS_IMAGE = re.compile(
    rf"([\w.:-]+/)*({OFFICIAL}|[\w-]*(tensorflow|tf)[_-]?serving[\w-]*|model[_-]server)(:|@|\[|$)"
)

IN_QUOTES = "docker-run-without-image", "it stands inside the quotes"  # a finding, as its message begins
_PATH = re.compile(r":?(/|\.{1,2}/|~/|\$PWD/|\$\{PWD\}/)\S+")
_VALUED = ("-v", "--volume", "--mount", "-p", "--publish", "-e", "--env", "--name")


def astray(options: list[tuple[str, Word]], rest: list[Word], text: Text) -> Finding | None:
    """The finding of a line whose image stands inside an option's quotes, or behind a word that is taken for it."""
    shown = text.path
    if not rest and options and options[-1][0] in _VALUED and not options[-1][1] and OFFICIAL in text.content:
        name, value = options[-1]
        words = {"problem": f"its line ends behind {name}, which has no value",
                 "remedy": "Give the value on the same line, or end the line with a backslash."}  # fmt: skip
        return finding("docker-run-without-image", shown, value.line, **words)
    swallowed = next((value for _, value in options if " " in value and OFFICIAL in value), None)
    if not rest and swallowed is not None:
        words = {"problem": f"{IN_QUOTES[1]} of '{swallowed}'",
                 "remedy": "Close the quotes behind the option's value."}  # fmt: skip
        return finding("docker-run-without-image", shown, swallowed.line, **words)
    mark = next((word for word in [*(value for _, value in options), *rest[:1]] if word == "^" or "$(\n" in word), None)
    if mark is not None:
        words = {"problem": f"the {'^' if mark == '^' else '`'} at a line's end goes on in another shell than this one",
                 "remedy": "End each line that goes on with a backslash."}  # fmt: skip
        return finding("docker-run-without-image", shown, mark.line, **words)
    if rest and rest[0][:1] == " " and any(_SERVERS_IMAGE.match(word) for word in rest[1:]):
        words = {"problem": "a backslash and the blank behind it stand in its place, as no line ends there",
                 "remedy": "Drop the backslashes inside the line, or end a line at each."}  # fmt: skip
        return finding("docker-run-without-image", shown, rest[0].line, **words)
    named = any(_SERVERS_IMAGE.match(word) for word in rest[1:])
    given = any(value.startswith("MODEL_NAME=") for _, value in options)
    if (named or given) and _is_parted(options, rest):
        meant = " ".join([options[-1][1], *rest[: _parts(rest)]])
        words = {"problem": f"{rest[0]} stands in its place, behind a blank of the variable that gives '{meant}'",
                 "remedy": "Put double quotes around the variable, so that its value stays one word."}  # fmt: skip
        return finding("docker-run-without-image", shown, rest[0].line, **words)
    bare = next(((name, value) for name, value in options if name in _VALUED and value.startswith("-")), None)
    if bare is not None and named:
        words = {"problem": f"{bare[0]} has no value, and takes the {bare[1]} behind it for one",
                 "remedy": f"Give {bare[0]} its value on the same line, or drop it."}  # fmt: skip
        return finding("docker-run-without-image", shown, bare[1].line, **words)
    if named and options and options[-1][0] in ("-e", "--env") and options[-1][1].endswith("="):
        words = {"problem": f"{rest[0]} stands in its place, behind the blank of '{options[-1][1]} {rest[0]}'",
                 "remedy": f"Write {options[-1][1]}{rest[0]}, without the blank."}  # fmt: skip
        return finding("docker-run-without-image", shown, rest[0].line, **words)
    if named and rest[0].startswith("=") and options and options[-1][0] in ("-e", "--env"):
        words = {"problem": f"the {rest[0]} behind '{options[-1][1]} ' stands in its place",
                 "remedy": f"Write {options[-1][1]}=<value>, without blanks."}  # fmt: skip
        return finding("docker-run-without-image", shown, rest[0].line, **words)
    whole = bool(options) and not options[-1][1].endswith((",", "="))
    if named and whole and _PATH.fullmatch(rest[0]):  # no image is called so
        before, behind = options[-1][1], rest[0].lstrip(":")
        words = {"problem": f"{rest[0]} stands in its place, behind the blank of '{before} {rest[0]}'",
                 "remedy": f"Write the mount as one word: {before.rstrip(':')}:{behind}."}  # fmt: skip
        return finding("docker-run-without-image", shown, rest[0].line, **words)
    if named and re.fullmatch(r"[\d.]+:\d+(:\d+)?|:?\d{2,5}|[\w./]+/", rest[0]):
        words = {"problem": f"{rest[0]} stands in its place", "remedy": "Write -p or -v in front of it, or drop it."}
        return finding("docker-run-without-image", shown, rest[0].line, **words)
    return None


def _is_parted(options: list[tuple[str, Word]], rest: list[Word]) -> bool:
    """True where the last option's value and the word in the image's place are one variable's, without quotes."""
    return bool(options) and bool(rest) and options[-1][1].part == 0 and rest[0].part == 1


def _parts(rest: list[Word]) -> int:
    """How many of the words go on with the variable that the option before them is given by."""
    return next((number for number, word in enumerate(rest, 1) if word.part != number), len(rest) + 1) - 1


def as_meant(behind: list[Word], rest: list[Word]) -> list[Word] | None:
    """The words behind `docker run` as a line that goes astray was meant, always fewer; None where nobody can tell.

    `rest` is what stands from the word on that is taken for the image.
    """
    place = len(behind) - len(rest)
    if not place or not rest:
        return None
    last, stray = behind[place - 1], rest[0]
    for number in range(place - 1):
        if behind[number] in _VALUED and behind[number + 1].startswith("-"):
            return [*behind[:number], *behind[number + 1 :]]
    if not any(_SERVERS_IMAGE.match(word) for word in rest[1:]):
        return None
    if last.part == 0 and stray.part == 1:
        count = _parts(rest)
        return [*behind[: place - 1], last.with_text(" ".join([last, *rest[:count]])), *rest[count:]]
    if last.endswith(("=", ",")) or stray.startswith("="):
        return [*behind[: place - 1], last.with_text(f"{last}{stray}"), *rest[1:]]
    if _PATH.fullmatch(stray):
        return [*behind[: place - 1], last.with_text(f"{last.rstrip(':')}:{stray.lstrip(':')}"), *rest[1:]]
    return _unblanked(behind) if stray[:1] == " " else [*behind[:place], *rest[1:]]  # a port by itself


def _unblanked(words: list[Word]) -> list[Word]:
    """The words of a line without the blanks that backslashes keep, and what they parted put together."""
    result: list[Word] = []
    for word in words:
        kept = word.with_text(word.strip())
        if result and result[-1].endswith(",") and kept:
            result[-1] = result[-1].with_text(f"{result[-1]}{kept}")
        elif kept or not word:
            result.append(kept)
    return result


def mount_as_meant(behind: list[Word], value: Word, rest: list[Word]) -> list[Word] | None:
    """The same words with a `--mount` in one piece that blanks part, or with one that docker refuses out of sight."""
    place = next((place for place, word in enumerate(behind) if word == value), None)
    if place is None:
        return None
    end, whole = place + 1, str(value)
    while whole.endswith((",", "=")) and end < len(behind):
        whole, end = whole + behind[end].strip(), end + 1
    if end > place + 1:
        return [*behind[:place], value.with_text(whole), *behind[end:]]
    if rest and _SERVERS_IMAGE.match(rest[0]):
        return [*behind[: place - 1], value.with_text("--volumes-from=$"), *behind[end:]]
    return None


def image_as_meant(behind: list[Word], shown: str) -> tuple[list[Word], list[Finding]]:
    """The words with the image's name in one piece where blanks part it, which is said."""
    for place in range(len(behind)):
        torn = _torn([str(word) for word in behind[place : place + 3]])
        if torn and not any(_SERVERS_IMAGE.match(word) for word in behind):
            words = {"word": torn, "right": "".join(torn.split()),
                     "effect": "docker takes its first word for the image, and the rest for a command"}  # fmt: skip
            whole = behind[place].with_text(words["right"])
            hit = finding("image-name-broken", shown, behind[place].line, **words)
            return [*behind[:place], whole, *behind[place + len(torn.split()) :]], [hit]
    return behind, []


def _torn(words: list[str]) -> str:
    """The words at the image's place that are its name with blanks inside; "" where they are not."""
    whole = next((words[:count] for count in (2, 3) if "".join(words[:count]).partition(":")[0] == OFFICIAL), [])
    return " ".join(whole) if whole and OFFICIAL not in whole[0] else ""


def cut_by_blank(before: list[Word], words: list[Word]) -> bool:
    """True for a line right behind one of docker's that ends in a backslash and a blank, which ends the command."""
    if not before or not words or before[-1] not in (" ", "\t"):
        return False
    program = next((word for word in before if word != "sudo"), "")
    return bool(re.fullmatch(ENGINES, program)) and words[0].line == (before[-1].line or 0) + 1
