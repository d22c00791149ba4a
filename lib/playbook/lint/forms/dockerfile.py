"""Dockerfiles: instructions in every form, what they put into the image, and what the image would run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from playbook.lint.forms.text import Word
from playbook.lint.rules.findings import Finding, finding

KEYWORDS = [
    "FROM",
    "RUN",
    "CMD",
    "LABEL",
    "MAINTAINER",
    "EXPOSE",
    "ENV",
    "ADD",
    "COPY",
    "ENTRYPOINT",
    "VOLUME",
    "USER",
    "WORKDIR",
    "ARG",
    "ONBUILD",
    "STOPSIGNAL",
    "HEALTHCHECK",
    "SHELL",
]
_ESCAPE = re.compile(r"(?:#\s*syntax\s*=.*\n)?#\s*escape\s*=\s*`")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?")


@dataclass
class Instruction:
    """One Dockerfile instruction with its continuation lines joined by newlines; `fed` holds its here-documents."""

    word: str
    rest: str
    line: int
    fed: list[tuple[str, int]] = field(default_factory=list)
    broken: bool = False  # an array that is not closed on its line and has no backslash

    def words(self) -> list[Word] | None:
        """The exec form's words with their lines; None for the shell form."""
        try:
            words = json.loads(self.rest.replace("\n", " "))
        except ValueError:
            return None
        if not isinstance(words, list):
            return None
        places = [each.start() for each in _STRING.finditer(self.rest)]
        if len(places) != len(words):  # a number among them
            return [Word(word, self.line_of(str(word)), True) for word in words]
        return [Word(word, self._line(place), True) for word, place in zip(words, places, strict=True)]

    def line_of(self, word: str) -> int:
        """The line the first of such words of the exec form stands on."""
        return self._line(max(self.rest.find(f'"{word}"'), 0))

    def _line(self, place: int) -> int:
        return self.line + self.rest.count("\n", 0, place)


def instructions(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile, comments dropped, here-documents kept apart."""
    result: list[Instruction] = []
    if _ESCAPE.match(text):  # the directive that makes the backtick go on to the next line
        text = re.sub(r"`(?=[ \t]*(\r?\n|$))", r"\\", text)
    lines = text.splitlines()
    place = 0
    while place < len(lines):
        raw = lines[place]
        if raw.lstrip().startswith("#") or not raw.strip():
            place += 1
            continue
        start, joined, place = place, *_joined(lines, place)
        word, rest = [*joined.strip().split(None, 1), "", ""][:2]
        step = Instruction(word.upper(), rest.strip(), start + 1)
        if step.word in ("RUN", "COPY", "ADD"):
            for mark in _HEREDOC.findall(rest):
                begin = place
                while place < len(lines) and lines[place].lstrip("\t") != mark:
                    place += 1
                step.fed.append(("\n".join(lines[begin:place]), begin + 1))
                place += 1
        if step.word in ("CMD", "ENTRYPOINT", "RUN") and rest.lstrip().startswith("[") and "]" not in rest:
            place = _close(step, lines, place)
        result.append(step)
    return result


def continued(rest: str) -> str:
    """An instruction's text for a shell: Docker has joined its lines, and the places must stay."""
    return rest.replace("\n", "\\\n")


def _joined(lines: list[str], place: int) -> tuple[str, int]:
    joined = ""
    while place < len(lines):
        raw = lines[place]
        place += 1
        if joined and raw.lstrip().startswith("#"):
            joined += "\n"
            continue
        if raw.rstrip().endswith("\\"):
            joined += raw.rstrip()[:-1] + "\n"
            continue
        return joined + raw, place
    return joined, place


def _close(step: Instruction, lines: list[str], place: int) -> int:
    """Read on to the bracket that closes an array without backslashes; up to the next instruction at most."""
    begin = place
    while place < len(lines) and lines[place].split(" ")[0].upper() not in KEYWORDS:
        step.rest += "\n" + lines[place].rstrip().removesuffix("\\")
        place += 1
        if "]" in lines[place - 1]:
            step.broken = True
            return place
    step.rest = step.rest.split("\n")[0]
    return begin


def stages(steps: list[Instruction], target: str = "") -> list[Instruction]:
    """The steps of the last stage, or of the one of this name, behind those of the stages that it is built on."""
    begins = [place for place, step in enumerate(steps) if step.word == "FROM"]
    names = [_stage_name(steps[place]) for place in begins]
    if not begins:
        return steps
    chosen = names.index(target.lower()) if target and target.lower() in names else len(begins) - 1
    whole: list[Instruction] = []
    while True:
        begin, end = begins[chosen], [*begins, len(steps)][chosen + 1]
        base = (steps[begin].rest.split() or [""])[0].lower()
        earlier = names.index(base) if base in names[:chosen] else None
        whole = [*(steps[begin:end] if earlier is None else steps[begin + 1 : end]), *whole]
        if earlier is None:
            return whole
        chosen = earlier


def _stage_name(step: Instruction) -> str:
    words = step.rest.lower().split()
    return words[2] if words[1:2] == ["as"] and len(words) > 2 else ""


def last_of(steps: list[Instruction], word: str) -> Instruction | None:
    """The last instruction of a kind that says something, which is the one that counts."""
    return next((step for step in reversed(steps) if step.word == word and (step.rest.strip() or step.fed)), None)


def arguments_of(steps: list[Instruction]) -> dict[str, str]:
    """What ARG sets by default."""
    pairs = [step.rest.split("=", 1) for step in steps if step.word == "ARG" and "=" in step.rest]
    return {name.strip(): value.strip("\"' ") for name, value in pairs}


def environment(steps: list[Instruction], arguments: dict[str, str]) -> dict[str, Word]:
    """What ENV sets, in either form."""
    values: dict[str, Word] = {}
    for step in steps:
        if step.word != "ENV":
            continue
        try:
            parts = shlex.split(step.rest.replace("\n", " "), posix=True)
        except ValueError:
            continue
        if parts and "=" in parts[0]:
            pairs = [part.split("=", 1) for part in parts if "=" in part]
        else:
            pairs = [[parts[0], " ".join(parts[1:])]] if len(parts) > 1 else []
        for name, value in pairs:
            line = step.line + step.rest[: step.rest.find(name)].count("\n")
            values[name] = Word(_fill(value, {**arguments, **values}), line)
    return values


def _fill(value: str, values: dict) -> str:
    from playbook.lint.forms.text import expand

    return expand(value, {name: str(text) for name, text in values.items()})


def check_form(step: Instruction, shown: str) -> Iterator[Finding]:
    """Findings on the form of CMD and ENTRYPOINT."""
    if step.broken:
        yield finding("exec-form-broken", shown, step.line, word=step.word)
    elif step.rest.startswith("[") and step.words() is None:
        problem = "single quotes" if "'" in step.rest else "a comma or quote is missing or one too many"
        problem = "quotes of printed text" if re.search("[“”„]", step.rest) else problem
        yield finding("exec-form-not-json", shown, step.line, word=step.word, problem=problem)
