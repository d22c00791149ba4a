"""A location such as s3://bucket/records, through fsspec: tried before minutes are spent on it, then written to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from playbook.errors import ParameterError, PlaybookError

TRIED = ".playbook"  # written and removed again: a listing that is allowed says nothing of writing


class BucketRefused(PlaybookError):
    """A location could not be written: no such bucket, no credentials, no right, nobody there."""


def opened(place: str) -> tuple[Any, str]:
    """The file system of a location, and the path in it; nothing is asked of it yet.

    Raises:
        ParameterError: no such kind of place, or its package is not installed.
    """
    import fsspec

    try:
        return fsspec.core.url_to_fs(place.rstrip("/"))
    except (ImportError, ValueError) as unknown:
        raise ParameterError(
            f"{place} cannot be written: {unknown}. A folder, or a URL of fsspec is expected; s3:// needs the package "
            "s3fs, gs:// the package gcsfs (`.venv/bin/uv pip install s3fs`)."
        ) from unknown


def check(place: str) -> None:
    """Write a small file there and remove it again.

    Raises:
        ParameterError: it cannot be written; says why.
    """
    system, root = opened(place)
    try:
        _make_folder(system, root)
        system.pipe_file(f"{root}/{TRIED}", b"")
    except Exception as refused:  # a store's client raises what its transport raises: no credentials, no such host
        raise ParameterError(f"{place} cannot be written: {told(refused)}. Nothing was started.") from refused
    with contextlib.suppress(Exception):  # who may write and not remove leaves an empty file behind
        system.rm_file(f"{root}/{TRIED}")


def put(system: Any, files: Iterable[tuple[Path, str]]) -> None:
    """Copy files to their paths in a file system, in this order. No bucket is made: a slip in its name is told.

    Raises:
        BucketRefused: one of them was not taken; says why.
    """
    for path, target in files:
        try:
            _make_folder(system, target.rpartition("/")[0])
            system.put_file(str(path), target)
        except Exception as refused:
            raise BucketRefused(told(refused)) from refused


def told(refused: Exception) -> str:
    """What a store's client says, on one line and without its full stop."""
    return " ".join(str(refused).split()).rstrip(".") or type(refused).__name__


def _make_folder(system: Any, folder: str) -> None:
    """A disk needs folders; a store of objects has none, and would make a bucket of that name."""
    protocols = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
    if "file" in protocols:
        system.makedirs(folder, exist_ok=True)
