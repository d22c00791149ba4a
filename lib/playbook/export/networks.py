"""Small networks as tf.Module, with a training loop that runs whole epochs inside the graph.

No Keras: its import costs more than the training. This module imports TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from playbook import stopwatch
from playbook.tfserving.tensorflow import tensorflow

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = tensorflow()

BATCH = 64
LEARNING_RATE = 2e-3


class Dense(tf.Module):
    """A layer `x @ kernel + bias`, Glorot-uniform."""

    def __init__(self, inputs: int, outputs: int, seed: int) -> None:
        super().__init__()
        limit = (6 / (inputs + outputs)) ** 0.5
        self.kernel = tf.Variable(tf.random.stateless_uniform((inputs, outputs), (seed, inputs), -limit, limit))
        self.bias = tf.Variable(tf.zeros(outputs))

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Shape (batch, inputs) to (batch, outputs)."""
        return tf.nn.bias_add(tf.matmul(x, self.kernel), self.bias)


class Conv(tf.Module):
    """A 3 × 3 convolution with ReLU and 2 × 2 max pooling; keeps the padding, halves the sides."""

    def __init__(self, inputs: int, outputs: int, seed: int) -> None:
        super().__init__()
        limit = (6 / (9 * (inputs + outputs))) ** 0.5
        self.kernel = tf.Variable(tf.random.stateless_uniform((3, 3, inputs, outputs), (seed, inputs), -limit, limit))
        self.bias = tf.Variable(tf.zeros(outputs))

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Shape (batch, h, w, inputs) to (batch, h/2, w/2, outputs)."""
        x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, self.kernel, 1, "SAME"), self.bias))
        return tf.nn.max_pool2d(x, 2, 2, "SAME")


class Mlp(tf.Module):
    """Dense layers with ReLU between them, and dropout before the last while `training` is on.

    As trained, the dropout is part of the served graph, behind a switch that is a variable.
    """

    def __init__(self, sizes: tuple[int, ...], dropout: float, seed: int) -> None:
        super().__init__()
        self.layers = [Dense(a, b, seed + i) for i, (a, b) in enumerate(pairwise(sizes))]
        self.dropout = dropout
        self.training = tf.Variable(False, trainable=False)
        self.draws = tf.Variable((seed, 0), trainable=False, dtype=tf.int64)

    def scores(self, x: tf.Tensor) -> tf.Tensor:
        """Raw scores before any softmax, shape (batch, sizes[-1])."""
        for layer in self.layers[:-1]:
            x = tf.nn.relu(layer(x))
        return self.layers[-1](self._dropout(x))

    def probabilities(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Class probabilities, shape (batch, classes)."""
        return {"probabilities": tf.nn.softmax(self.scores(inputs))}

    def _dropout(self, x: tf.Tensor) -> tf.Tensor:
        def dropped() -> tf.Tensor:
            return tf.nn.experimental.stateless_dropout(x, self.dropout, self.draws)

        return tf.cond(self.training, dropped, lambda: x)


class Cnn(Mlp):
    """Convolutions before the dense layers, for square grey images (batch, side, side, 1)."""

    def __init__(self, side: int, filters: tuple[int, ...], sizes: tuple[int, ...], dropout: float, seed: int) -> None:
        for _ in filters:
            side = (side + 1) // 2
        super().__init__((side * side * filters[-1], *sizes), dropout, seed)
        self.convolutions = [Conv(a, b, seed + 10 + i) for i, (a, b) in enumerate(pairwise((1, *filters)))]

    def scores(self, x: tf.Tensor) -> tf.Tensor:
        """Raw scores before any softmax, shape (batch, sizes[-1])."""
        for convolution in self.convolutions:
            x = convolution(x)
        return super().scores(tf.reshape(x, (-1, self.layers[0].kernel.shape[0])))


def cross_entropy(labels: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Mean loss of class numbers (batch,) against raw scores (batch, classes)."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores))


def squared_error(targets: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Mean squared error of values (batch,) against scores (batch, 1)."""
    return tf.reduce_mean(tf.math.squared_difference(targets, tf.squeeze(scores, 1)))


class Adam(tf.Module):
    """Adam by TensorFlow's fused kernel. Source: Kingma and Ba 2015, with its default decay rates."""

    def __init__(self, variables: tuple[tf.Variable, ...]) -> None:
        super().__init__()
        self.means = [tf.Variable(tf.zeros_like(v), trainable=False) for v in variables]
        self.squares = [tf.Variable(tf.zeros_like(v), trainable=False) for v in variables]
        self.steps = tf.Variable(0.0, trainable=False)

    def apply(self, variables: tuple[tf.Variable, ...], gradients: list[tf.Tensor]) -> None:
        """One step."""
        self.steps.assign_add(1.0)
        for variable, mean, square, gradient in zip(variables, self.means, self.squares, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=tf.pow(0.9, self.steps),
                beta2_power=tf.pow(0.999, self.steps),
                lr=LEARNING_RATE,
                beta1=0.9,
                beta2=0.999,
                epsilon=1e-7,
                grad=gradient,
            )


def fit(
    model: tf.Module, x: np.ndarray, y: np.ndarray, loss: Callable[..., tf.Tensor], epochs: int, seed: int
) -> float:
    """Train in place by Adam and return the last epoch's mean loss; the same seed gives the same weights.

    The optimizer stays on the model as `optimizer`, as it would in any training checkpoint.
    """
    model.optimizer = Adam(model.trainable_variables)
    data, targets = tf.constant(x), tf.constant(y)
    batches = max(1, len(x) // BATCH)

    @tf.function(autograph=False)
    def epoch(order: tf.Tensor) -> tf.Tensor:
        def step(i: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                scores = model.scores(tf.gather(data, order[i]))
                value = loss(tf.gather(targets, order[i]), scores)
            model.optimizer.apply(model.trainable_variables, tape.gradient(value, model.trainable_variables))
            model.draws.assign_add((0, 1))
            return i + 1, total + value

        return tf.while_loop(lambda i, _: i < batches, step, (0, 0.0), parallel_iterations=1)[1]

    shuffler, total = np.random.default_rng(seed), 0.0
    model.training.assign(True)
    with stopwatch.measuring():
        for _ in range(epochs):
            order = shuffler.permutation(len(x))[: batches * BATCH].reshape(batches, -1)
            total = float(epoch(tf.constant(order)))
    model.training.assign(False)
    return total / batches


class Scale(tf.Module):
    """Columns to zero mean and unit spread, by the training rows; kept in the graph as constants."""

    def __init__(self, rows: np.ndarray) -> None:
        super().__init__()
        self.mean, self.spread = tf.constant(rows.mean(axis=0)), tf.constant(rows.std(axis=0))

    def __call__(self, rows: tf.Tensor) -> tf.Tensor:
        """Shape (batch, columns)."""
        return (rows - self.mean) / self.spread


def save(
    model: tf.Module,
    path: Path,
    calls: Mapping[str, tuple[Callable[..., dict], Mapping[str, tf.TensorSpec]]],
    methods: Mapping[str, str] | None = None,
) -> None:
    """Save with one signature a call: its function and the specs of its inputs by alias.

    Args:
        methods: "classify" or "regress" for the signatures that are no Predict; TensorFlow 2 always writes Predict.
    """
    functions = {
        name: tf.function(call, autograph=False).get_concrete_function(
            **{alias: tf.TensorSpec(spec.shape, spec.dtype, alias) for alias, spec in specs.items()}
        )
        for name, (call, specs) in calls.items()
    }
    tf.saved_model.save(model, str(path), signatures=functions)
    if methods:
        updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(path))
        for name, method in methods.items():
            updater.replace_method_name(name, f"tensorflow/serving/{method}", tags="serve")
        updater.save()
