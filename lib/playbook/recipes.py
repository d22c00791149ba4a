"""Built-in models, each trained in seconds on real data that a package ships.

A recipe trains, saves an as-trained SavedModel and hands back held-out rows with their labels.
This module imports TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from playbook import datasets, networks
from playbook.reference import Arrays
from playbook.runtime import tensorflow

tf = tensorflow()


@dataclass(frozen=True)
class Trained:
    """What a recipe leaves beside its SavedModel: held-out rows of each signature, and how to judge answers.

    `labels` belong to the rows of every signature alike; `metric` is "accuracy" or "r2", judged on `output`.
    """

    rows: dict[str, Arrays]
    labels: np.ndarray
    metric: str
    output: str
    signature: str = "serving_default"
    methods: dict[str, str] = field(default_factory=dict)


def digits_mlp(path: Path, seed: int) -> Trained:
    """Digits by a 784-128-10 network with dropout, on pixels at 0..1."""
    data = datasets.digits(seed)
    train_x, test_x = (_flat(x).astype(np.float32) / np.float32(255) for x in (data.train_x, data.test_x))
    model = networks.Mlp((784, 128, 10), dropout=0.2, seed=seed)
    networks.fit(model, train_x, data.train_y, networks.cross_entropy, epochs=20, seed=seed)
    networks.save(model, path, {"serving_default": (model.probabilities, {"inputs": tf.TensorSpec((None, 784))})})
    return Trained({"serving_default": {"inputs": test_x}}, data.test_y, "accuracy", "probabilities")


RECIPES: dict[str, Callable[[Path, int], Trained]] = {"digits_mlp": digits_mlp}


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)
