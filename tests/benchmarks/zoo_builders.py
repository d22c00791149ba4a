"""Models as people serve them, larger than those of the tests: `python zoo_builders.py NAME FOLDER` saves one.

Weights are random and made here, nothing is downloaded. A model that takes rows of its own leaves them beside it as
`<name>.jsonl`. `SETTINGS` says under which promise the benchmark holds each.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

#: By name: parameters of the run beside the model. A model no core runs inside 50 ms gets a limit that it can keep, and
#: a rate that its core carries and at which prove_s brings enough requests: a p99 takes some 900. Reading the larger
#: pictures of `detect` as JSON takes 30 ms.
SETTINGS: dict[str, dict[str, Any]] = {
    "dense": {"p99_limit_ms": 50.0, "target_rate_rps": 500.0},
    "text": {"p99_limit_ms": 100.0, "target_rate_rps": 300.0, "prove_s": 20.0},
    "bert": {"p99_limit_ms": 100.0, "target_rate_rps": 300.0, "prove_s": 20.0},
    "detect": {"p99_limit_ms": 150.0, "target_rate_rps": 20.0, "prove_s": 45.0},
    "wide": {"p99_limit_ms": 200.0, "target_rate_rps": 10.0},
    "MobileNetV2": {"p99_limit_ms": 400.0, "target_rate_rps": 8.0, "prove_s": 70.0},
    "EfficientNetB0": {"p99_limit_ms": 600.0, "target_rate_rps": 6.0, "prove_s": 90.0},
    "ResNet50": {"p99_limit_ms": 2000.0, "target_rate_rps": 4.0, "max_minutes": 3.0, "prove_s": 110.0},
    "lstm": {"p99_limit_ms": 200.0, "target_rate_rps": 100.0, "prove_s": 20.0},
    "embedding": {"p99_limit_ms": 50.0, "target_rate_rps": 500.0, "prove_s": 20.0},
}


def dense(tf: Any, path: Path) -> None:
    """One row of 784 numbers through three layers of a thousand: most of a request's cost is shared by a batch."""
    rng, module = np.random.default_rng(3), tf.Module()
    sizes = [(784, 1024), (1024, 1024), (1024, 10)]
    module.layers = [tf.Variable((rng.standard_normal(size) * 0.03).astype(np.float32)) for size in sizes]

    @tf.function(input_signature=[tf.TensorSpec([None, 784], tf.float32, "inputs")])
    def serve(inputs: Any) -> Any:
        x = inputs
        for weight in module.layers:
            x = tf.nn.tanh(x @ weight)
        return {"y": x}

    tf.saved_model.save(module, str(path), signatures={"serving_default": serve})


def text(tf: Any, path: Path) -> None:
    """A string in, its words looked up, an LSTM over up to 64 of them; reviews of 1 to 40 words."""
    keras, rng = tf.keras, np.random.default_rng(3)
    words = [f"word{number}" for number in range(5000)]
    cut = keras.layers.TextVectorization(max_tokens=6000, output_sequence_length=64)
    cut.set_vocabulary(words)
    into = keras.Input((), dtype="string", name="text")
    hidden = keras.layers.LSTM(64)(keras.layers.Embedding(6000, 64)(cut(into)))
    keras.Model(into, keras.layers.Dense(1, activation="sigmoid")(hidden)).export(str(path), verbose=False)
    _rows(path, [" ".join(rng.choice(words[:50], int(rng.integers(1, 40)))) for _ in range(30)])


def bert(tf: Any, path: Path) -> None:
    """Ids, mask and types of any length, four attention layers, two numbers out; rows of 5 to 60 tokens."""
    rng, width, heads = np.random.default_rng(3), 128, 4

    def weight(*shape: int) -> Any:
        return tf.Variable((rng.standard_normal(shape) * 0.05).astype(np.float32))

    module = tf.Module()
    module.tokens, module.places, module.types = weight(2000, width), weight(512, width), weight(2, width)
    square, around = (width, width), [(width, 512), (512, width)]
    module.layers = [[weight(*shape) for shape in [square] * 4 + around] for _ in range(4)]
    module.out = weight(width, 2)

    def normed(x: Any) -> Any:
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-6)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, n) for n in ("ids", "mask", "types")])
    def serve(ids: Any, mask: Any, types: Any) -> Any:
        rows, length = tf.shape(ids)[0], tf.shape(ids)[1]
        x = tf.gather(module.tokens, ids) + module.places[:length] + tf.gather(module.types, types)
        unseen = (1.0 - tf.cast(mask, tf.float32))[:, None, None, :] * -1e9
        for q, k, v, o, up, down in module.layers:
            parts = [tf.reshape(x @ w, [rows, length, heads, width // heads]) for w in (q, k, v)]
            query, key, value = (tf.transpose(part, [0, 2, 1, 3]) for part in parts)
            scores = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) / (width / heads) ** 0.5 + unseen)
            mixed = tf.reshape(tf.transpose(scores @ value, [0, 2, 1, 3]), [rows, length, width])
            x = normed(x + mixed @ o)
            x = normed(x + tf.nn.gelu(x @ up) @ down)
        return {"logits": x[:, 0] @ module.out}

    tf.saved_model.save(module, str(path), signatures={"serving_default": serve})
    lengths = [int(n) for n in rng.integers(5, 60, 20)]
    _rows(path, [{"ids": rng.integers(0, 2000, n).tolist(), "mask": [1] * n, "types": [0] * n} for n in lengths])


def detect(tf: Any, path: Path) -> None:
    """One picture of any size a request and no more: the first dimension is fixed to 1, so batching must stay off."""
    rng, module = np.random.default_rng(3), tf.Module()
    module.first = tf.Variable((rng.standard_normal((3, 3, 3, 16)) * 0.2).astype(np.float32))
    module.second = tf.Variable((rng.standard_normal((3, 3, 16, 5)) * 0.2).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.uint8, "image")])
    def serve(image: Any) -> Any:
        seen = tf.nn.relu(tf.nn.conv2d(tf.cast(image, tf.float32) / 255.0, module.first, 4, "SAME"))
        flat = tf.reshape(tf.nn.conv2d(seen, module.second, 4, "SAME"), [-1, 5])
        scores, best = tf.math.top_k(flat[:, 4], tf.minimum(10, tf.shape(flat)[0]))
        return {"boxes": tf.gather(flat[:, :4], best)[None], "scores": scores[None]}

    tf.saved_model.save(module, str(path), signatures={"serving_default": serve})


def wide(tf: Any, path: Path) -> None:
    """One dense row of 784 numbers through a square matrix twelve times: slow without any peculiarity."""
    rng, module = np.random.default_rng(3), tf.Module()
    module.into = tf.Variable((rng.standard_normal((784, 3072)) * 0.03).astype(np.float32))
    module.square = tf.Variable((rng.standard_normal((3072, 3072)) * 0.02).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 784], tf.float32, "inputs")])
    def serve(inputs: Any) -> Any:
        x = inputs @ module.into
        for _ in range(12):
            x = tf.nn.tanh(x @ module.square)
        return {"y": x[:, :10]}

    tf.saved_model.save(module, str(path), signatures={"serving_default": serve})


def lstm(tf: Any, path: Path) -> None:
    """Sixty steps of 32 numbers through two LSTMs."""
    layers, into = tf.keras.layers, tf.keras.Input((60, 32))
    states = layers.LSTM(128)(layers.LSTM(128, return_sequences=True)(into))
    tf.keras.Model(into, layers.Dense(3)(states)).export(str(path), verbose=False)


def embedding(tf: Any, path: Path) -> None:
    """Forty ids into a table of 300 MB."""
    layers, into = tf.keras.layers, tf.keras.Input((40,), dtype="int32")
    vectors = layers.GlobalAveragePooling1D()(layers.Embedding(600_000, 128)(into))
    tf.keras.Model(into, layers.Dense(1)(vectors)).export(str(path), verbose=False)


def _application(name: str) -> Callable[[Any, Path], None]:
    return lambda tf, path: getattr(tf.keras.applications, name)(weights=None).export(str(path), verbose=False)


def _rows(path: Path, rows: list[Any]) -> None:
    path.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


LARGE = ("wide", "MobileNetV2", "EfficientNetB0", "ResNet50", "lstm", "embedding")
SMALL = ("text", "bert", "detect")  # what `make bench ARGS=zoo` takes through the chain
OWN = {"dense": dense, "text": text, "bert": bert, "detect": detect, "wide": wide, "lstm": lstm, "embedding": embedding}

if __name__ == "__main__":
    import tensorflow

    tensorflow.keras.utils.set_random_seed(7)
    (OWN.get(sys.argv[1]) or _application(sys.argv[1]))(tensorflow, Path(sys.argv[2]) / sys.argv[1])
