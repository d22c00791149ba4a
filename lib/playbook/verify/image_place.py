"""Servers under question from an image: containers with flags of their own, as the playbook starts them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from playbook.knobs import METRICS_PATH
from playbook.serve import docker_engine
from playbook.serve.container_state import LABEL, own_labels
from playbook.serve.spec import choose_port
from playbook.verify import probe_model
from playbook.verify.places import ENV, ONCE_S, Place, Setup, wait_for
from playbook.verify.reached import Reached

_INSIDE = "/verify"
_REST, _GRPC = 8501, 8500
_SHARES = 8192  # of the processor, where others have 1024: fractions of a millisecond are told


class ImagePlace(Place):
    """An image of TensorFlow Serving.

    Raises:
        DockerUnavailable: no engine, or no such image.
    """

    def __init__(self, image: str, setups: Mapping[str, Setup]):
        super().__init__(setups)
        self._engine = docker_engine.engine()
        docker_engine.pull(self._engine, image)
        self._image = image

    def inside(self, folder: Path) -> str:
        """The folder as the container sees it."""
        return _INSIDE

    def start(self, name: str, folder: Path, flags: Sequence[str]) -> Reached:
        """See Place.start."""
        ports = choose_port("rest_api_port", 0), choose_port("port", 0)
        own = [f"--model_name={probe_model.NAME}", f"--model_base_path={_INSIDE}/model"]
        published = {f"{inside}/tcp": ("127.0.0.1", port) for inside, port in zip((_REST, _GRPC), ports, strict=True)}
        container = self._create([*own, *flags], folder, published)

        def end() -> None:
            container.remove(force=True, v=True)

        try:
            container.start()
            reached = Reached(
                f"http://127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}", METRICS_PATH, folder=folder,
                log=lambda: container.logs().decode(errors="replace"), end=end, ended=lambda: _code(container),
                terminate=lambda: container.kill("SIGTERM"),
            )  # fmt: skip
        except BaseException:
            end()
            raise
        wait_for(reached)
        return reached

    def once(self, flags: Sequence[str], files: Mapping[str, str] = {}) -> tuple[int | None, str]:
        """See Place.once."""
        folder = self.folder / f"once-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        for file, text in files.items():
            (folder / file).write_text(text)
        container = self._create([flag.format(folder=_INSIDE) for flag in flags], folder, {})
        try:
            container.start()
            code: int | None = container.wait(timeout=ONCE_S)["StatusCode"]
        except OSError:  # requests' time-out: it runs on
            code = None
        try:
            return code, container.logs().decode(errors="replace")
        finally:
            container.remove(force=True, v=True)

    def _create(self, flags: Sequence[str], folder: Path, ports: Mapping[str, Any]) -> Any:
        """A container that the playbook's own `stop` would find."""
        with docker_engine.speaking(f"Starting a container of {self._image}"):
            return self._engine.containers.create(
                self._image,
                list(flags),
                init=True,
                detach=True,
                cpu_shares=_SHARES,
                ports=ports,
                volumes={str(folder): {"bind": _INSIDE, "mode": "ro"}},
                labels={LABEL: "verify", **own_labels("verify")},
            )

    def facts(self) -> dict[str, Any]:
        """Image, id, digest, architecture, whether it is emulated, entrypoint and environment."""
        return facts_of(self._image)


def facts_of(image: str) -> dict[str, Any]:
    """What the engine knows of an image that it has, or gets now.

    Raises:
        DockerUnavailable: no engine, or no such image.
    """
    docker_client = docker_engine.engine()
    docker_engine.pull(docker_client, image)
    with docker_engine.speaking(f"Asking for {image}"):
        known = docker_client.images.get(image)
        emulated = docker_engine.emulation(docker_client, known)
    config = known.attrs["Config"]
    return {
        "image": image,
        "image_id": known.id,
        "image_digest": next(iter(known.attrs.get("RepoDigests") or ()), None),
        "architecture": known.attrs.get("Architecture"),
        "emulated": emulated,
        "entrypoint": config.get("Entrypoint"),
        "env": known_env(config.get("Env")),
    }


def known_env(lines: Iterable[str] | None) -> dict[str, str]:
    """The variables that are asked about; an image of one's own may hold secrets in others, and this is kept."""
    every = dict(line.partition("=")[::2] for line in lines or ())
    return {name: every[name] for name in ENV if name in every}


def _code(container: Any) -> int | None:
    """The exit code of a container that has ended; None while it runs."""
    container.reload()
    return None if container.status in ("created", "running") else container.attrs["State"]["ExitCode"]
