"""The fall-back: a SavedModel through the whole of `import tensorflow` (13 s), for releases whose C library moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_server.errors import NOT_FOUND, ServingError, invalid


@dataclass(eq=False)
class PythonRun:
    """What one kind of request feeds and fetches, and whether it has run before."""

    feeds: tuple[str, ...]
    fetches: tuple[str, ...]
    built: bool = False


class PythonSavedModel:
    """The interface of SavedModel on tf.compat.v1.Session; answers are equal, errors carry TensorFlow's code.

    Python's Session checks shapes against the placeholders, which TensorFlow Serving leaves to the graph.
    """

    def __init__(self, path: str, tags: Sequence[str] = ("serve",), config: bytes = b""):
        import tensorflow

        self._tf, v1 = tensorflow, tensorflow.compat.v1
        graph = tensorflow.Graph()
        self._session = v1.Session(graph=graph, config=v1.ConfigProto.FromString(config))
        try:
            with graph.as_default():
                loaded = v1.saved_model.loader.load(self._session, list(tags), path)
        except tensorflow.errors.OpError as error:
            raise ServingError(error.error_code, error.message) from error
        except (OSError, RuntimeError) as error:
            raise ServingError(NOT_FOUND, str(error)) from error
        self.signatures = dict(loaded.signature_def)

    def prepare(self, feeds: Sequence[str], fetches: Sequence[str]) -> PythonRun:
        """Check that the tensors exist.

        Raises:
            ServingError: INVALID_ARGUMENT when the graph has no such tensor.
        """
        for name in (*feeds, *fetches):
            try:
                self._session.graph.get_tensor_by_name(name if ":" in name else f"{name}:0")
            except (KeyError, ValueError) as error:
                raise invalid(f"Tensor {name} was not found in the Graph") from error
        return PythonRun(tuple(feeds), tuple(fetches))

    def run(self, run: PythonRun, parts: Sequence[Sequence[np.ndarray]], timeout_ms: int = 0) -> list[np.ndarray]:
        """As SavedModel.run.

        Raises:
            ServingError: TensorFlow's code and text.
        """
        feeds = {
            name: np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
            for name, arrays in zip(run.feeds, parts, strict=True)
        }
        options = self._tf.compat.v1.RunOptions(timeout_in_ms=timeout_ms) if timeout_ms > 0 else None
        try:
            values = self._session.run(list(run.fetches), feeds, options=options)
        except self._tf.errors.OpError as error:
            raise ServingError(error.error_code, error.message) from error
        except (ValueError, TypeError) as error:
            raise invalid(str(error)) from error
        return [np.asarray(value, object) if isinstance(value, bytes) else np.asarray(value) for value in values]

    def close(self) -> None:
        """Give the session back."""
        self._session.close()
