"""Files that appear whole: written beside their place under a name of their own, then renamed onto it.

A process that dies in between leaves `.<name>.<pid>-<n>.part` (hidden, and no program's own ending) and the file that
stood there before; `sweep` removes what dead processes left.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from playbook.errors import NotWritten

PRIVATE = 0o600  # for what holds credentials: nobody else may read it
LITTLE_BYTES = 2**20  # with less room than this on a disk, it is the one that is full
_LEFTOVER = re.compile(r"\..+\.(\d+)-\d+\.part")
_numbers = itertools.count()


@contextmanager
def writing(path: Path, mode: int | None = None) -> Iterator[Path]:
    """A path to write the file to, for a writer that wants a path (Parquet, numpy); folders are made.

    When the block ends, the file stands at `path`, whole; when it raises, `path` is what it was before.

    Args:
        path: The file's place.
        mode: Its permissions from the first byte on, such as `PRIVATE`; the usual ones when left out.

    Raises:
        NotWritten: the disk is full, the folder is read-only or gone; says which file, why and what to do.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if mode is not None:
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        yield part
        part.replace(path)
    except OSError as error:
        raise NotWritten(in_words(error, path)) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def half_written(path: Path) -> bool:
    """Whether a file is one that a writer has not finished, or was killed in."""
    return bool(_LEFTOVER.fullmatch(Path(path).name))


def in_words(error: OSError, path: Path | str | None = None, places: Iterable[Path | str] = ()) -> str:
    """One sentence for a file that could not be written: which, why, and what to do.

    Args:
        error: What the system said; a write that fails does not name its file.
        path: The file; when left out, what the error names.
        places: Folders to which something was written: one that has no room is named where nothing else is.
    """
    if isinstance(error, NotWritten):
        return str(error)
    full = (os.path.join(place, "") for place in places if error.errno == errno.ENOSPC and _is_full(place))
    what = path or error.filename or next(full, "A file")
    return (
        f"{what} could not be written ({error.strerror or error}); what stood there is unchanged. "
        f"{_remedy(error, str(what))}"
    )


def _is_full(place: Path | str) -> bool:
    try:
        space = os.statvfs(place)
    except OSError:
        return False
    return space.f_bavail * space.f_frsize < LITTLE_BYTES


def _remedy(error: OSError, path: str) -> str:
    folder = os.path.dirname(path)
    if error.errno == errno.ENOENT and folder and not os.path.exists(folder):
        return f"{folder} is not there any more: was it removed while something worked in it?"
    if f"{os.sep}playbook-" in tempfile.gettempdir() and path.startswith(tempfile.gettempdir()):  # a chain's own
        return "Free space there, or name another folder for temporary files (TMPDIR)."
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return "Make it writable again, or choose a folder that may be written to with --outputs."
    return "Free space on that disk, or choose a folder that may be written to with --outputs."


def write_text(path: Path, text: str, mode: int | None = None) -> Path:
    """Write a text (UTF-8) as a whole file; returns the path. Raises as `writing` does."""
    return write_bytes(path, text.encode(), mode)


def write_bytes(path: Path, content: bytes, mode: int | None = None) -> Path:
    """Write bytes as a whole file; returns the path. Raises as `writing` does."""
    with writing(path, mode) as part:
        part.write_bytes(content)
    return Path(path)


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder with all that is in it, also into one that is there.

    Raises:
        NotWritten: a file of it could not be written; says which and why.
    """
    try:
        shutil.copytree(source, target, dirs_exist_ok=True)
    except shutil.Error as error:  # all that went wrong, each as its source, its target and a text
        _, file, why = error.args[0][0]
        number = re.search(r"\[Errno (\d+)\]", why)
        cause = OSError(int(number[1]), os.strerror(int(number[1]))) if number else OSError(why)
        raise NotWritten(in_words(cause, file)) from error
    except OSError as error:
        raise NotWritten(in_words(error, target)) from error


def sweep_below(folder: Path) -> list[Path]:
    """As `sweep`, in all folders below as well."""
    folders = {path.parent for path in Path(folder).rglob(".*.part")}
    return [path for one in sorted(folders) for path in sweep(one)]


def sweep(folder: Path) -> list[Path]:
    """Remove what processes that have ended left half-written directly in a folder; returns what was removed."""
    removed = []
    for path in sorted(Path(folder).glob(".*.part")):
        pid = _LEFTOVER.fullmatch(path.name)
        if pid and not psutil.pid_exists(int(pid[1])):
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed
