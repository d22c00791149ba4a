"""Whether a chain may open the files and connections it needs: asked for before it starts, not in mid-level."""

from __future__ import annotations

import contextlib

from playbook.errors import ParameterError

NEEDED = 256  # sockets of kernels, one connection a client, libraries; levels of more clients take more


def allow() -> None:
    """Let this process, and so all that it starts, open as many files as the system lets it.

    Raises:
        ParameterError: these are too few for a chain.
    """
    with contextlib.suppress(ImportError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(ValueError, OSError):  # macOS takes no more than a number of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        most = max(soft, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        if 0 <= most < NEEDED:
            raise ParameterError(
                f"A process may open {most} files here, and a chain needs {NEEDED} and one more for each client of a "
                f"level. Nothing was started. Raise the limit (`ulimit -n {4 * NEEDED}`, LimitNOFILE= of a service)."
            )
