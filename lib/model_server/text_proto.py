"""Read a text-proto config file with TensorFlow Serving's errors."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, TypeVar, cast

from google.protobuf import text_format
from google.protobuf.message import Message

from model_server.errors import invalid, not_found

M = TypeVar("M", bound=Message)
_FOREIGN = re.compile(
    r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|#[^\n]*|([^\x00-\x7f]|\b\d+(?:_\d+)+\b|\b0[bBoO]\d+\b)"
)


def _refuse_foreign(text: str) -> None:
    """Refuse letters beyond ASCII outside quotes and comments, and 1_000 and 0b1, as the C++ parser does.

    Python's takes some of the letters (U+00A0) for blanks, and these for numbers.
    """
    for match in _FOREIGN.finditer(text):
        if match[1]:
            line, column = text.count("\n", 0, match.start()) + 1, match.start() - text.rfind("\n", 0, match.start())
            words = f"Interpreting non ascii codepoint {match[1].encode()[0]}."
            if match[1].isascii():
                words = "Need space between number and identifier."
            raise text_format.ParseError(words, line, column)


def read(path: str, message_type: type[M]) -> M:
    """The message in the file at `path`.

    Raises:
        ServingError: NOT_FOUND for a missing file, INVALID_ARGUMENT for one that does not parse; the position of the
            mistake goes to stderr, as protobuf's C++ parser prints it.
    """
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise not_found(f"{path}; {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise invalid(f"Invalid protobuf file: '{path}'") from error
    message = message_type()
    try:
        _refuse_foreign(text)
        return text_format.Parse(text, message, descriptor_pool=cast(Any, message.DESCRIPTOR.file.pool))
    except text_format.ParseError as error:
        name = message.DESCRIPTOR.full_name
        print(f"[libprotobuf ERROR] Error parsing text-format {name}: {error}", file=sys.stderr, flush=True)
        raise invalid(f"Invalid protobuf file: '{path}'") from error
