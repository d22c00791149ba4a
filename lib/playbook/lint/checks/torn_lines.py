"""A server's command whose line ends too early: what it runs, and beside it what stands behind the end, as meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from playbook.lint.checks.command import OFFICIAL
from playbook.lint.checks.reading import Reading
from playbook.lint.forms.text import Word

_BLANKS = (" ", "\t")  # what a backslash makes a word of, at a line's end


@dataclass
class Torn:
    """The words of a command that is read, and those that were cut off from it so far."""

    words: list[Word] = field(default_factory=list)
    understood: bool = False  # the words that are run say something by themselves
    pieces: list[list[Word]] = field(default_factory=list)

    @property
    def so_far(self) -> list[Word]:
        """The words that a line may go on from."""
        return [*self.words, *(word for piece in self.pieces for word in piece)]

    def add(self, piece: list[Word], path: str, reading: Reading) -> None:
        """Keep a piece that was cut off, and tell of it."""
        reading.report("line-not-continued", path, piece[0].line, word=piece[0])
        self.pieces.append(piece)

    def rest(self, read: Callable[[list[Word]], Reading]) -> Reading:
        """What a reader makes of the whole as it is meant, without what is said of the words that are run.

        A piece that names an image of its own beside another's has lost its `docker run`.
        """
        total, words = Reading(), _whole(self.words)
        runs, since = [words], self.pieces[0][0].line if self.pieces and self.understood else None
        for piece in map(_whole, self.pieces):
            if _names_image(runs[-1]) and piece[0].startswith("-") and _names_image(piece):
                runs.append([*_begin(words), *piece])
            else:
                runs[-1] = [*runs[-1], *piece]
        for run in runs if self.pieces else ():
            total.add(read(run))
        return said_since(total, since)


def said_since(reading: Reading, line: int | None) -> Reading:
    """The reading without what is said above a line; all of it for None."""
    if line is None:
        return reading
    findings = [hit for hit in reading.findings if (hit.line or line) >= line]
    return replace(reading, commands=[replace(command, since=line) for command in reading.commands],
                   findings=findings, counts=Counter())  # fmt: skip


def _whole(words: list[Word]) -> list[Word]:
    """The words without the blank that ends their line too early."""
    return words[:-1] if words and words[-1] in _BLANKS else words


def _names_image(words: list[Word]) -> bool:
    return any(OFFICIAL in word and not word.startswith("-") for word in words)


def _begin(words: list[Word]) -> list[Word]:
    """A command up to its `run`."""
    return words[: words.index(Word("run")) + 1] if "run" in words else []
