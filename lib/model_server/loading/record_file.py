"""Reads an uncompressed TFRecord file, checking its checksums (tensorflow/core/lib/io/record_reader.cc)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from model_server.errors import DATA_LOSS, ServingError

_POLYNOMIAL = 0x82F63B78
_SHORT = 32_768  # bytes, up to which one after the other is as quick
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()
_IMAGES = np.array(_TABLE, dtype=np.uint32)


def masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and shifted as TFRecord stores it (tensorflow/core/lib/hash/crc32c.h)."""
    crc = (_long if len(data) > _SHORT else _short)(data) ^ 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _short(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc


def _long(data: bytes) -> int:
    """The same in lanes that go forward together: byte by byte a warm-up file of pictures takes seconds of a load.

    Beside the data 32 lanes of zeros carry one bit each: what a lane's length does to any checksum before it.
    """
    lanes = 1 << (len(data).bit_length() + 1) // 2
    steps = -(-len(data) // lanes)
    begin = lanes * steps - len(data)  # zeros before the data leave a state of zero as it is
    padded = np.zeros(lanes * steps, dtype=np.uint8)
    padded[begin:] = np.frombuffer(data, dtype=np.uint8)
    padded[begin : begin + 4] ^= 0xFF  # what a state of ones does to the first four bytes
    columns = np.zeros((steps, lanes + 32), dtype=np.uint8)
    columns[:, :lanes] = padded.reshape(lanes, steps).T
    states = np.concatenate([np.zeros(lanes, dtype=np.uint32), np.uint32(1) << np.arange(32, dtype=np.uint32)])
    for column in columns:
        states = _IMAGES[states.astype(np.uint8) ^ column] ^ (states >> 8)
    states, passed = states[:lanes], states[lanes:]
    while len(states) > 1:
        states, passed = _behind(states[::2], passed) ^ states[1::2], _behind(passed, passed)
    return int(states[0])


def _behind(states: np.ndarray, passed: np.ndarray) -> np.ndarray:
    """States after as many zeros as `passed` tells for each bit."""
    after = np.zeros_like(states)
    for bit, image in enumerate(passed):
        after ^= np.where(states >> np.uint32(bit) & 1, image, np.uint32(0))
    return after


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
