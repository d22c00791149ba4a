"""TFRecord files without TensorFlow: length, data and their checksums, written and verified.

Source: tensorflow/core/lib/io/record_writer.h; the checksum is CRC-32C (Castagnoli), rotated and shifted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import google_crc32c

_MASK = 0xA282EAD8


class RecordBroken(ValueError):
    """A record whose length or data does not match its checksum, or that ends too early."""


def checksum(data: bytes) -> int:
    """The masked CRC-32C that TFRecord keeps beside the data."""
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF


def encode(records: Iterable[bytes]) -> bytes:
    """The records as the content of one TFRecord file."""
    parts = []
    for data in records:
        length = struct.pack("<Q", len(data))
        parts += [length, struct.pack("<I", checksum(length)), data, struct.pack("<I", checksum(data))]
    return b"".join(parts)


def read(path: Path) -> Iterator[bytes]:
    """The records of a file, each verified.

    Raises:
        RecordBroken: names the record, the byte it starts at and what is wrong with it.
    """
    content, at, number = Path(path).read_bytes(), 0, 0
    while at < len(content):
        head, start = content[at : at + 12], at + 12
        if len(head) < 12 or checksum(head[:8]) != struct.unpack("<I", head[8:])[0]:
            raise RecordBroken(f"record {number} at byte {at}: the length does not match its checksum")
        length = struct.unpack("<Q", head[:8])[0]
        data, tail = content[start : start + length], content[start + length : start + length + 4]
        if len(data) < length or len(tail) < 4:
            raise RecordBroken(f"record {number} at byte {at}: the file ends before its {length} bytes")
        if checksum(data) != struct.unpack("<I", tail)[0]:
            raise RecordBroken(f"record {number} at byte {at}: the data does not match its checksum")
        yield data
        at, number = start + length + 4, number + 1
