"""The graph's side of the preprocessing: raw bytes in, model inputs out, any batch size.

This module imports TensorFlow. `playbook.export.preprocessing` is the same in Python; export proves that they agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from playbook.export.preprocessing import HALF_RANGE, SIDE
from playbook.tfserving.tensorflow import tensorflow

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = tensorflow()


def images(encoded: tf.Tensor) -> tf.Tensor:
    """PNG or JPEG files (batch,) to grey pixels (batch, 28, 28) float32 at 0..255."""
    return _each(_decode, encoded)


def base64_tensors(text: tf.Tensor) -> tf.Tensor:
    """Base64 of serialized uint8 tensors of (h, w) or (h, w, 1), (batch,) to pixels (batch, 28, 28) at 0..255.

    `decode_base64` wants the web-safe alphabet without line breaks, and `parse_tensor` takes a single string:
    the usual alphabet is translated first, and rows are parsed one by one.
    """
    safe = tf.strings.regex_replace(tf.strings.regex_replace(text, r"\+", "-"), "/", "_")
    return _each(_parse, tf.io.decode_base64(tf.strings.regex_replace(safe, r"[\s=]", "")))


def normalise(pixels: tf.Tensor) -> tf.Tensor:
    """Pixels (batch, 28, 28) at 0..255 to model inputs (batch, 784) at −1..1."""
    return tf.reshape((pixels - HALF_RANGE) / HALF_RANGE, (-1, SIDE * SIDE))


def _each(one: Callable[[tf.Tensor], tf.Tensor], rows: tf.Tensor) -> tf.Tensor:
    return tf.map_fn(one, rows, fn_output_signature=tf.TensorSpec((SIDE, SIDE), tf.float32))


def _decode(encoded: tf.Tensor) -> tf.Tensor:
    # INTEGER_ACCURATE is what other decoders do by default; TensorFlow's own default differs by a few levels.
    pixels = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, channels=1, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_png(encoded, channels=1),
    )
    return _scale(pixels)


def _parse(serialized: tf.Tensor) -> tf.Tensor:
    pixels = tf.io.parse_tensor(serialized, tf.uint8)
    size = tf.shape(pixels)
    return _scale(tf.reshape(pixels, (size[0], size[1], 1)))


def _scale(pixels: tf.Tensor) -> tf.Tensor:
    return tf.image.resize(pixels, (SIDE, SIDE), "bilinear")[:, :, 0]
