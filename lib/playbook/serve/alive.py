"""Whether a server that was started still lives, whatever kind it is."""

from __future__ import annotations

from typing import Any

import requests

from playbook.errors import ServerDied
from playbook.serve import client, container_state
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


def living_versions(handle: Handle, timeout_s: float = 2.0) -> list[dict[str, Any]]:
    """Every version as `client.status` tells it; none where the server lives and does not answer in time.

    Raises:
        ServerDied: it does not answer because it has ended.
        PredictFailed: it answered with an error.
    """
    try:
        return client.status(handle, timeout_s)
    except requests.RequestException:
        check_alive(handle)
        return []
