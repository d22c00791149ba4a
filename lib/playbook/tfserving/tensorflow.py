"""TensorFlow for the export side: imported late, on one thread, quietly, and without Keras until a model needs it.

`import tensorflow` takes 13 s on two cores, and 6 s of it is Keras with pandas and matplotlib behind it, which
TensorFlow tries to import at the end of its own `__init__` and does without when it is missing. Held back here,
`tf.keras` still works: TensorFlow looks for Keras again at the first use.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from types import ModuleType

from playbook.imports import without

HELD_BACK = "keras"


def tensorflow() -> ModuleType:
    """The `tensorflow` module, computing on one thread: every latency of export is that of one core.

    Raises:
        ImportError: TensorFlow is not installed, or broken; what it printed is shown.
    """
    loaded = sys.modules.get("tensorflow")
    if loaded is not None and hasattr(loaded, "Module"):
        return loaded
    sys.modules.pop("tensorflow", None)  # a bare package object, as the embedded server makes one
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    with _native_messages_only_on_error(), without(HELD_BACK):
        tf = importlib.import_module("tensorflow")
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.list_logical_devices()
    tf.get_logger().setLevel("ERROR")
    return tf


@contextlib.contextmanager
def _native_messages_only_on_error() -> Iterator[None]:
    """TensorFlow's C++ side writes to file descriptor 2 before its log level is read; show that only on failure."""
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(before, kept.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)
