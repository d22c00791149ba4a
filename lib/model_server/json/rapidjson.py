"""A JSON parser with rapidjson's quirks and error texts, for bodies that the fast parsers refuse.

NaN and infinities are numbers, text after the root value is ignored, the first of two equal keys wins
(rapidjson 1.1.0, reader.h, with kParseNanAndInfFlag and kParseStopWhenDoneFlag).
"""

from __future__ import annotations

import re

import orjson

from model_server.errors import ServingError, invalid

MOST_LEVELS = 400
_BLANKS = re.compile(rb"[ \t\n\r]*")
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)")
_FRACTION = re.compile(rb"\.([0-9]*)")
_EXPONENT = re.compile(rb"[eE][+-]?([0-9]*)")
_RUN = re.compile(rb"(?:-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?[ \t\n\r]*,[ \t\n\r]*){16,1024}")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_WORDS = ((b"null", None), (b"true", True), (b"false", False))
_SPECIAL = (
    (b"NaN", float("nan")),
    (b"Infinity", float("inf")),
    (b"Inf", float("inf")),
    (b"-Infinity", float("-inf")),
    (b"-Inf", float("-inf")),
)
_ESCAPED = {34: b'"', 92: b"\\", 47: b"/", 98: b"\b", 102: b"\f", 110: b"\n", 114: b"\r", 116: b"\t"}


def _error(text: str, offset: int) -> ServingError:
    return invalid(f"JSON Parse error: {text} at offset: {offset}")


class _Reader:
    def __init__(self, data: bytes):
        self.data, self.at, self.level = data, 0, 0

    def blanks(self) -> int:
        """Skip blanks; the next byte, 0 at the end."""
        self.at = _BLANKS.match(self.data, self.at).end()
        return self.data[self.at] if self.at < len(self.data) else 0

    def value(self) -> object:
        byte = self.data[self.at] if self.at < len(self.data) else 0
        if byte == 0x22:
            return self.string()
        if byte in (0x5B, 0x7B):
            self.level += 1
            if self.level > MOST_LEVELS:
                raise _error("Terminate parsing due to Handler error.", self.at)
            found = self.array() if byte == 0x5B else self.object()
            self.level -= 1
            return found
        for word, meaning in _WORDS:
            if byte == word[0]:
                return self.word(word, meaning)
        return self.number()

    def word(self, word: bytes, meaning: object) -> object:
        for step, byte in enumerate(word):
            if self.data[self.at + step : self.at + step + 1] != bytes((byte,)):
                raise _error("Invalid value.", self.at + step)
        self.at += len(word)
        return meaning

    def array(self) -> list:
        self.at += 1
        items: list = []
        if self.blanks() == 0x5D:
            self.at += 1
            return items
        while True:
            self.numbers(items)
            items.append(self.value())
            byte = self.blanks()
            if byte not in (0x2C, 0x5D):
                raise _error("Missing a comma or ']' after an array element.", self.at)
            self.at += 1
            if byte == 0x5D:
                return items
            self.blanks()

    def numbers(self, items: list) -> None:
        """Take a long run of plain numbers, each followed by its comma, in one go."""
        while run := _RUN.match(self.data, self.at):
            try:
                items.extend(orjson.loads(b"[" + run.group().rstrip(b" \t\r\n,") + b"]"))
            except orjson.JSONDecodeError:
                return
            self.at = run.end()

    def object(self) -> dict:
        self.at += 1
        members: dict = {}
        if self.blanks() == 0x7D:
            self.at += 1
            return members
        while True:
            if self.blanks() != 0x22:
                raise _error("Missing a name for object member.", self.at)
            name = _text(self.string())
            if self.blanks() != 0x3A:
                raise _error("Missing a colon after a name of object member.", self.at)
            self.at += 1
            self.blanks()
            members.setdefault(name, self.value())
            byte = self.blanks()
            if byte not in (0x2C, 0x7D):
                raise _error("Missing a comma or '}' after an object member.", self.at)
            self.at += 1
            if byte == 0x7D:
                return members

    def number(self) -> object:
        start = self.at
        for word, meaning in _SPECIAL:
            if self.data.startswith(word, start):
                self.at += len(word)
                return meaning
        match = _NUMBER.match(self.data, start)
        if match is None:
            raise _error("Invalid value.", start + self.data.startswith(b"-", start))
        self.at, whole = match.end(), True
        for pattern, text in ((_FRACTION, "Miss fraction part in number."), (_EXPONENT, "Miss exponent in number.")):
            part = pattern.match(self.data, self.at)
            if part is not None:
                whole, self.at = False, part.end()
                if not part.group(1):
                    raise _error(text, self.at)
        return self.as_number(self.data[start : self.at], whole, start)

    def as_number(self, digits: bytes, whole: bool, start: int) -> int | float:
        if whole and len(digits) < 21 and -(1 << 63) <= int(digits) < 1 << 64:
            return int(digits)
        number = float(digits)
        if number in (float("inf"), float("-inf")):
            raise _error("Number too big to be stored in double.", start)
        return number

    def string(self) -> str | bytes:
        """The text; bytes where it is not UTF-8 (rapidjson passes them through)."""
        start = self.at
        self.at += 1
        parts: list[bytes] = []
        while True:
            plain = _PLAIN.match(self.data, self.at)
            parts.append(plain.group())
            self.at = plain.end()
            byte = self.data[self.at] if self.at < len(self.data) else 0
            if byte == 0x22:
                self.at += 1
                return _decoded(b"".join(parts))
            if byte == 0x5C:
                parts.append(self.escape())
            elif byte == 0:
                raise _error("Missing a closing quotation mark in string.", start)
            else:
                raise _error("Invalid encoding in string.", self.at)

    def escape(self) -> bytes:
        start = self.at
        letter = self.data[start + 1] if start + 1 < len(self.data) else 0
        self.at += 2
        if letter in _ESCAPED:
            return _ESCAPED[letter]
        if letter != 0x75:
            raise _error("Invalid escape character in string.", start)
        code = self.hex4(start)
        if 0xD800 <= code < 0xE000:
            if code >= 0xDC00 or self.data[self.at : self.at + 2] != b"\\u":
                raise _error("The surrogate pair in string is invalid.", start)
            self.at += 2
            low = self.hex4(start)
            if not 0xDC00 <= low < 0xE000:
                raise _error("The surrogate pair in string is invalid.", start)
            code = 0x10000 + ((code - 0xD800) << 10) + low - 0xDC00
        return chr(code).encode()

    def hex4(self, start: int) -> int:
        digits = self.data[self.at : self.at + 4]
        if not re.fullmatch(rb"[0-9A-Fa-f]{4}", digits):
            raise _error("Incorrect hex digit after \\u escape in string.", start)
        self.at += 4
        return int(digits, 16)


def _decoded(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _text(name: str | bytes) -> str:
    """A member's name; what is not UTF-8 in it becomes U+FFFD, which is the name of no input."""
    return name if isinstance(name, str) else name.decode("utf-8", "replace")


def parse(body: bytes) -> object:
    """The value at the start of the body.

    Raises:
        ServingError: INVALID_ARGUMENT with rapidjson's text and offset.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    reader = _Reader(body)
    if not reader.blanks():
        raise _error("The document is empty.", reader.at)
    return reader.value()
