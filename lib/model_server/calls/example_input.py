"""The Input of Classify, Regress and MultiInference as the tensor of serialized tf.Examples a graph parses."""

from __future__ import annotations

import numpy as np

from model_server.errors import invalid


def serialized_examples(message) -> np.ndarray:
    """One serialized Example a row; a context is put in front of each, so that the example's own feature wins.

    Args:
        message: tensorflow.serving.Input.

    Raises:
        ServingError: INVALID_ARGUMENT when there is no example.
    """
    context = b""
    if message.WhichOneof("kind") == "example_list_with_context":
        examples = message.example_list_with_context.examples
        context = message.example_list_with_context.context.SerializeToString()
    else:
        examples = message.example_list.examples
    if not examples:
        raise invalid("Input is empty.")
    rows = np.empty(len(examples), object)
    rows[:] = [context + example.SerializeToString() for example in examples]
    return rows
