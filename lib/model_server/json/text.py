"""JSON text as rapidjson reads and prints it: NaN and Infinity allowed, the first of two equal keys is found."""

from __future__ import annotations

import json
import re
from collections import Counter

import orjson

from model_server.json import rapidjson
from model_server.json.members import pairs
from model_server.json.reply import quoted

_DEBUG_BYTES = 256
_ROOT_KEYS = ("instances", "inputs", "signature_name", "examples", "context")
_BASE64_TWICE = re.compile(rb'"b64"\s*:\s*"[^"]*"\s*,\s*"b64"')
_ESCAPED_LETTER = re.compile(rb"\\u00[2-7]")
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*(:?)')


def parse(body: bytes) -> object:
    """The value of a request body.

    Raises:
        ServingError: INVALID_ARGUMENT `JSON Parse error: ...`.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return rapidjson.parse(body)
    return rapidjson.parse(body) if type(value) is dict and _comes_again(value, body) else value


def _comes_again(document: dict, body: bytes) -> bool:
    """Whether a key that counts may stand there twice: orjson keeps the last of them, rapidjson all.

    Read off the body: a name that occurs more often than there are objects that have it (or as somebody's text, which
    costs a slower reading and changes nothing), a name with a letter written as its number.
    """
    if any(body.count(b'"' + name.encode() + b'"') > most for name, most in _names(document).items()):
        return True
    if _BASE64_TWICE.search(body):
        return True
    return bool(_ESCAPED_LETTER.search(body)) and any(colon and b"\\" in name for name, colon in _STRING.findall(body))


def _names(document: dict) -> Counter[str]:
    """The names that are looked up or gone through, with how many objects of the body have each."""
    names = Counter(dict.fromkeys(_ROOT_KEYS, 1))
    for key in ("inputs", "context"):
        if type(inside := document.get(key)) is dict:
            names.update(list(inside))
    if type(rows := document.get("instances")) is list and rows and type(rows[0]) is dict:
        names.update(dict.fromkeys(rows[0], len(rows)))
    if type(examples := document.get("examples")) is list:
        for example in examples:
            names.update(list(example) if type(example) is dict else ())
    names.pop("b64", None)  # see _BASE64_TWICE
    return names


def debug_string(value: object) -> str:
    """A JSON value for an error message: pretty-printed, lists on one line, cut at about 256 bytes."""
    pieces: list[bytes] = []
    _pretty(value, 0, pieces, _DEBUG_BYTES)
    return b"".join(pieces)[:_DEBUG_BYTES].decode("utf-8", "ignore")


def _pretty(value: object, level: int, into: list[bytes], room: int) -> int:
    """Append the value's text to `into` until `room` bytes are used up; what is left of the room."""
    if room <= 0:
        return room
    if isinstance(value, dict) and value:
        room = _pretty_object(value, level, into, room)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if room <= 0:
                return room
            room = _pretty(item, level + 1, into, _put(b", " if index else b"[", into, room))
        room = _put(b"]" if value else b"[]", into, room)
    else:
        room = _put(_scalar(value), into, room)
    return room


def _pretty_object(value: dict, level: int, into: list[bytes], room: int) -> int:
    pad = b"\n" + b"    " * (level + 1)
    for index, (key, item) in enumerate(pairs(value)):
        if room <= 0:
            return room
        head = (b"," if index else b"{") + pad + quoted(_bytes(key)) + b": "
        room = _pretty(item, level + 1, into, _put(head, into, room))
    return _put(b"\n" + b"    " * level + b"}", into, room)


def _put(text: bytes, into: list[bytes], room: int) -> int:
    into.append(text)
    return room - len(text)


def _scalar(value: object) -> bytes:
    if isinstance(value, (str, bytes)):
        return quoted(_bytes(value))
    if isinstance(value, float):
        return repr(value).encode().replace(b"nan", b"NaN").replace(b"inf", b"Infinity")
    return b"{}" if value == {} else json.dumps(value).encode()


def _bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
