"""Built-in models, each trained in seconds on real data that a package ships.

A recipe trains, saves an as-trained SavedModel and hands back held-out rows with their labels.
This module imports TensorFlow.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from playbook.export import datasets, graph_preprocessing, networks, preprocessing
from playbook.export.heldout import HeldOut
from playbook.tfserving import examples
from playbook.tfserving.messages import to_tensor_proto
from playbook.tfserving.reference import Arrays
from playbook.tfserving.tensorflow import tensorflow

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = tensorflow()

PIXELS = tf.TensorSpec((None, preprocessing.SIDE**2), tf.float32)
STRINGS = tf.TensorSpec((None,), tf.string)


def digits_mlp(path: Path, seed: int) -> HeldOut:
    """Digits by a 784-128-10 network with dropout, on pixels at 0..1."""
    data = datasets.digits(seed)
    train_x, test_x = (_flat(x).astype(np.float32) / np.float32(255) for x in (data.train_x, data.test_x))
    model = networks.Mlp((784, 128, 10), dropout=0.2, seed=seed)
    networks.fit(model, train_x, data.train_y, networks.cross_entropy, epochs=20, seed=seed)
    networks.save(model, path, {"serving_default": (model.probabilities, {"inputs": PIXELS})})
    return HeldOut({"serving_default": {"inputs": test_x}}, data.test_y, "accuracy")


def digits_cnn(path: Path, seed: int) -> HeldOut:
    """Digits by two convolutions and two dense layers, on (28, 28, 1) at 0..1: bound by computing."""
    data = datasets.digits(seed)
    train_x, test_x = (x[..., None].astype(np.float32) / np.float32(255) for x in (data.train_x, data.test_x))
    model = networks.Cnn(28, (16, 32), (64, 10), dropout=0.2, seed=seed)
    networks.fit(model, train_x, data.train_y, networks.cross_entropy, epochs=7, seed=seed)
    spec = tf.TensorSpec((None, 28, 28, 1), tf.float32)
    networks.save(model, path, {"serving_default": (model.probabilities, {"inputs": spec})})
    return HeldOut({"serving_default": {"inputs": test_x}}, data.test_y, "accuracy")


def digits_bytes(path: Path, seed: int) -> HeldOut:
    """Digits from PNG or JPEG files, or from the base64 of a serialized tensor; decoding and scaling in the graph.

    The signature `pixels` is the bare network, for clients that prepare the pixels themselves.
    """
    data = datasets.digits(seed)
    model = networks.Mlp((784, 128, 10), dropout=0.2, seed=seed)
    train_x, test_x = (_flat(preprocessing.normalise(x)) for x in (data.train_x, data.test_x))
    networks.fit(model, train_x, data.train_y, networks.cross_entropy, epochs=20, seed=seed)

    def after(prepare: Callable[[tf.Tensor], tf.Tensor]) -> Callable[..., dict]:
        return lambda **rows: model.probabilities(graph_preprocessing.normalise(prepare(*rows.values())))

    calls = {
        "serving_default": (after(graph_preprocessing.images), {"image_bytes": STRINGS}),
        "tensor_base64": (after(graph_preprocessing.base64_tensors), {"tensor_base64": STRINGS}),
        "pixels": (model.probabilities, {"inputs": PIXELS}),
    }
    networks.save(model, path, calls)
    rows = {
        "serving_default": {"image_bytes": _objects(preprocessing.encode_image(x) for x in data.test_x)},
        "tensor_base64": {"tensor_base64": _objects(serialized_base64(x) for x in data.test_x)},
        "pixels": {"inputs": test_x},
    }
    return HeldOut(rows, data.test_y, "accuracy", data.test_x)


def wine_classify(path: Path, seed: int) -> HeldOut:
    """The grower of a wine from 13 measurements in a tf.Example: Classify, with labels out, and Predict."""
    data, names = datasets.wine(seed), datasets.WINE_FEATURES
    model, scale = networks.Mlp((len(names), 32, 3), dropout=0.1, seed=seed), networks.Scale(data.train_x)
    networks.fit(model, np.asarray(scale(data.train_x)), data.train_y, networks.cross_entropy, epochs=60, seed=seed)
    labels = tf.constant([f"grower_{number}" for number in range(3)])

    def probabilities(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return model.probabilities(scale(inputs))

    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = probabilities(_parse(inputs, names))["probabilities"]
        return {"classes": tf.repeat(labels[None], tf.shape(scores)[0], axis=0), "scores": scores}

    table = tf.TensorSpec((None, len(names)), tf.float32)
    calls = {"serving_default": (classify, {"inputs": STRINGS}), "predict": (probabilities, {"inputs": table})}
    networks.save(model, path, calls, {"serving_default": "classify"})
    return HeldOut(_tabular_rows(names, data.test_x), data.test_y, "accuracy")


def diabetes_regress(path: Path, seed: int) -> HeldOut:
    """How far diabetes has gone after a year, from 10 measurements in a tf.Example: Regress and Predict."""
    data, names = datasets.diabetes(seed), datasets.DIABETES_FEATURES
    model, scale = networks.Mlp((len(names), 16, 1), dropout=0.1, seed=seed), networks.Scale(data.train_x)
    middle, spread = float(data.train_y.mean()), float(data.train_y.std())
    targets = (data.train_y - np.float32(middle)) / np.float32(spread)
    networks.fit(model, np.asarray(scale(data.train_x)), targets, networks.squared_error, epochs=60, seed=seed)

    def predict(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"outputs": model.scores(scale(inputs)) * spread + middle}

    def regress(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return predict(_parse(inputs, names))

    table = tf.TensorSpec((None, len(names)), tf.float32)
    calls = {"serving_default": (regress, {"inputs": STRINGS}), "predict": (predict, {"inputs": table})}
    networks.save(model, path, calls, {"serving_default": "regress"})
    return HeldOut(_tabular_rows(names, data.test_x), data.test_y, "r2")


RECIPES: dict[str, Callable[[Path, int], HeldOut]] = {
    recipe.__name__: recipe for recipe in (digits_mlp, digits_cnn, digits_bytes, wine_classify, diabetes_regress)
}


def serialized_base64(pixels: np.ndarray) -> bytes:
    """The base64 text of a serialized tensor, as the client of `tensor_base64` sends it."""
    return base64.b64encode(to_tensor_proto(pixels).SerializeToString())


def _parse(serialized: tf.Tensor, names: Iterable[str]) -> tf.Tensor:
    columns = tf.io.parse_example(serialized, {name: tf.io.FixedLenFeature((), tf.float32) for name in names})
    return tf.stack([columns[name] for name in names], axis=1)


def _tabular_rows(names: Iterable[str], table: np.ndarray) -> Mapping[str, Arrays]:
    return {"serving_default": {"inputs": examples.encode_table(names, table)}, "predict": {"inputs": table}}


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


def _objects(items: Iterable[bytes]) -> np.ndarray:
    listed = list(items)
    rows = np.empty(len(listed), dtype=object)
    rows[:] = listed
    return rows
