"""Where a container is asked: at its own address where this machine reaches it, else through Docker's user-land proxy.

A published port on loopback is served by `docker-proxy`, a process that copies every byte twice on whichever core is
free: CPU that is measured as nobody's, and latency that is taken for the server's.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from typing import Any

import psutil

from playbook.monitor import resources
from playbook.serve.docker_engine import engine, speaking

_REACHED = (0, errno.ECONNREFUSED)  # an answer from the container, whether or not its server listens yet
_TRY_S = 1.0


def own(container_id: str, port: int) -> tuple[str | None, str]:
    """The container's own address, and why it cannot be used where it is None.

    Args:
        container_id: Of a container that was started.
        port: A TCP port inside it, to try the way with.

    Raises:
        DockerUnavailable: the engine or the container is gone.
    """
    with speaking(f"Asking for container {container_id[:12]}"):
        client = engine(timeout_s=10.0)
        attrs, info = client.api.inspect_container(container_id), client.info()
    networks = [net for net in attrs["NetworkSettings"]["Networks"].values() if net.get("IPAddress")]
    if not networks:
        return None, "it has no address of its own"
    why = _foreign(info, container_id, networks[0]) or _unreachable(networks[0]["IPAddress"], port)
    return (None, why) if why else (networks[0]["IPAddress"], "")


def _foreign(info: Mapping[str, Any], container_id: str, network: Mapping[str, Any]) -> str:
    """Why the address is none of this machine's networks; empty where it is one."""
    if any("rootless" in option for option in info.get("SecurityOptions") or ()):
        return "the engine is rootless, and its networks are its own"
    if resources.container_pid(container_id) is None:
        return "the engine runs on another machine, or in a virtual one"
    here = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    return "" if network.get("Gateway") in here else "no interface of this machine is in its network"


def _unreachable(address: str, port: int) -> str:
    with socket.socket() as tried:
        tried.settimeout(_TRY_S)
        code = tried.connect_ex((address, port))
    return "" if code in _REACHED else f"{address} cannot be reached from here (a firewall?)"
