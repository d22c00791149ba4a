"""Publishing: a staged SavedModel becomes the next version by one rename, or not at all."""

from __future__ import annotations

import atexit
import contextlib
import errno
import hashlib
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

from playbook.errors import PlaybookError, PublishFailed
from playbook.tfserving import versions

STAGING = ".staging-"  # not a number, so the server does not see it
READ_BYTES = 1 << 20
_COUNT = itertools.count(1)


def stage(base_path: Path) -> Path:
    """A new empty directory beside the versions, on their file system; it goes when this process ends.

    What an export that was killed left there is removed first.

    Raises:
        PublishFailed: the base path is not writable.
    """
    base = Path(base_path)
    place = base / f"{STAGING}{os.getpid()}-{next(_COUNT)}"
    with writing(place):
        for old in base.glob(f"{STAGING}*"):
            pid = old.name.removeprefix(STAGING).partition("-")[0]
            if pid.isdecimal() and not psutil.pid_exists(int(pid)):
                shutil.rmtree(old, ignore_errors=True)
        place.mkdir(parents=True)
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """Write into a staging place inside this block: if anything fails, the place goes.

    Raises:
        PublishFailed: instead of an OSError: the disk is full, or the path not writable.
    """
    try:
        yield
    except BaseException as error:
        shutil.rmtree(place, ignore_errors=True)
        if isinstance(error, OSError):
            raise PublishFailed(_reason(place.parent, error)) from error
        raise


@contextlib.contextmanager
def speaking_of(path: Path, model: str) -> Iterator[None]:
    """Inside this block errors name the model that was given, and not the staging place where it lies.

    Raises:
        PlaybookError: of the same kind, with other words.
    """
    try:
        yield
    except PlaybookError as error:
        text = str(error).replace(str(path), str(model))
        raise (error if text == str(error) else type(error)(text)) from error.__cause__


def publish(staged: Path, base_path: Path, version: int = 0) -> int:
    """Move a staged SavedModel to its version number; a server sees all of it or nothing.

    Args:
        staged: On the same file system as `base_path`.
        version: The number to take; 0 is the one after the highest.

    Raises:
        PublishFailed: that version exists (none is ever overwritten), or the rename failed.
    """
    base = Path(base_path)
    known = versions.numbers(base)
    number = version or (known[-1] + 1 if known else 1)
    if number in known or (base / str(number)).exists():
        raise PublishFailed(
            f"{base / str(number)} exists, and a version is never overwritten. "
            f"Use version 0 for the next free number ({(known or [0])[-1] + 1})."
        )
    try:
        os.rename(staged, base / str(number))
    except OSError as error:
        raise PublishFailed(_reason(base, error)) from error
    return number


def fingerprint(saved_model: Path) -> str:
    """SHA-256 over graph, variables and assets; warm-up requests, batching parameters and other extras do not count."""
    root, digest = Path(saved_model), hashlib.sha256()
    files = [root / "saved_model.pb", *sorted((root / "variables").glob("*")), *sorted((root / "assets").rglob("*"))]
    for path in files:
        if path.is_file():
            digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as file:
                while part := file.read(READ_BYTES):
                    digest.update(part)
    return digest.hexdigest()


def size_bytes(saved_model: Path) -> int:
    """Bytes of all files of a version: graph, variables, assets, warm-up requests."""
    return sum(path.stat().st_size for path in Path(saved_model).rglob("*") if path.is_file())


def _reason(base: Path, error: OSError) -> str:
    where = error.filename or base
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(base if base.exists() else base.anchor or ".").free
        remedy = f"The disk is full ({free / 2**20:.0f} MiB free). Make room, or set `run_dir` to another disk."
    else:
        remedy = "Check that the run folder exists and is writable."
    return f"No version was published under {base}: {where}: {error.strerror or error}. {remedy}"
