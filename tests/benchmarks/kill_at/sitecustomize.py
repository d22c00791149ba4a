"""Kills a process and the chain above it at the moment when a file of a given name is half written.

On PYTHONPATH of a chain (`fault_writes.py`), whose processes import it as they start. FAULT_KILL_AT names the file, as
a pattern of its path; FAULT_KILL_NTH says at which of its writings. What would have been renamed into place is cut in
half, as by a kill while it is written.
"""

import fnmatch
import os
import shutil
import signal

PATTERN, NTH = os.environ.get("FAULT_KILL_AT", ""), int(os.environ.get("FAULT_KILL_NTH", "1"))
CHAIN = int(os.environ.get("FAULT_CHAIN", "0")) or os.getpid()  # the first process that imports this is the chain
_replace, _copyfile = os.replace, shutil.copyfile
_seen = 0


def _is_the_moment(target) -> bool:
    global _seen
    _seen += fnmatch.fnmatch(os.fspath(target), PATTERN)
    return _seen == NTH and fnmatch.fnmatch(os.fspath(target), PATTERN)


def _end() -> None:
    for pid in (CHAIN, os.getpid()):
        os.kill(pid, signal.SIGKILL)


def replace(source, target, **other):
    """os.replace, up to that moment."""
    if _is_the_moment(target):
        os.truncate(source, os.path.getsize(source) // 2)
        _end()
    return _replace(source, target, **other)


def copyfile(source, target, **other):
    """shutil.copyfile, up to that moment."""
    if _is_the_moment(target):
        with open(source, "rb") as file, open(target, "wb") as half:
            half.write(file.read(os.path.getsize(source) // 2))
        _end()
    return _copyfile(source, target, **other)


if PATTERN:
    os.environ["FAULT_CHAIN"] = str(CHAIN)
    os.replace, shutil.copyfile = replace, copyfile
