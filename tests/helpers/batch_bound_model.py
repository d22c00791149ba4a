"""A model that answers otherwise when others share its batch, as layers that look along the batch do.

`python batch_bound_model.py FOLDER` saves it: `y` is the mean of a row of four numbers, plus 1 in a batch of several.
"""

from __future__ import annotations

import sys
from typing import Any

import tensorflow as tf

WIDTH = 4


class BatchBound(tf.Module):
    """One dense float input, one output."""

    @tf.function(input_signature=[tf.TensorSpec([None, WIDTH], tf.float32, "inputs")])
    def serve(self, inputs: Any) -> dict[str, Any]:
        """The mean of each row; more in company."""
        several = tf.cast(tf.shape(inputs)[0] > 1, tf.float32)
        return {"y": tf.reduce_mean(inputs, axis=1) + several}


if __name__ == "__main__":
    model = BatchBound()
    tf.saved_model.save(model, sys.argv[1], model.serve)
