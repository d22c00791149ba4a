"""What became of a container: its state in words, whether it lives, and its end."""

from __future__ import annotations

import socket
from typing import Any

import psutil

from playbook.errors import DockerUnavailable, ServerDied, ServerNotReady
from playbook.records.process import begun_s
from playbook.serve.docker_engine import emulation, engine, speaking
from playbook.serve.handle import Handle

LABEL = "playbook.run"
HOST = "playbook.host"  # where its run folder lies: an engine may serve several machines
STARTER = "playbook.starter"  # pid and start of who started it, to know it for an orphan where no note tells of it
_TAIL = 8
_TELLING = ("Couldn't interpret", "Failed to start", "unknown argument", "terminate called", "Check failed")


def own_labels(name: str) -> dict[str, str]:
    """What every container that is started here is labelled with: its part, this machine, this process."""
    me = psutil.Process()
    return {"playbook.name": name, HOST: socket.gethostname(), STARTER: f"{me.pid} {begun_s(me)}"}


def state(container_id: str) -> dict[str, Any]:
    """The engine's State of a container (Status, ExitCode, OOMKilled, Health ...).

    Raises:
        DockerUnavailable: the engine or the container is gone.
    """
    with speaking(f"Asking for container {container_id[:12]}"):
        return engine(timeout_s=10.0).api.inspect_container(container_id)["State"]


def check_started(handle: Handle) -> None:
    """Raise ServerNotReady when the container has ended while it was waited for."""
    if state(handle.container)["Status"] in ("exited", "dead"):
        raise ServerNotReady(f"'{handle.model_name}' was expected to be AVAILABLE. {told(handle)}")


def check_alive(handle: Handle) -> None:
    """Raise ServerDied when the container or its engine is gone; one that is paused hangs, which is told otherwise."""
    try:
        status = state(handle.container)["Status"]
    except DockerUnavailable as error:
        raise ServerDied(f"The docker server of '{handle.model_name}' cannot be asked any more. {error}") from error
    if status not in ("running", "paused"):
        raise ServerDied(f"The docker server of '{handle.model_name}' has ended while it was needed. {told(handle)}")


def log(container_id: str) -> str:
    """All that a container wrote.

    Raises:
        DockerUnavailable: the engine or the container is gone.
    """
    with speaking("Reading its log"):
        return engine(timeout_s=10.0).api.logs(container_id).decode(errors="replace")


def told(handle: Handle) -> str:
    """Container state, why it ended, and its last log lines."""
    now = state(handle.container)
    what = f"Container {handle.container[:12]} is {now['Status']}"
    if now["Status"] != "running":
        what += f" with code {now['ExitCode']}"
    if now.get("OOMKilled"):
        what += ", killed because it was out of memory: raise its memory limit, or load a smaller model"
    with speaking("Reading its log"):
        client = engine(timeout_s=10.0)
        lines = client.api.logs(handle.container, tail=400).decode(errors="replace").splitlines()
        image = client.images.get(client.api.inspect_container(handle.container)["Image"])
    foreign = emulation(client, image)
    what += f". {foreign.rstrip('.')}" if foreign and now["Status"] != "running" else ""
    # A refused flag is followed by the whole usage: what tells is then far above the end.
    tail = [line for line in lines[:-_TAIL] if any(word in line for word in _TELLING)][-_TAIL:] + lines[-_TAIL:]
    return (
        f"{what}.\n  Last log lines:\n{chr(10).join(tail) or '(the log is empty)'}\n"
        f"  Check the flags ({' '.join(handle.flags) or 'those of the image'}) and that {handle.model_base_path} "
        "holds a numbered version folder with a SavedModel."
    )


def gone(container_id: str) -> bool:
    """Whether the engine knows no such container any more; False where it cannot be asked."""
    import docker

    try:
        engine(timeout_s=10.0).api.inspect_container(container_id)
    except docker.errors.NotFound:
        return True
    except (docker.errors.APIError, DockerUnavailable, OSError):
        return False
    return False


def stop(container_id: str, grace_s: int = 3) -> bool:
    """Stop and remove a container; whether there was one. One that is gone already is no error."""
    import docker

    try:
        container = engine().containers.get(container_id)
        if container.status == "paused":  # it would hear no signal
            container.unpause()
        container.stop(timeout=grace_s)
        container.remove(force=True, v=True)
    except (docker.errors.NotFound, DockerUnavailable):
        return False
    except docker.errors.APIError as error:
        if "already in progress" not in str(error):
            raise
    return True
