"""Words pasted from pages and chats: printed quotes and dashes and blanks that are none, told and read as meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from playbook.lint.checks.start import Start
from playbook.lint.forms.letters import odd_blank, parted, printed_dash, printed_quote, without_quotes
from playbook.lint.forms.text import Word, place_of
from playbook.lint.rules.findings import Finding, finding
from playbook.tfserving.flags import FLAGS


def as_meant(start: Start) -> tuple[Start, list[Finding]]:
    """A start with its words and variables as they were meant, and what stands there in their stead."""
    hits: list[Finding] = []
    entry = None if start.entry is None else _mended(start.entry, start.path, start.line, hits)
    args = _mended(start.args, start.path, start.line, hits)
    environment = {name: _mended([value], start.path, start.line, hits)[0] for name, value in start.environment.items()}
    return replace(start, entry=entry, args=args, environment=environment), hits


def _mended(words: Iterable[Word], path: str, line: int | None, hits: list[Finding]) -> list[Word]:
    result = []
    for word in words:
        where, place = place_of(word, path, line)
        meant = str(word)
        if mark := printed_quote(meant):
            meant = without_quotes(meant)
            hits.append(finding("pasted-quote", where, place, word=str(word), mark=mark, right=meant))
        if (blank := odd_blank(meant)) and meant.strip():
            meant = " ".join(parted(meant))
            hits.append(finding("odd-blank", where, place, word=_shown(word), blank=blank, who="the server"))
        result.append(word.with_text(meant) if meant != word else word)
    return result


def _shown(word: str) -> str:
    """A word in which the odd blank can be seen."""
    return repr(str(word))


def mended_line(words: list[Word], path: str) -> tuple[list[Word], list[Finding]]:
    """The words of a shell's command parted at blanks that are none to the shell, each line told once."""
    hits: dict[int | None, Finding] = {}
    result: list[Word] = []
    for word in words:
        blank = odd_blank(word)
        if blank:
            hits.setdefault(
                word.line, finding("odd-blank", path, word.line, word=_shown(word), blank=blank, who="a shell")
            )
        result += [word.with_text(part) for part in parted(word)] if blank else [word]
    return result, list(hits.values())


def mended_options(words: list[Word], path: str) -> tuple[list[Word], list[Finding]]:
    """The words of `docker run` with hyphens before its own options, and plain quotes; flags of the server stay."""
    hits: list[Finding] = []
    result: list[Word] = []
    for word in words:
        meant, dash = str(word), printed_dash(word)
        name = word[len(dash) :].partition("=")[0]
        if dash and name.replace("-", "_") not in FLAGS:
            meant = ("-" if len(name) == 1 else "--") + word[len(dash) :]
            effect = "docker takes the word for the image's name, and starts nothing"
            hits.append(finding("pasted-dash", path, word.line, word=str(word), effect=effect, right=meant))
        if mark := printed_quote(meant):
            hits.append(
                finding("pasted-quote", path, word.line, word=str(word), mark=mark, right=without_quotes(meant))
            )
            meant = without_quotes(meant)
        result.append(word.with_text(meant) if meant != word else word)
    return result, hits
