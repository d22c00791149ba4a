"""Version directories of a model: publish a copy with other batching parameters, and remove old ones.

With --enable_per_model_batching_parameters, TensorFlow Serving reads a version's `batching_params.pbtxt` when it loads
the version, and never again. A new version directory is therefore the one way to change batching without a restart.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playbook.errors import PublishFailed, VersionChanged
from playbook.tfserving.batching import Batching

BATCHING_FILE = "batching_params.pbtxt"
PART = ".publishing-"  # not a number, so the server does not see it


def numbers(base_path: Path) -> list[int]:
    """The versions under a base path, ascending; directories with other names are not versions.

    Raises:
        PublishFailed: It cannot be listed.
    """
    try:
        names = [entry.name for entry in Path(base_path).iterdir() if entry.is_dir()]
    except OSError as error:
        raise PublishFailed(f"The model base path {base_path} cannot be listed ({error.strerror}).") from error
    return sorted(int(name) for name in names if name.isdecimal())


def batching_of(base_path: Path, version: int) -> Batching | None:
    """The batching parameters that lie in a version directory; None when it holds none and runs unbatched.

    Raises:
        PublishFailed: There is no such version.
        ParameterError: The file in it is no batching file.
    """
    path = directory(base_path, version) / BATCHING_FILE
    return Batching.parse(path.read_text()) if path.exists() else None


def publish(base_path: Path, batching: Batching | None, source: Path | None = None, above: int = 0) -> int:
    """Publish a copy of a version under the next number, with these batching parameters (None: not batched).

    Files are hard-linked where the file system can, so a version costs no space; the directory appears under its
    number by one rename, so a server never sees half of it.

    Args:
        base_path: The model's directory of version directories; it may be empty when a source is given.
        batching: Written as `batching_params.pbtxt`.
        source: The version directory to copy; the highest of the base path by default.
        above: The number is higher than this too: a server does not try a number again that failed to load.

    Returns:
        The new version's number.

    Raises:
        PublishFailed: Nothing to copy, a read-only base path, a full disk; nothing is left behind.
    """
    base, known = Path(base_path), numbers(base_path)
    if source is None and not known:
        raise PublishFailed(f"{base} holds no version to copy. Export the model there first.")
    number = max(above, *known, 0) + 1
    part = base / f"{PART}{number}-{os.getpid()}"
    try:
        skip = shutil.ignore_patterns(BATCHING_FILE)
        shutil.copytree(source or directory(base, known[-1]), part, copy_function=_link, ignore=skip)
        if batching is not None:
            (part / BATCHING_FILE).write_text(batching.text())
        os.rename(part, base / str(number))
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise PublishFailed(
            f"Version {number} could not be published under {base}: {error}. "
            "The base path must be writable here and on the same file system as its versions."
        ) from error
    return number


def prune(base_path: Path, keep: int, spare: int | None = None) -> list[int]:
    """Remove all but the `keep` highest versions (at least one), never `spare`; returns the numbers removed.

    Raises:
        PublishFailed: The base path cannot be listed, or a version not removed.
    """
    old = [number for number in numbers(base_path)[: -max(1, keep)] if number != spare]
    for number in old:
        remove(base_path, number)
    return old


def remove(base_path: Path, version: int) -> None:
    """Remove one version: renamed out of sight first, so that a server never lists a half-deleted directory.

    Raises:
        PublishFailed: There is no such version, or it cannot be renamed.
    """
    hidden = Path(base_path) / f"{PART}gone-{version}-{os.getpid()}"
    try:
        os.rename(directory(base_path, version), hidden)
    except OSError as error:
        raise PublishFailed(f"Version {version} under {base_path} could not be removed: {error}.") from error
    shutil.rmtree(hidden, ignore_errors=True)


def switch(
    base_path: Path,
    batching: Batching | None,
    status: Callable[[], list[dict]],
    timeout_s: float = 30.0,
    every_s: float = 0.05,
    silent_s: float = 10.0,
) -> tuple[int, float]:
    """Publish a version with these parameters and wait until the server answers from it.

    Args:
        base_path: As in `publish`.
        batching: As in `publish`.
        status: Asks the server for its versions, as `client.status` answers: `version`, `state`, `status`; an empty
            list where it does not answer. What it raises ends the wait at once.
        timeout_s: How long the new version may take to become AVAILABLE.
        every_s: Pause between two questions.
        silent_s: How long the server may leave the question unanswered.

    Returns:
        The version and the seconds from publishing to AVAILABLE.

    Raises:
        PublishFailed: It could not be published, failed to load, did not become AVAILABLE in time, or the server fell
            silent. The version is removed again, so that a restart of the server does not stumble over it; the old
            one keeps serving where the server lives.
    """
    newest = max((int(row["version"]) for row in status()), default=0)
    version, began = publish(base_path, batching, above=newest), time.monotonic()
    state: dict[str, Any] = {}
    answered = began
    while time.monotonic() - began < timeout_s:
        try:
            rows = status()
        except Exception:
            remove(base_path, version)
            raise
        answered = time.monotonic() if rows else answered
        if time.monotonic() - answered > silent_s:
            break
        state = next((row for row in rows if int(row["version"]) == version), state)
        if state.get("state") == "AVAILABLE":
            return version, time.monotonic() - began
        if state.get("state") in ("END", "UNLOADING"):
            break
        time.sleep(every_s)
    remove(base_path, version)
    if time.monotonic() - answered > silent_s:
        raise PublishFailed(
            f"The server did not answer for {silent_s:g} s after version {version} was published. The version was "
            "removed; look at the server's log and start it again."
        )
    why = state.get("status", {}).get("error_message") or f"last state: {state.get('state', 'unseen')}"
    raise PublishFailed(
        f"Version {version} did not become AVAILABLE within {timeout_s:g} s ({why}). "
        "It was removed; the one before it serves on. "
        "Check that the server polls this path (--file_system_poll_wait_seconds) and its log for the load error."
    )


def directory(base_path: Path, version: int) -> Path:
    """Where a version lies; its name may have leading zeros.

    Raises:
        PublishFailed: There is no such version.
    """
    for entry in Path(base_path).iterdir():
        if entry.name.isdecimal() and int(entry.name) == version:
            return entry
    raise PublishFailed(f"{base_path} holds no version {version}.")


def exported(base_path: Path, version: int | None) -> Path:
    """Where the version lies that export wrote, which must be the newest: a server would answer from that one.

    Args:
        base_path: The model's directory of version directories.
        version: Its number by export.json; None (no record tells it) takes the newest.

    Raises:
        VersionChanged: Another one is the newest, or none lies there.
        PublishFailed: The base path cannot be listed.
    """
    known = numbers(base_path)
    if known and version in (None, known[-1]):
        return directory(base_path, known[-1])
    wanted = f"version {version}, which export wrote," if version is not None else "a version"
    newest = f"version {known[-1]} is the newest there" if known else "none lies there"
    raise VersionChanged(
        f"{base_path} was expected to hold {wanted} and {newest} (somebody changed the folder). What was measured "
        "before is not about it: put the folder back as it was, or run 'export' again, in a new run."
    )


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links, or a mounted volume that spans two
        shutil.copy2(source, target)
