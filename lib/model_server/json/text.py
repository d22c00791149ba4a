"""JSON text as rapidjson reads and prints it: NaN and Infinity allowed, the first of two equal keys wins."""

from __future__ import annotations

import json
from collections.abc import Iterable

import orjson

from model_server.json import rapidjson
from model_server.json.reply import quoted

_DEBUG_BYTES = 256
_ROOT_KEYS = (b"instances", b"inputs", b"signature_name", b"examples", b"context")


def parse(body: bytes) -> object:
    """The value of a request body.

    Raises:
        ServingError: INVALID_ARGUMENT `JSON Parse error: ...`.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return rapidjson.parse(body)
    if type(value) is dict and any(body.count(b'"' + key + b'"') > 1 for key in _keys_looked_up(value)):
        return rapidjson.parse(body)  # perhaps a key twice: orjson keeps the last, rapidjson finds the first
    return value


def _keys_looked_up(document: dict) -> Iterable[bytes]:
    """The keys whose first value counts: those of the root, and the aliases of a columnar request."""
    inputs = document.get("inputs")
    aliases = [key.encode() for key in inputs] if type(inputs) is dict else []
    return (*_ROOT_KEYS, *aliases)


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
    for index, (key, item) in enumerate(value.items()):
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
