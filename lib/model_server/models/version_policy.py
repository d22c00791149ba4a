"""Which versions on disk are wanted: latest N, all, or specific ones."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from model_server import log
from model_server.errors import not_found

_SOURCE = "tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc:353"
_INT64 = 1 << 63
_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)  # what absl's SimpleAtoi reads: blanks and a sign count


@dataclass(frozen=True)
class WatchedModel:
    """A base path to watch. `latest` newest versions are wanted, or `specific` ones, or all of them."""

    name: str
    base_path: str
    latest: int = 1
    every: bool = False
    specific: tuple[int, ...] | None = None


def versions_on_disk(model: WatchedModel) -> dict[int, str]:
    """version -> path for each child of the base path whose whole name is an int64.

    Raises:
        ServingError: NOT_FOUND when the base path cannot be listed.
    """
    base_path = model.base_path.removeprefix("file://")  # TensorFlow's local file system knows the scheme
    try:
        children = sorted(os.listdir(base_path))
    except OSError as error:
        reason = f"NOT_FOUND: {model.base_path} not found" if isinstance(error, FileNotFoundError) else error.strerror
        text = f"Could not find base path {model.base_path} for servable {model.name} with error {reason}"
        raise not_found(text) from error
    on_disk: dict[int, str] = {}
    for child in children:
        if not _NUMBER.fullmatch(child) or not -_INT64 <= int(child) < _INT64:
            continue
        if int(child) in on_disk:
            log.warning(
                _SOURCE, f"Duplicate version directories detected. Version {int(child)} will be loaded from {child}"
            )
        on_disk[int(child)] = os.path.join(base_path, child)
    return on_disk


def wanted(model: WatchedModel, on_disk: Mapping[int, str]) -> dict[int, str]:
    """The versions of `on_disk` that the model's policy wants; the log says when there are none."""
    if not on_disk:
        log.warning(
            _SOURCE,
            f"No versions of servable {model.name} found under base path {model.base_path}. "
            "Did you forget to name your leaf directory as a number (eg. '/1/')?",
        )
        return {}
    if model.specific is not None:
        return _specific(model.name, model.specific, on_disk)
    if model.every:
        return dict(on_disk)
    newest = sorted(on_disk, reverse=True)[: max(1, model.latest)]
    return {version: on_disk[version] for version in newest}


def _specific(name: str, specific: tuple[int, ...], on_disk: Mapping[int, str]) -> dict[int, str]:
    if not specific:
        log.warning(_SOURCE, f"No specific versions requested for servable {name}.")
    for version in specific:
        if version not in on_disk:
            log.warning(
                _SOURCE,
                f"Version {version} of servable {name}, which was requested to be served as a 'specific' version "
                "in the servable's version policy, was not found in the file system",
            )
    return {version: on_disk[version] for version in specific if version in on_disk}


def poll(models: tuple[WatchedModel, ...]) -> dict[str, dict[int, str]]:
    """model name -> wanted versions for all models.

    Raises:
        ServingError: NOT_FOUND as soon as one base path is missing; nothing is known about any model then.
    """
    return {model.name: wanted(model, versions_on_disk(model)) for model in models}
