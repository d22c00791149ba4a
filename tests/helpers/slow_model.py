"""A model that takes long for each row, by plain work that no batch makes cheaper: `slow_model.py FOLDER MS [RUN]`.

Small and without peculiarities: one dense float input, a loop of matrix products for every row.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

WIDTH, ROWS_OF_WORK = 16, 384


def build(folder: Path, row_ms: float) -> Path:
    """Save a model that takes about `row_ms` for each row on one core of this machine; returns its folder."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    module = _module(tf, 1)
    example = tf.ones([1, WIDTH])
    each_ms = min(_once_ms(module, example) for _ in range(5)) / 1  # of one product
    tf.saved_model.save(module := _module(tf, max(1, round(row_ms / max(each_ms, 1e-3)))), str(folder), module.serve)
    return folder


def _module(tf: Any, products: int) -> Any:
    """A row is widened to a matrix and multiplied `products` times, row after row."""

    class Slow(tf.Module):
        def __init__(self) -> None:
            self.weights = tf.Variable(tf.random.stateless_normal([ROWS_OF_WORK, ROWS_OF_WORK], [1, 2]) * 0.05)

        @tf.function(input_signature=[tf.TensorSpec([None, WIDTH], tf.float32, "inputs")])
        def serve(self, inputs: Any) -> dict[str, Any]:
            def one(row: Any) -> Any:
                wide = tf.zeros([ROWS_OF_WORK, ROWS_OF_WORK]) + tf.reduce_mean(row)
                step = lambda _, x: (_ + 1, tf.nn.tanh(x @ self.weights))  # noqa: E731
                _, last = tf.while_loop(lambda count, _: count < products, step, (0, wide), parallel_iterations=1)
                return last[0, :4]

            return {"y": tf.map_fn(one, inputs, parallel_iterations=1)}

    return Slow()


def _once_ms(module: Any, example: Any) -> float:
    module.serve(example)
    began = time.perf_counter()
    for _ in range(5):
        module.serve(example)
    return 200.0 * (time.perf_counter() - began)


def publish(model: Path, run: Path) -> None:
    """Publish it in a run folder as `slow`."""
    from playbook.export import export

    staged = export.build({"run_dir": str(run), "model_name": "slow", "model": str(model), "seed": 7})
    export.publish_version(staged, run, 0)


if __name__ == "__main__":
    print(made := build(Path(sys.argv[1]), float(sys.argv[2])))
    if len(sys.argv) > 3:
        publish(made, Path(sys.argv[3]))
