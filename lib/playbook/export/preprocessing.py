"""The Python side of the preprocessing: what a client would do itself if the graph did not. No TensorFlow."""

from __future__ import annotations

import io

import numpy as np

SIDE = 28  # pixels: the digits are served as 28 × 28
HALF_RANGE = 127.5  # (x − 127.5) / 127.5 maps 0..255 to −1..1


def resize_bilinear(images: np.ndarray, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Scale images (n, h, w) to (n, height, width), float32.

    Source: half-pixel centres without antialiasing, as tf.image.resize in TensorFlow 2.
    """
    rows_low, rows_high, rows_share = _neighbours(images.shape[1], height)
    columns_low, columns_high, columns_share = _neighbours(images.shape[2], width)
    source = images.astype(np.float32)
    share = columns_share[None, None, :]
    top, bottom = (
        source[:, rows][:, :, columns_low] * (1 - share) + source[:, rows][:, :, columns_high] * share
        for rows in (rows_low, rows_high)
    )
    return top + (bottom - top) * rows_share[None, :, None]


def normalise(pixels: np.ndarray) -> np.ndarray:
    """Map pixels 0..255 to −1..1, float32."""
    return ((pixels.astype(np.float32) - np.float32(HALF_RANGE)) / np.float32(HALF_RANGE)).astype(np.float32)


def decode_grey(encoded: bytes) -> np.ndarray:
    """The pixels (h, w) uint8 of a grey PNG or JPEG."""
    from PIL import Image

    with Image.open(io.BytesIO(encoded)) as image:
        return np.asarray(image.convert("L"))


def encode_image(pixels: np.ndarray, kind: str = "png") -> bytes:
    """Pixels (h, w) uint8 as the bytes of a grey PNG or JPEG file."""
    from PIL import Image

    kept = io.BytesIO()
    Image.fromarray(pixels).save(kept, format=kind.upper())
    return kept.getvalue()


def prepare(images: np.ndarray) -> np.ndarray:
    """Decoded images (n, h, w) uint8 to model inputs (n, 784) float32: scale, normalise."""
    return normalise(resize_bilinear(images)).reshape(len(images), SIDE * SIDE)


def _neighbours(source: int, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each target pixel: the two source pixels it lies between, and how far towards the second."""
    place = (np.arange(target, dtype=np.float32) + np.float32(0.5)) * np.float32(source / target) - np.float32(0.5)
    floor = np.floor(place)
    low = np.clip(floor, 0, source - 1).astype(int)
    high = np.clip(floor + 1, 0, source - 1).astype(int)
    return low, high, (place - floor).astype(np.float32)
