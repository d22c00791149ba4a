"""Signals to a server that was started, whatever kind it is: how a drill ends it, stops it still and wakes it."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from playbook.errors import ServerDied, ServerError
from playbook.serve.handle import Handle

#: What a container is told instead: its first process passes not every signal on (docker run --init).
_TO_CONTAINER = {signal.SIGSTOP: "pause", signal.SIGCONT: "unpause"}


def send(handle: Handle, number: signal.Signals) -> None:
    """Send a signal to the server with all its processes.

    Raises:
        ServerDied: there is none any more, or it is somebody else's.
        DockerUnavailable: of a container: it or its engine is gone, or refuses.
    """
    if handle.container_id:
        _to_container(handle.container, number)
        return
    process = handle.process()
    if process is None:
        raise ServerDied(f"{number.name} was to go to the {handle.server} server of '{handle.model_name}'; none runs.")
    os.killpg(process.pid, number)


def wait_gone(handle: Handle, timeout_s: float) -> bool:
    """Wait until the server has ended; whether it has."""
    end = time.monotonic() + timeout_s
    while lives(handle):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def lives(handle: Handle) -> bool:
    """Whether its process or container runs."""
    if handle.container_id:
        from playbook.serve import container_state

        with contextlib.suppress(ServerError):
            return bool(container_state.state(handle.container).get("Running"))
        return False
    return handle.process() is not None


def _to_container(container_id: str, number: signal.Signals) -> None:
    from playbook.serve import docker_engine

    with docker_engine.speaking(f"Sending {number.name} to container {container_id[:12]}"):
        container = docker_engine.engine().containers.get(container_id)
        if number in _TO_CONTAINER:
            if (container.status == "paused") == (number == signal.SIGCONT):  # the engine refuses the other case
                getattr(container, _TO_CONTAINER[number])()
        else:
            container.kill(number.name)
