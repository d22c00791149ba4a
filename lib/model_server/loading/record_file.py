"""Reads an uncompressed TFRecord file, checking its checksums (tensorflow/core/lib/io/record_reader.cc)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import google_crc32c

from model_server.errors import DATA_LOSS, ServingError

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")


def masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and shifted as TFRecord stores it (tensorflow/core/lib/hash/crc32c.h)."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path: str) -> Iterator[bytes]:
    """Each record's bytes.

    Raises:
        ServingError: DATA_LOSS for a truncated file, a wrong checksum or something that is no TFRecord.
    """
    with open(path, "rb") as file:
        offset = 0
        while header := file.read(_HEADER.size):
            if len(header) < _HEADER.size:
                raise ServingError(DATA_LOSS, f"truncated record at {offset}")
            length, crc = _HEADER.unpack(header)
            if masked_crc(header[:8]) != crc:
                raise ServingError(DATA_LOSS, f"corrupted record at {offset}")
            data = file.read(length)
            footer = file.read(_FOOTER.size)
            if len(data) < length or len(footer) < _FOOTER.size:
                raise ServingError(DATA_LOSS, f"truncated record at {offset}")
            if masked_crc(data) != _FOOTER.unpack(footer)[0]:
                raise ServingError(DATA_LOSS, f"corrupted record at {offset}")
            offset += _HEADER.size + length + _FOOTER.size
            yield data
