"""Rows for any signature, generated from what it says of its inputs and what its graph does with them. No TensorFlow.

Warm-up, stress and parity checks all use these rows; axis 0 is the row in every column, and rows may differ in shape.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from playbook.errors import ModelError
from playbook.export.hints import NOTHING, Hint
from playbook.tfserving import examples, ragged
from playbook.tfserving.reference import Arrays
from playbook.tfserving.signatures import Signature, Tensor

_FEATURE_LENGTH = 3  # values of a generated feature that may have any length
SHARES = (0.25, 0.5, 0.75, 1.0)  # lengths of generated rows, as shares of the size of open dimensions
SIDE = 8  # an open height or width of a picture is this many times as large
PHOTO_SIDE = 224  # pixels of an encoded picture
TEXT_WORDS = 20  # at most, of a text that the model splits into words
SMALL = 8  # whole numbers stay below it where nothing is known: they may index a table


@dataclass(frozen=True)
class Openings:
    """What fills the dimensions a signature leaves open: a shape for an alias, or one size for all the others."""

    shapes: Mapping[str, list[int]]
    size: int = 16


@dataclass(frozen=True)
class Manner:
    """How rows are made up; the later ones of `MANNERS` ask less of the model."""

    name: str
    hinted: bool = True
    several_lengths: bool = True
    below: int | None = None
    least: int = 0  # of whole numbers


MANNERS = (
    Manner("as the graph suggests"),
    Manner("all of one length", several_lengths=False),
    Manner("of one length, whole numbers 0 and 1", several_lengths=False, below=2),
    Manner("of one length, whole numbers from 1", several_lengths=False, least=1),
    Manner("of one length, nothing but zeros and plain words", hinted=False, several_lengths=False, below=1),
)


def fixed_rows(signature: Signature) -> int | None:
    """How many rows a call must have; None when the first dimension is open, as batching needs it."""
    sizes = {tensor.shape[0] for tensor in signature.inputs if tensor.shape and tensor.shape[0] != -1}
    return min(sizes) if sizes else None


def generate(
    signature: Signature,
    count: int,
    openings: Openings,
    seed: int,
    hints: Mapping[str, Hint] | None = None,
    manner: Manner = MANNERS[0],
) -> Arrays:
    """`count` random rows that the signature's types and shapes allow.

    Args:
        signature: What to feed.
        count: Rows; where a request must have a fixed number of them, rounded up to a multiple.
        openings: Shapes of one row, by alias, and the size of every other open dimension: rows get several lengths up
            to it, the same for all inputs of a row.
        seed: Same seed, same rows.
        hints: What each input is for, by alias.
        manner: How bold to be.

    Raises:
        ModelError: an input of unknown rank without a shape, a scalar without a row's dimension, or a type that this
            playbook does not send.
    """
    fixed = fixed_rows(signature) or 1
    count = -(-count // fixed) * fixed
    random = np.random.default_rng(seed)
    shares = random.permutation(np.resize(SHARES if manner.several_lengths else (1.0,), count // fixed))
    shares = np.repeat(shares, fixed)  # the rows of a fixed request share their length
    columns = {}
    for tensor in signature.inputs:
        hint = (hints or {}).get(tensor.alias, NOTHING) if manner.hinted else NOTHING
        if manner.below is not None:
            hint = replace(hint, below=min(hint.below or manner.below, manner.below))
        rows = [_row(tensor, _row_shape(tensor, openings, share), random, hint) for share in shares]
        if manner.least and tensor.dtype.startswith(("int", "uint")):
            rows = [np.maximum(row, row.dtype.type(manner.least)) for row in rows]
        columns[tensor.alias] = ragged.column(rows)
    return columns


def _row_shape(tensor: Tensor, openings: Openings, share: float) -> tuple[int, ...]:
    if tensor.alias in openings.shapes:
        return tuple(openings.shapes[tensor.alias])
    if tensor.shape is None:
        raise ModelError(
            f"Input {tensor.alias!r} has unknown rank, so no rows can be made up for it. Give rows in `rows_file`, "
            f"or the shape of one row: input_shapes: {{{tensor.alias}: [28, 28]}}."
        )
    if not tensor.shape:
        raise ModelError(
            f"Input {tensor.alias!r} is a scalar without a batch dimension, so requests cannot be batched. "
            "Export a signature whose inputs have shape (None, ...)."
        )
    picture = len(tensor.shape) == 4 and tensor.shape[-1] in (1, 3, 4)
    size = max(1, round(openings.size * share * (SIDE if picture else 1)))
    return tuple(size if one == -1 else one for one in tensor.shape[1:])


def _row(tensor: Tensor, shape: tuple[int, ...], random: np.random.Generator, hint: Hint) -> np.ndarray:
    if tensor.dtype != "string":
        return _numbers(tensor.dtype, shape, random, tensor.alias, hint)
    row = np.empty(shape, dtype=object)
    for position in np.ndindex(*shape):
        row[position] = _string(random, hint)
    return row


def _string(random: np.random.Generator, hint: Hint) -> bytes:
    if hint.example:
        row = {name: _feature(one, random, hint.features.get(name, NOTHING)) for name, one in hint.example.items()}
        content = examples.encode(row)
    elif hint.image:
        content = _picture(random, hint.image)
    elif hint.number:
        content = f"{random.random():.3f}".encode()
    else:
        content = _words(random, hint)
    return base64.urlsafe_b64encode(content) if hint.base64 else content


def _words(random: np.random.Generator, hint: Hint) -> bytes:
    known = [word if isinstance(word, bytes) else str(word).encode() for word in hint.words[:1000]]
    known = known or [f"word{number}".encode() for number in range(100)]
    count = int(random.integers(1, TEXT_WORDS + 1)) if hint.text else 1
    return b" ".join(known[number] for number in random.integers(0, len(known), count))


def _picture(random: np.random.Generator, kind: str) -> bytes:
    """A soft picture with some grain: noise alone would be larger than any photo of its size."""
    from PIL import Image

    coarse = Image.fromarray(random.integers(0, 256, (7, 7, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.BICUBIC), dtype=np.int16)
    grained = np.clip(smooth + random.integers(-8, 9, smooth.shape), 0, 255).astype(np.uint8)
    held = io.BytesIO()
    Image.fromarray(grained).save(held, kind)
    return held.getvalue()


def _feature(feature: examples.Feature, random: np.random.Generator, hint: Hint) -> Any:
    shape = (_FEATURE_LENGTH,) if feature.shape is None else tuple(1 if size == -1 else size for size in feature.shape)
    return _row(Tensor("a feature", feature.dtype, shape), shape, random, hint)


def _numbers(dtype: str, shape: tuple[int, ...], random: np.random.Generator, alias: str, hint: Hint) -> np.ndarray:
    """Values most models take: decimals in 0..1, ids inside their table, pixels, masks of ones with a padded end."""
    if hint.zero and not dtype.startswith("float"):
        return np.zeros(shape, dtype)
    if hint.mask:
        length = shape[-1] if shape else 1
        kept = random.integers(max(1, length // 2), length + 1)
        return np.broadcast_to(np.arange(length) < kept, shape or (1,)).reshape(shape).astype(dtype)
    if dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if dtype.startswith(("int", "uint")):
        words = [word for word in hint.words if isinstance(word, int)]
        if words:
            return np.asarray(random.choice(words, shape)).astype(dtype)
        most = 256 if dtype == "uint8" else SMALL
        return np.asarray(random.integers(0, _below(dtype, hint.below or most), shape)).astype(dtype)
    if dtype in ("float16", "float32", "float64"):
        return np.asarray(random.random(shape)).astype(dtype)
    raise ModelError(f"Input {alias!r} has type {dtype}, which this playbook does not send. Cast it inside the model.")


def _below(dtype: str, most: int) -> int:
    return min(most, int(np.iinfo(dtype).max))
