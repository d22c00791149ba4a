"""Where a model comes from: a recipe, a .keras file, a SavedModel directory, or a function that builds one.

Each source is written as a SavedModel, so that all the rest of the export is one and the same.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook.errors import ModelError, UnsafeModel
from playbook.export import rows_file
from playbook.tfserving.warmup_file import FILE as WARMUP_FILE

if TYPE_CHECKING:
    from playbook.export.heldout import HeldOut

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
_NO_CLASS = re.compile(r"Could not locate class '(\w+)'")
HDF5 = b"\x89HDF\r\n\x1a\n"


def save(model: str, path: Path, seed: int, allow_unsafe_ops: bool = False) -> HeldOut | None:
    """Write the model as a SavedModel to `path`; a recipe also gives its held-out rows.

    Args:
        model: A recipe's name, `….keras`, `package.module:function`, or a directory; relative paths count from the
            current directory or the one above it (notebooks run in `notebooks/`).
        path: Must not exist.
        seed: Of a recipe's training.
        allow_unsafe_ops: Also load Keras files that carry Python code.

    Raises:
        ModelError: it cannot be found, built or saved; names what was tried and what to do.
        UnsafeModel: a Keras file carries Python code.
    """
    from playbook.export import recipes

    if model in recipes.RECIPES:
        return recipes.RECIPES[model](path, seed)
    source = rows_file.find(model.strip())
    if source is None:
        raise ModelError(f"model is empty. {_sources(recipes.RECIPES)}")
    if model.endswith(KERAS_SUFFIXES):
        _save_keras(_load_keras(source, allow_unsafe_ops), path, model)
    elif ":" in model and not source.exists():
        _save_object(_call(model), path, model)
    elif not source.exists():
        raise ModelError(
            f"model {model!r} was not found at {source.resolve()}, and is no recipe either. {_sources(recipes.RECIPES)}"
        )
    else:
        _copy(source, path)
    return None


def _sources(names: Iterable[str]) -> str:
    return f"Recipes: {', '.join(names)}; or give a .keras file, a SavedModel directory, or package.module:function."


def _copy(source: Path, path: Path) -> None:
    from playbook.tfserving import signatures

    if source.is_file() and source.suffix == ".pb":
        raise ModelError(
            f"{source} is a graph without signatures (a frozen graph), or the inside of a SavedModel. For a SavedModel "
            "give its directory. Wrap a frozen graph once: load it with tf.compat.v1.import_graph_def inside "
            "tf.compat.v1.wrap_function, prune it to its inputs and outputs, and tf.saved_model.save it with that "
            "function as a signature."
        )
    signatures.load_proto(source)
    shutil.copytree(source, path, ignore=shutil.ignore_patterns(WARMUP_FILE.name, ".*"))


def _load_keras(source: Path, allow_unsafe_ops: bool) -> Any:
    if not source.is_file():
        raise ModelError(f"The Keras file {source} was expected and is not there. Check `model`.")
    _check_keras_file(source)
    import keras

    try:
        return keras.saving.load_model(source, compile=False, safe_mode=not allow_unsafe_ops)
    except Exception as error:  # Keras raises whatever a layer's code raises
        if "unsafe" in str(error).lower() or "safe_mode" in str(error):
            raise UnsafeModel(
                f"{source} was not loaded: it carries Python code in a Lambda layer. "
                "If you trust whoever made it, set allow_unsafe_ops: true."
            ) from error
        own = _NO_CLASS.search(str(error))
        why = f"{own[1]!r} is a class of its maker's own, which is not known here" if own else _short(error)
        raise ModelError(
            f"{source} does not load with Keras {keras.__version__}: {why}. Where the model was made, export "
            "it with model.export(directory) and give that directory."
        ) from error


def _check_keras_file(source: Path) -> None:
    """Keras 2 and 3 do not read each other's .keras files, and say so in riddles; HDF5 says nothing of its version."""
    if source.suffix != ".keras":
        if source.read_bytes()[: len(HDF5)] != HDF5:
            raise ModelError(f"{source} is no HDF5 file. Save the model with model.save('….keras').")
        return
    try:
        with zipfile.ZipFile(source) as archive:
            saved_by = json.loads(archive.read("metadata.json"))["keras_version"]
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ModelError(f"{source} is no Keras file ({error}). Save it with model.save('….keras').") from error
    here = metadata.version("keras")
    if saved_by.partition(".")[0] != here.partition(".")[0]:
        raise ModelError(
            f"{source} was saved by Keras {saved_by}; Keras {here} is installed and does not read it. Where the model "
            "was made, export it with model.export(directory) and give that directory."
        )


def _call(model: str) -> Any:
    """What `package.module:function` returns; modules may lie in the current directory or the one above."""
    module, _, function = model.partition(":")
    with _importable(Path.cwd(), Path.cwd().parent):
        try:
            factory = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise ModelError(
                f"model {model!r}: {error}. It must be package.module:function, importable from {Path.cwd()} "
                "or the directory above, or installed."
            ) from error
        try:
            return factory()
        except Exception as error:
            raise ModelError(
                f"model {model!r}: {function}() raised {type(error).__name__}: {_short(error)}."
            ) from error


@contextmanager
def _importable(*folders: Path) -> Iterator[None]:
    before = list(sys.path)
    sys.path[:0] = [str(folder) for folder in folders]
    try:
        yield
    finally:
        sys.path[:] = before


def _save_object(built: Any, path: Path, model: str) -> None:
    from playbook.tfserving.tensorflow import tensorflow

    tf = tensorflow()
    if "keras" in sys.modules and isinstance(built, sys.modules["keras"].Model):
        return _save_keras(built, path, model)
    if not isinstance(built, tf.Module):
        kind = type(built).__name__
        raise ModelError(f"model {model!r} returned a {kind}; a Keras model or a tf.Module is expected.")
    try:
        tf.saved_model.save(built, str(path), signatures=getattr(built, "signatures", None))
    except Exception as error:
        raise ModelError(f"model {model!r} cannot be saved: {_short(error)}.") from error
    return None


def _save_keras(built: Any, path: Path, model: str) -> None:
    """Only what serving needs: no optimizer, no training functions. Source: keras.Model.export."""
    try:
        built.export(str(path), verbose=False)
    except Exception as error:
        raise ModelError(
            f"model {model!r} cannot be exported: {_short(error)}. A subclassed model must be called once, so that its "
            "input shapes are known."
        ) from error


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")[:300]
