"""Every command of `playbook`, and how errors end it."""

from __future__ import annotations

import atexit
import errno
import io
import locale
import os
import signal
import sys

from playbook.cli import reading, running, serving  # noqa: F401  (each adds its commands to the application)
from playbook.cli.app import app
from playbook.cli.ctrl_c import INTERRUPTED, SAID
from playbook.errors import ParameterError, PlaybookError, RecordMismatch, StageFailed
from playbook.records import whole_file


def main() -> None:
    """Run a command: an error of ours is printed as it is, without a traceback, and exits 1 (2 for bad input).

    Raises:
        KeyboardInterrupt: Ctrl-C, where typer did not take it.
    """
    _in_utf8()
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # then there is nothing left to interrupt
    try:
        app()
    except (ParameterError, RecordMismatch) as error:  # 1 of compare is a regression, and a pipeline acts on it
        sys.exit(_say(error, 2))
    except StageFailed as error:
        sys.exit(_say(error, 1))
    except PlaybookError as error:
        sys.exit(_say(f"{type(error).__name__}: {error}", 1))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        sys.exit(_say(whole_file.in_words(error), 1))
    except SystemExit as ended:
        if _interrupted(ended):
            _say(SAID, INTERRUPTED)
        raise


def _interrupted(ended: SystemExit) -> bool:
    """Whether typer has made this exit of Ctrl-C, and said nothing of it."""
    asked = ended.__context__
    return ended.code == INTERRUPTED and isinstance(asked.__cause__ if asked else None, KeyboardInterrupt)


def _in_utf8() -> None:
    """Read and write UTF-8 whatever the locale says, as all that a run holds is; a terminal that cannot show a letter
    gets its number."""
    if not sys.flags.utf8_mode and locale.getpreferredencoding(False).lower() not in ("utf-8", "utf8"):
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _say(message: object, code: int) -> int:
    print(message, file=sys.stderr)
    return code
