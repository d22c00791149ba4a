"""Whether a server that was started still lives, whatever kind it is."""

from __future__ import annotations

from playbook.errors import ServerDied
from playbook.serve import container_state
from playbook.serve.handle import Handle


def check_alive(handle: Handle) -> None:
    """Return when the server's process or container runs, or when it is none of ours.

    Raises:
        ServerDied: it has ended, with its last log lines.
    """
    if handle.container_id:
        container_state.check_alive(handle)
    if handle.pid and handle.process() is None:
        raise ServerDied(
            f"The {handle.server} server of '{handle.model_name}' (pid {handle.pid}) has ended while it was needed.\n"
            f"  Last log lines ({handle.log_path}):\n{handle.log_tail()}\n"
            "  Start it again with the 'serve' notebook."
        )
