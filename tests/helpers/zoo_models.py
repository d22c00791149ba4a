"""Small models as people serve them, random weights, each saved in a second or two: text, photos, tables, tokens.

`SMALL` names what goes through the chain in the tests; `tests/benchmarks/bench_zoo.py` has the large ones.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from export_models import save

from playbook.tfserving.tensorflow import tensorflow

WORDS = ("fine", "poor", "slow", "loud", "warm", "cold", "late", "soon")


def weights(seed: int, *shape: int, scale: float = 0.1) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def reviews(path: Path) -> Path:
    """A review in, its words looked up in a vocabulary file, their vectors averaged; one probability out."""
    tf = tensorflow()
    words = path.parent / "vocabulary.txt"
    words.write_text("\n".join(WORDS) + "\n")
    module, line = tf.Module(), tf.lookup.TextFileIndex
    source = tf.lookup.TextFileInitializer(str(words), tf.string, line.WHOLE_LINE, tf.int64, line.LINE_NUMBER)
    module.table = tf.lookup.StaticVocabularyTable(source, 1)
    module.vectors, module.out = tf.Variable(weights(1, len(WORDS) + 1, 32)), tf.Variable(weights(2, 32, 1))

    def call(review):
        split = tf.strings.split(tf.strings.lower(review)).to_tensor("")
        seen = tf.cast(split != "", tf.float32)[:, :, None]
        vectors = tf.gather(module.vectors, module.table.lookup(split)) * seen
        mean = tf.reduce_sum(vectors, 1) / (tf.reduce_sum(seen, 1) + 1e-6)
        return {"positive": tf.sigmoid(mean @ module.out)}

    return save(path, call, {"review": ((None,), "string")}, module)


def tokens(path: Path) -> Path:
    """Three inputs of tokens of any length, one layer of attention that heeds the mask."""
    tf = tensorflow()
    module = tf.Module()
    module.words, module.kinds = tf.Variable(weights(1, 500, 32)), tf.Variable(weights(2, 2, 32))
    module.query, module.out = tf.Variable(weights(3, 32, 32)), tf.Variable(weights(4, 32, 2))

    def call(input_ids, attention_mask, token_type_ids):
        x = tf.gather(module.words, input_ids) + tf.gather(module.kinds, token_type_ids)
        kept = (1.0 - tf.cast(attention_mask, tf.float32))[:, None, :] * -1e9
        shares = tf.nn.softmax(tf.matmul(x @ module.query, x, transpose_b=True) + kept)
        return {"logits": (shares @ x)[:, 0] @ module.out}

    names = ("input_ids", "attention_mask", "token_type_ids")
    return save(path, call, {name: ((None, None), "int32") for name in names}, module)


def detector(path: Path) -> Path:
    """One picture a request, of any size; boxes and scores out. It cannot be batched."""
    tf = tensorflow()
    module = tf.Module()
    module.kernel = tf.Variable(weights(1, 3, 3, 3, 5, scale=0.3))

    def call(image):
        cells = tf.reshape(tf.nn.conv2d(tf.cast(image, tf.float32) / 255.0, module.kernel, 8, "SAME"), [-1, 5])
        scores, best = tf.math.top_k(cells[:, 4], 3)
        return {"boxes": tf.gather(cells[:, :4], best)[None], "scores": scores[None]}

    return save(path, call, {"image": ((1, None, None, 3), "uint8")}, module)


def photos(path: Path) -> Path:
    """Encoded pictures in: decoded, resized and averaged."""
    tf = tensorflow()
    module = tf.Module()
    module.out = tf.Variable(weights(1, 3, 4, scale=1.0))

    def one(content):
        picture = tf.io.decode_image(content, channels=3, expand_animations=False)
        return tf.reduce_mean(tf.image.resize(tf.cast(picture, tf.float32) / 255.0, [32, 32]), [0, 1])

    def call(photo):
        return {"classes": tf.nn.softmax(tf.map_fn(one, photo, fn_output_signature=tf.float32) @ module.out)}

    return save(path, call, {"photo": ((None,), "string")}, module)


def greetings(path: Path) -> Path:
    """Text in, a text and raw bytes out."""
    tf = tensorflow()
    return save(
        path,
        lambda name: {"greeting": tf.strings.join(["good morning ", name]), "packed_bytes": tf.io.encode_base64(name)},
        {"name": ((None,), "string")},
    )


def clicks(path: Path) -> Path:
    """tf.Examples or raw columns in, a vocabulary and an embedding inside."""
    tf = tensorflow()
    features = {"item": tf.io.FixedLenFeature([], tf.int64), "country": tf.io.FixedLenFeature([], tf.string, "us")}
    module = tf.Module()
    module.items, module.places = tf.Variable(weights(1, 300, 8)), tf.Variable(weights(2, 4, 8))
    keys = tf.lookup.KeyValueTensorInitializer(["de", "fr", "us"], tf.constant([0, 1, 2], tf.int64))
    module.table = tf.lookup.StaticHashTable(keys, 3)

    def score(item, country):
        vectors = tf.gather(module.items, item) * tf.gather(module.places, module.table.lookup(country))
        return {"scores": tf.reduce_sum(vectors, -1)}

    specs = {"item": tf.TensorSpec([None], tf.int64, "item"), "country": tf.TensorSpec([None], tf.string, "country")}
    raw = tf.function(score, autograph=False).get_concrete_function(**specs)
    parsed = tf.function(lambda examples: score(**tf.io.parse_example(examples, features)), autograph=False)
    examples = parsed.get_concrete_function(examples=tf.TensorSpec([None], tf.string, "examples"))
    tf.saved_model.save(module, str(path), signatures={"serving_default": examples, "raw": raw})
    return path


def recurrent(path: Path) -> Path:
    """A loop over the steps of a series: control flow in the graph."""
    tf = tensorflow()
    module = tf.Module()
    module.into, module.over = tf.Variable(weights(1, 4, 16, scale=0.5)), tf.Variable(weights(2, 16, 16, scale=0.5))

    def call(series):
        steps = tf.transpose(series, [1, 0, 2])
        first = tf.zeros([tf.shape(series)[0], 16])
        states = tf.scan(lambda state, x: tf.tanh(x @ module.into + state @ module.over), steps, first)
        return {"state": states[-1]}

    return save(path, call, {"series": ((None, 10, 4), "float32")}, module)


def keras_inside(path: Path) -> Path:
    """A Keras 3 layer inside a tf.Module, saved the way that loses its variables."""
    tf = tensorflow()
    import keras

    module = tf.Module()
    module.inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    return save(path, lambda x: {"y": module.inner(x)}, {"x": ((None, 4), "float32")}, module)


SMALL: dict[str, Callable[[Path], Any]] = {
    build.__name__: build for build in (reviews, tokens, detector, photos, greetings, clicks, recurrent)
}
