"""What protobuf's own text parser says of a config file, which the server would be told, too."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import text_format

from playbook.tfserving.config_messages import CONFIG_MESSAGES

_PROTOBUF_PLACE = re.compile(r"^(\d+):\d+ : (?:'.*': )?(.*)$", re.DOTALL)
# what Python's parser takes for a number and the server's does not: outside quotes and comments
_PYTHONS_OWN = re.compile(
    r"""(?m)^(?:[^"'#\n]|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')*?[:\s,\[](\d+(?:_\d+)+|0[bBoO]\d+)\b"""
)


def refusal_of(content: str, message: str) -> tuple[int | None, str] | None:
    """Line and words of protobuf's own parser; None when it accepts the text."""
    kind: Any = CONFIG_MESSAGES[message]
    try:
        text_format.Parse(content, kind(), descriptor_pool=kind.DESCRIPTOR.file.pool)
    except text_format.ParseError as error:
        place = _PROTOBUF_PLACE.match(str(error))
        return (int(place[1]), place[2]) if place else (error.GetLine(), str(error))
    except (ValueError, UnicodeError) as error:
        return None, str(error)
    if number := _PYTHONS_OWN.search(content):
        line = content.count("\n", 0, number.start(1)) + 1
        return line, f"{number[1]} is a number of Python's alone: digits are written without _, 0b or 0o"
    return None
