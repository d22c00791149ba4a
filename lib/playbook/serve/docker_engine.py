"""The Docker engine: is there one, has it the image, and if not, what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbook import progress
from playbook.errors import DockerUnavailable

if TYPE_CHECKING:
    from docker.models.images import Image

    from docker import DockerClient

_INSTEAD = "Or use server: embedded, which needs no Docker."
_UNREACHABLE = (
    "dial tcp",
    "no such host",
    "timeout",
    "connection refused",
    "EOF",
    "server misbehaving",
    "TLS handshake",
)


def engine(timeout_s: float = 60.0) -> DockerClient:
    """A client of the engine that `DOCKER_HOST` or the usual socket names.

    Raises:
        DockerUnavailable: no engine answers, or this user may not talk to it; says what to do.
    """
    import docker

    try:
        client = docker.from_env(timeout=int(timeout_s))
        client.ping()
    except docker.errors.DockerException as error:
        raise DockerUnavailable(_explain(error)) from error
    except OSError as error:  # requests' own errors are OSErrors
        raise DockerUnavailable(_explain(error)) from error
    return client


def _explain(error: BaseException) -> str:
    text = str(error)
    if "Permission denied" in text or "PermissionError" in text:
        return (
            "A Docker engine was expected and this user may not talk to it (permission denied on its socket). "
            f"Add the user to the group 'docker' and log in again. {_INSTEAD}"
        )
    return f"A Docker engine was expected and none answers ({text}). Start it (systemctl start docker). {_INSTEAD}"


def problem() -> str | None:
    """Why no engine can be used, in words; None when one answers."""
    try:
        engine(timeout_s=5.0).close()
    except DockerUnavailable as error:
        return str(error).partition(". ")[0]
    return None


@contextmanager
def speaking(doing: str) -> Iterator[None]:
    """Turn the engine's errors into DockerUnavailable, saying what was being done."""
    import docker

    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise DockerUnavailable(f"{doing}: no such image ({error.explanation}). Check its name and tag.") from error
    except docker.errors.BuildError as error:
        last = "".join(line.get("stream", "") for line in error.build_log if isinstance(line, dict)).strip()
        raise DockerUnavailable(f"{doing} failed: {error.msg}. Last output: {last[-500:]}") from error
    except docker.errors.APIError as error:
        raise DockerUnavailable(f"{doing}: {in_words(str(error.explanation or error))}") from error
    except OSError as error:  # the engine went away while it was asked
        raise DockerUnavailable(f"{doing}: the engine does not answer any more ({error}). Start it again.") from error


def in_words(text: str) -> str:
    """What the engine said, as what is wrong and what to do."""
    if "port is already allocated" in text or "address already in use" in text:
        return f"a port is taken ({text}). Free it, or use 0 for a free one."
    if "CPUs are not available" in text:
        return (
            f"the engine has no such cores ({text}): it counts its own, which may be fewer or others than this "
            "machine's. Name cores that it has with server_cpus."
        )
    if "exec format error" in text:
        return f"the image is for another processor than the engine's ({text}). Use one built for it. {_INSTEAD}"
    if "could not select device driver" in text:
        return "this engine gives no GPUs. Install the NVIDIA Container Toolkit, or use the image without -gpu."
    if any(word in text for word in _UNREACHABLE):
        return f"the registry cannot be reached ({text}). Check the network, or use docker load. {_INSTEAD}"
    if "not found" in text or "does not exist" in text or "denied" in text:
        return f"no such image, or no right to it ({text}). Check its name and tag."
    return text


def has_image(client: DockerClient, image: str) -> bool:
    """True when the engine holds the image already."""
    import docker

    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        return False
    return True


def emulation(client: DockerClient, image: Image) -> str:
    """What is to be said of an image for another processor than the engine's; empty where they are the same."""
    wanted, here = image.attrs.get("Architecture"), client.version().get("Arch")
    if not wanted or not here or wanted == here:
        return ""
    return (
        f"{image.tags[0] if image.tags else image.short_id} is for {wanted} and the engine runs on {here}: it is "
        "emulated, if it starts at all, and its rates say nothing of the server. Use an image for this processor, or "
        "server: embedded."
    )


def pull(client: DockerClient, image: str) -> None:
    """Get the image unless it is here, with progress over its layers.

    Raises:
        DockerUnavailable: no such image, or the registry cannot be reached.
    """
    if has_image(client, image):
        return
    with speaking(f"Pulling {image}"), progress.live(f"pull {image}", 1.0) as bar:
        layers: dict[str, tuple[int, int]] = {}
        for event in client.api.pull(image, stream=True, decode=True):
            if "error" in event:
                raise DockerUnavailable(f"Pulling {image}: {in_words(event['error'])}")
            bar.update(*layer_share(layers, event))


def layer_share(layers: dict[str, tuple[int, int]], event: dict[str, Any]) -> tuple[float, str]:
    """Share of bytes here and the words beside the bar, after one line of the engine's report."""
    detail = event.get("progressDetail") or {}
    if detail.get("total"):
        layers[event["id"]] = (detail["current"], detail["total"])
    here, total = (sum(layer[side] for layer in layers.values()) for side in (0, 1))
    return (here / total if total else 0.0), f"{event.get('status', '')}, {here / 1e6:,.0f} of {total / 1e6:,.0f} MB"


def build(folder: Path, image: str, base: str) -> str:
    """Build a bundle's image on `base`, pulling that if it is not here; returns the image's id.

    Raises:
        DockerUnavailable: no engine, no base image, or a step of the Dockerfile failed; the last output is shown.
    """
    docker_client = engine(timeout_s=600.0)
    pull(docker_client, base)
    with speaking(f"Building {image}"):
        built, _ = docker_client.images.build(
            path=os.fspath(folder), tag=image, buildargs={"BASE_IMAGE": base}, rm=True, forcerm=True
        )
    return str(built.id)
