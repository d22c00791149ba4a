"""TFRecord files without TensorFlow: length, data and their checksums, written and verified.

Source: tensorflow/core/lib/io/record_writer.h; the checksum is CRC-32C (Castagnoli), rotated and shifted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

_POLYNOMIAL = 0x82F63B78  # Castagnoli, bits reversed
_MASK = 0xA282EAD8
_SHORT = 32_768  # bytes, up to which one after the other is as quick


class RecordBroken(ValueError):
    """A record whose length or data does not match its checksum, or that ends too early."""


def _table() -> tuple[int, ...]:
    def entry(value: int) -> int:
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        return value

    return tuple(entry(byte) for byte in range(256))


_TABLE = _table()
_IMAGES = np.array(_TABLE, dtype=np.uint32)


def checksum(data: bytes) -> int:
    """The masked CRC-32C that TFRecord keeps beside the data."""
    crc = (_long if len(data) > _SHORT else _short)(data) ^ 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF


def _short(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc


def _long(data: bytes) -> int:
    """The same in lanes that go forward together: byte by byte a warm-up file of pictures takes seconds.

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
