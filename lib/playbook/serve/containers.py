"""Servers in containers: TensorFlow Serving's image with the flags a spec renders, found again, watched and removed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from playbook.errors import ServerNotReady
from playbook.knobs import METRICS_PATH
from playbook.serve import client as control
from playbook.serve import container_address, docker_engine, unknown_flag
from playbook.serve.container_state import LABEL, check_alive, check_started, own_labels, state, stop, told
from playbook.serve.docker_engine import build, engine, problem
from playbook.serve.handle import Handle
from playbook.serve.owner import bind
from playbook.serve.spec import ServerSpec, choose_port

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["Limits", "build", "check_alive", "check_started", "engine", "has_image", "problem", "start", "start_image",
           "state", "stop"]  # fmt: skip

IMAGE = "tensorflow/serving:2.20.0"
_CONFIG_DIR = "/etc/tensorflow-serving"
_SSL_CONFIG = "/etc/tensorflow-serving-ssl.config"
_REST, _GRPC = 8501, 8500


@dataclass(frozen=True)
class Limits:
    """What a container may use besides its cores. Half the machine's memory unless told."""

    memory_bytes: int = 0
    pids: int = 4096
    somaxconn: int = 1024  # queue of gRPC connections; REST's is fixed at 128

    def settings(self) -> dict[str, Any]:
        """As the engine wants them."""
        memory = self.memory_bytes or psutil.virtual_memory().total // 2
        return {
            "mem_limit": memory,
            "memswap_limit": memory,
            "pids_limit": self.pids,
            "sysctls": {"net.core.somaxconn": str(self.somaxconn)},
        }


def start(
    spec: ServerSpec, run_dir: Path, config_dir: Path, rest_api_port: int, port: int, *, name: str = "serve",
    limits: Limits = Limits(),
) -> Handle:  # fmt: skip
    """Start a container of `spec.image`; the flags follow the image's name, so they win over the entrypoint's.

    Config files and the model are mounted read-only, ports are published on loopback. It is asked at its own address
    where this machine reaches that, so that no proxy stands between. It returns at once: wait with
    `client.wait_available`, calling `check_started` meanwhile.

    Raises:
        DockerUnavailable: no engine, no right to it, no image, no network, or a port that is taken.
    """
    inside = replace(spec, model_base_path=Path("/models") / spec.model_name)
    if spec.ssl_config_file:  # mounted where it lies: it holds a private key, which is copied nowhere
        inside = replace(inside, ssl_config_file=_SSL_CONFIG)
    mounts = {
        str(Path(config_dir).resolve()): {"bind": _CONFIG_DIR, "mode": "ro"},
        str(Path(spec.model_base_path).resolve()): {"bind": str(inside.model_base_path), "mode": "ro"},
    }
    if spec.ssl_config_file:
        mounts[str(Path(spec.ssl_config_file).resolve())] = {"bind": _SSL_CONFIG, "mode": "ro"}
    flags = inside.flags(Path(_CONFIG_DIR), _REST, _GRPC)
    docker_client = engine()
    image = spec.image or IMAGE
    docker_engine.pull(docker_client, image)
    settings = {"volumes": mounts, "cpuset_cpus": ",".join(map(str, spec.cpus)) or None, **limits.settings()}
    with docker_engine.speaking(f"Starting a container of {image}"):
        container = _run(docker_client, image, flags, run_dir, name, (rest_api_port, port), settings)
    return _handle(container, run_dir, name, spec.model_name, str(spec.model_base_path), flags, spec.cpus)


def start_image(
    image: str, run_dir: Path, model_name: str, cpus: float, timeout_s: float = 120.0, files: Mapping[str, str] = {}
) -> Handle:
    """Start an image as it ships, no flag added, as tightly as compose and the pod do; wait for health.

    Args:
        image: Its name.
        run_dir: Where its note and log go.
        model_name: What it serves.
        cpus: Its quota in cores.
        timeout_s: To become healthy.
        files: Files of this machine that it is given to read, and where it expects them; what no image may hold.

    Raises:
        DockerUnavailable: no engine or image.
        ServerNotReady: it did not become healthy; the container has been removed.
    """
    ports = choose_port("rest_api_port", 0), choose_port("port", 0)
    tight = {
        "read_only": True,
        "tmpfs": {"/tmp": ""},
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "nano_cpus": int(cpus * 1e9),
        "volumes": {str(Path(file).resolve()): {"bind": place, "mode": "ro"} for file, place in files.items()},
        **Limits().settings(),
    }
    with docker_engine.speaking(f"Starting {image}"):
        container = _run(engine(), image, [], run_dir, "deploy", ports, tight)
    handle = _handle(container, run_dir, "deploy", model_name, f"/models/{model_name}", [], ())
    bind(handle.note(run_dir, "deploy"), os.getpid())
    begun = time.monotonic()
    try:
        control.wait_available(handle, timeout_s, check=lambda: check_started(handle))
        start_s = time.monotonic() - begun
        unknown_flag.check(handle)
        _wait_healthy(handle, timeout_s - (time.monotonic() - begun))
    except BaseException:
        stop(handle.container)
        raise
    return replace(handle, start_s=round(start_s, 3))


def _wait_healthy(handle: Handle, timeout_s: float) -> None:
    """Run the image's own HEALTHCHECK until it passes, sooner than the engine's interval would; without one, nothing.

    Raises:
        DockerUnavailable: the engine or the container is gone.
        ServerNotReady: it did not pass, or the container has ended.
    """
    with docker_engine.speaking(f"Checking the health of container {handle.container[:12]}"):
        container = engine().containers.get(handle.container)
        kind, *words = (container.attrs["Config"].get("Healthcheck") or {}).get("Test") or ["NONE"]
        command = {"CMD": words, "CMD-SHELL": ["/bin/sh", "-c", *words]}.get(kind)
        end, code = time.monotonic() + timeout_s, None
        while command and code != 0:
            if code is not None and time.monotonic() > end:
                raise ServerNotReady(
                    f"The image's HEALTHCHECK ({' '.join(command)}) was expected to end with 0 within "
                    f"{timeout_s:.0f} s and ends with {code}. {told(handle)}"
                )
            check_started(handle)
            code = container.exec_run(command).exit_code
            time.sleep(0.2 if code else 0.0)


def _run(
    docker_client: Any, image: str, flags: list[str], run_dir: Path, name: str, ports: tuple[int, int],
    settings: Mapping[str, Any],
) -> Container:  # fmt: skip
    run_id = Path(run_dir).resolve().name
    if "-gpu" in image:
        from docker.types import DeviceRequest

        settings = {**settings, "device_requests": [DeviceRequest(count=-1, capabilities=[["gpu"]])]}
    published = {f"{inside}/tcp": ("127.0.0.1", outside) for inside, outside in zip((_REST, _GRPC), ports, strict=True)}
    container = docker_client.containers.create(
        image,
        flags,
        ports=published,
        init=True,
        detach=True,
        labels={LABEL: run_id, "playbook.run-dir": str(Path(run_dir).resolve()), **own_labels(name)},
        **settings,
    )
    try:
        container.start()
    except BaseException:
        container.remove(force=True, v=True)
        raise
    return container


def _handle(
    container: Container, run_dir: Path, name: str, model_name: str, base_path: str, flags: list[str],
    cpus: tuple[int, ...],
) -> Handle:  # fmt: skip
    container.reload()
    rest, grpc = _addresses(container)
    log_path = Path(run_dir).resolve() / "logs" / f"{name}.log"
    handle = Handle(
        server="docker",
        model_name=model_name,
        model_base_path=base_path,
        rest_url=f"http://{rest}",
        grpc_target=grpc,
        metrics_url=f"http://{rest}{METRICS_PATH}",
        flags=flags,
        cpus=list(cpus),
        log_path=str(log_path),
        container_id=container.id,
    )
    _follow(handle.container, log_path)
    return handle


def _addresses(container: Container) -> tuple[str, str]:
    """Where REST and gRPC are asked, host:port each."""
    address, _ = container_address.own(str(container.id), _REST)
    if address:
        return f"{address}:{_REST}", f"{address}:{_GRPC}"
    bound = container.attrs["HostConfig"]["PortBindings"]
    rest, grpc = (f"127.0.0.1:{bound[f'{inside}/tcp'][0]['HostPort']}" for inside in (_REST, _GRPC))
    return rest, grpc


def _follow(container_id: str, log_path: Path) -> None:
    """Stream the log to the run folder by a process of its own, which outlives this one and ends with the container."""
    log_path.parent.mkdir(parents=True, exist_ok=True)
    log_path.write_bytes(b"")
    subprocess.Popen(
        [sys.executable, "-m", "playbook.serve.container_log", container_id, str(log_path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def has_image(image: str) -> bool:
    """True when the engine holds the image already."""
    return docker_engine.has_image(engine(), image)
