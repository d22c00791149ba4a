"""The entry point of `playbook`: every command, and how errors end it."""

from __future__ import annotations

import errno
import sys

from playbook.cli import reading, running, serving  # noqa: F401  (each adds its commands to the application)
from playbook.cli.app import app
from playbook.errors import ParameterError, PlaybookError, RecordMismatch, StageFailed
from playbook.records import whole_file


def main() -> None:
    """Entry point: an error of ours is printed as it is, without a traceback, and exits 1 (2 for bad input)."""
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


def _say(message: object, code: int) -> int:
    print(message, file=sys.stderr)
    return code
