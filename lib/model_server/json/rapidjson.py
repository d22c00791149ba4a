"""A JSON parser with rapidjson's quirks and error texts, for bodies that orjson refuses or may read otherwise.

NaN and infinities are numbers, a byte-order mark and text after the root value are ignored, the first of two equal
keys is the one that is found (all of them are kept: `Members`), nesting has no limit (rapidjson 1.1.0: reader.h with
kParseIterativeFlag, kParseNanAndInfFlag and kParseStopWhenDoneFlag, read through encodedstream.h).
"""

from __future__ import annotations

import re

import orjson

from model_server.errors import ServingError, invalid
from model_server.json.members import Members

_BLANKS = re.compile(rb"[ \t\n\r]*")
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)")
_FRACTION = re.compile(rb"\.([0-9]*)")
_EXPONENT = re.compile(rb"[eE][+-]?([0-9]*)")
_RUN = re.compile(rb"(?:-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?[ \t\n\r]*,[ \t\n\r]*){16,1024}")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_HEX4 = re.compile(rb"[0-9A-Fa-f]{4}")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WORDS = {0x6E: (b"null", None), 0x74: (b"true", True), 0x66: (b"false", False)}
_ESCAPED = {34: b'"', 92: b"\\", 47: b"/", 98: b"\b", 102: b"\f", 110: b"\n", 114: b"\r", 116: b"\t"}
_INFINITY = float("inf")


def _error(text: str, offset: int) -> ServingError:
    return invalid(f"JSON Parse error: {text} at offset: {offset}")


class _Reader:
    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def byte_order_mark(self) -> None:
        """Skip the bytes of a mark, each by itself, as EncodedInputStream does."""
        for byte in _BYTE_ORDER_MARK:
            self.at += self.peek() == byte

    def peek(self) -> int:
        """The next byte, 0 at the end."""
        return self.data[self.at] if self.at < len(self.data) else 0

    def blanks(self) -> int:
        """Skip blanks; the next byte, 0 at the end."""
        blanks = _BLANKS.match(self.data, self.at)
        self.at = blanks.end() if blanks else self.at
        return self.peek()

    def value(self) -> object:
        """The value that starts here, however deep it is nested."""
        open_lists: list[tuple[list | dict, str]] = []  # with the key whose value comes next
        while True:
            value = self.start(open_lists)
            while value is not _OPENED:
                if not open_lists:
                    return value
                value = self.end(open_lists, value)

    def start(self, open_lists: list) -> object:
        """A scalar or an empty list or object; _OPENED where one was opened whose first value comes next."""
        byte = self.peek()
        if byte == 0x5B:
            self.at += 1
            return self.next_item(open_lists, []) if self.blanks() != 0x5D else self.closed([])
        if byte == 0x7B:
            self.at += 1
            return self.next_member(open_lists, {}) if self.blanks() != 0x7D else self.closed({})
        if byte == 0x22:
            return self.string()
        if byte in _WORDS:
            word, meaning = _WORDS[byte]
            if not self.take(word):
                raise _error("Invalid value.", self.at)
            return meaning
        return self.number()

    def end(self, open_lists: list, value: object) -> object:
        """Put a value into the list or object it stands in; that one where it is complete, else _OPENED."""
        around, key = open_lists.pop()
        byte = self.blanks()
        if isinstance(around, list):
            around.append(value)
            if byte not in (0x2C, 0x5D):
                raise _error("Missing a comma or ']' after an array element.", self.at)
            self.at += 1
            if byte == 0x5D:
                return around
            self.blanks()
            return self.next_item(open_lists, around)
        around = self.joined(around, key, value)
        if byte not in (0x2C, 0x7D):
            raise _error("Missing a comma or '}' after an object member.", self.at)
        self.at += 1
        if byte == 0x7D:
            return around
        self.blanks()
        return self.next_member(open_lists, around)

    @staticmethod
    def joined(around: dict, key: str, value: object) -> dict:
        """The object with one member more."""
        if key not in around:
            if type(around) is Members:
                around.pairs.append((key, value))
            around[key] = value
            return around
        if type(around) is not Members:
            around = Members(around, list(around.items()))
        around.pairs.append((key, value))
        return around

    def closed(self, empty: list | dict) -> list | dict:
        self.at += 1
        return empty

    def next_item(self, open_lists: list, items: list) -> object:
        """A list's next value follows; a long run of plain numbers, each with its comma, is taken in one go."""
        while run := _RUN.match(self.data, self.at):
            try:
                items.extend(orjson.loads(b"[" + run.group().rstrip(b" \t\r\n,") + b"]"))
            except orjson.JSONDecodeError:
                break
            self.at = run.end()
        open_lists.append((items, ""))
        return _OPENED

    def next_member(self, open_lists: list, members: dict) -> object:
        """An object's next name, up to where its value follows."""
        if self.peek() != 0x22:
            raise _error("Missing a name for object member.", self.at)
        name = _text(self.string())
        if self.blanks() != 0x3A:
            raise _error("Missing a colon after a name of object member.", self.at)
        self.at += 1
        self.blanks()
        open_lists.append((members, name))
        return _OPENED

    def take(self, word: bytes) -> bool:
        """Go on past the bytes that agree with the word; whether all of it was there."""
        for byte in word:
            if self.peek() != byte:
                return False
            self.at += 1
        return True

    def number(self) -> object:
        start = self.at
        match = _NUMBER.match(self.data, start)
        if match is None:
            self.at += self.peek() == 0x2D
            return self.not_finite(-1.0 if self.at > start else 1.0)
        self.at, whole = match.end(), True
        for pattern, text in ((_FRACTION, "Miss fraction part in number."), (_EXPONENT, "Miss exponent in number.")):
            part = pattern.match(self.data, self.at)
            if part is not None:
                whole, self.at = False, part.end()
                if not part.group(1):
                    raise _error(text, self.at)
        return self.as_number(self.data[start : self.at], whole, start)

    def not_finite(self, sign: float) -> float:
        """NaN (of either sign), Inf or Infinity; a mistake is where the letters stop to agree."""
        if self.take(b"NaN"):
            return float("nan")
        if self.take(b"Inf") and (self.peek() != 0x69 or self.take(b"inity")):
            return sign * _INFINITY
        raise _error("Invalid value.", self.at)

    def as_number(self, digits: bytes, whole: bool, start: int) -> int | float:
        if whole and len(digits) < 21 and -(1 << 63) <= int(digits) < 1 << 64:
            return int(digits)
        number = float(digits)
        if number in (_INFINITY, -_INFINITY):
            raise _error("Number too big to be stored in double.", start)
        return number

    def string(self) -> str | bytes:
        """The text; bytes where it is not UTF-8 (rapidjson passes them through)."""
        start = self.at
        self.at += 1
        parts: list[bytes] = []
        while True:
            plain = _PLAIN.match(self.data, self.at)
            if plain:
                parts.append(plain.group())
                self.at = plain.end()
            byte = self.peek()
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
        if 0xD800 <= code < 0xDC00:
            if self.data[self.at : self.at + 2] != b"\\u":
                raise _error("The surrogate pair in string is invalid.", start)
            self.at += 2
            low = self.hex4(start)
            if not 0xDC00 <= low < 0xE000:
                raise _error("The surrogate pair in string is invalid.", start)
            code = 0x10000 + ((code - 0xD800) << 10) + low - 0xDC00
        return chr(code).encode("utf-8", "surrogatepass")  # the second half of a pair may stand alone

    def hex4(self, start: int) -> int:
        digits = self.data[self.at : self.at + 4]
        if not _HEX4.fullmatch(digits):
            raise _error("Incorrect hex digit after \\u escape in string.", start)
        self.at += 4
        return int(digits, 16)


_OPENED = object()


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
    reader.byte_order_mark()
    if not reader.blanks():
        raise _error("The document is empty.", reader.at)
    return reader.value()
