"""Texts of a program that `+` puts together, as the one text that they make."""

from __future__ import annotations

from playbook.lint.forms.text import UNKNOWN, Word


class JoinedTexts:
    """Every text of a program's tokens, in order; what is put together by `+` is one, other values in it unknown."""

    def __init__(self) -> None:
        self.texts: list[Word] = []
        self._open: list[int | None] = [None]  # by bracket: the text that goes on, if a `+` stands behind it
        self._adds: list[bool] = [False]  # by bracket: whether a `+` stands right before
        self._beside = False  # whether a text stands right before, which C makes one with the next

    def add(self, kind: str, word: Word) -> None:
        """Take in the next token."""
        beside, self._beside = self._beside, kind == "text"
        if kind in ("text", "long"):
            self._adds[-1] |= beside and kind == "text"
            self._text(word)
        elif kind == "open":
            self._value()
            self._open.append(None)
            self._adds.append(False)
        elif kind == "close":
            if len(self._open) > 1:
                self._open.pop()
                self._adds.pop()
        elif kind == "comma":
            self._end()
        else:
            self._sign(str(word))

    def _text(self, word: Word) -> None:
        place = self._open[-1]
        if place is None or not self._adds[-1]:
            self._open[-1] = len(self.texts)
            self.texts.append(word)
        else:
            self._put(place, word, word.line)
        self._adds[-1] = False

    def _put(self, place: int, text: str, line: int | None) -> None:
        """Put a text behind one, on its line: by a shell's backslash, where the text has no line's end there."""
        before = self.texts[place]
        gap = (line or 0) - (before.line or 0) - before.count("\n") if line else 0
        whole = before.with_text(before + "\\\n" * max(gap, 0) + text)
        whole.flat = "\n" in whole and whole.line == line
        self.texts[place] = whole

    def _sign(self, word: str) -> None:
        """A name or a sign: `+` goes on, a name behind it is a value that is not known, anything else ends."""
        if self._open[-1] is None:
            return
        bare = word.strip("+")
        if bare and not (word.startswith("+") or self._adds[-1]):
            if not word.startswith("."):  # a call of what was put in
                self._end()
            return
        if bare.startswith((";", ":", "?", "=")):
            self._end()
            return
        if bare:
            self._value(force=True)
        self._adds[-1] = word.endswith("+")

    def _value(self, force: bool = False) -> None:
        """A value that is not known, where a `+` asks for one."""
        place = self._open[-1]
        if place is not None and (self._adds[-1] or force):
            self._put(place, UNKNOWN, None)
            self._adds[-1] = False

    def _end(self) -> None:
        self._open[-1], self._adds[-1] = None, False
