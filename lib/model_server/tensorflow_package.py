"""A bare `tensorflow` package object, so that its protos and TFLite's interpreter load without its 13-second import.

`import tensorflow` brings Keras, pandas and the whole API tree. The server needs the message classes under
`tensorflow.core` (the serving API package imports them), the shared library and, for TFLite models alone, the
interpreter. A module object whose `__path__` is the installed folder lets Python find those and runs nothing else.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path


def folder() -> Path:
    """Where TensorFlow is installed, found without importing it.

    Raises:
        ImportError: TensorFlow is not installed.
    """
    if "tensorflow" in sys.modules:
        paths = map(Path, sys.modules["tensorflow"].__path__)  # the whole package adds Keras's folder to it
        return next(path for path in paths if (path / "core").is_dir())
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("TensorFlow is not installed: pip install tensorflow")
    return Path(spec.submodule_search_locations[0])


def install() -> None:
    """Put the bare package object in place; do nothing where TensorFlow is already imported.

    Falls back to the full import when a TensorFlow release has moved the message classes.
    """
    if "tensorflow" in sys.modules:
        return
    package = types.ModuleType("tensorflow")
    package.__path__ = [str(folder())]
    sys.modules["tensorflow"] = package
    try:
        importlib.import_module("tensorflow.core.framework.tensor_pb2")
    except ImportError:
        del sys.modules["tensorflow"]
        importlib.import_module("tensorflow")
