"""What an engine made of a server that was started in it: which image, whose cores, by which way it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import psutil

from playbook.monitor import resources
from playbook.serve import container_address
from playbook.serve.docker_engine import emulation, engine, speaking

PROXY_US = 70  # of CPU that Docker's user-land proxy takes for a request and its answer, measured with 1.2 kB bodies


def of(container_id: str, rest_url: str) -> dict[str, Any]:
    """The facts of a container that runs, as serve.json keeps them.

    Returns:
        `image`, `image_id`, `image_digest` (null: the registry never saw it), `architecture`, `emulated` (a sentence,
        empty where it is not), `own_address`, `proxied_because` (null at its own address), `cpus_seen` (cores its
        first process may use, by this machine's numbers; null where this machine does not see it).

    Raises:
        DockerUnavailable: the engine or the container is gone.
    """
    with speaking(f"Asking for container {container_id[:12]}"):
        client = engine(timeout_s=10.0)
        container = client.containers.get(container_id)
        image = client.images.get(container.attrs["Image"])
        emulated = emulation(client, image)
    proxied = urlsplit(rest_url).hostname == "127.0.0.1"
    why = container_address.own(container_id, 8501)[1] if proxied else None
    return {
        "image": container.attrs["Config"]["Image"],
        "image_id": image.id,
        "image_digest": next(iter(image.attrs.get("RepoDigests") or ()), None),
        "architecture": image.attrs.get("Architecture"),
        "emulated": emulated,
        "own_address": not proxied,
        "proxied_because": why,
        "cpus_seen": _cpus_seen(container_id),
    }


def _cpus_seen(container_id: str) -> list[int] | None:
    pid = resources.container_pid(container_id)
    try:
        return sorted(psutil.Process(pid).cpu_affinity()) if pid else None
    except (psutil.Error, AttributeError):  # it has just ended; macOS has no affinity
        return None


def warnings(facts: Mapping[str, Any], cpus: Sequence[int]) -> list[str]:
    """What these facts say against the numbers, a sentence each.

    Args:
        facts: What `of` returned.
        cpus: The cores that were asked for; empty: none.
    """
    told = [facts["emulated"]] if facts["emulated"] else []
    if not facts["own_address"]:
        told.append(
            f"Requests go through Docker's user-land proxy, because {facts['proxied_because']}: about {PROXY_US} us of "
            "CPU a request on any core, measured as the server's latency. What it used stands in data/resources as "
            "proxy_rest and proxy_grpc, where this machine sees it."
        )
    seen = facts["cpus_seen"]
    if cpus and seen is None:
        told.append(
            f"The engine's cores are not this machine's: the server has its cores {list(cpus)}, and whether the client "
            "shares one of them is not known."
        )
    elif cpus and seen != sorted(cpus):
        told.append(
            f"The engine counts cores otherwise than this machine: {sorted(cpus)} were asked for, the server runs on "
            f"{seen}; client and server may share a core."
        )
    return told
