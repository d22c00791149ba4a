"""Pods without a cluster: containers of the embedded server under one name, as a headless Service names its pods.

The name is one line a pod in a file that the client's container has as /etc/hosts, so that a pod can leave the name
while it goes on answering, as it does in a cluster while it drains.
"""

from __future__ import annotations

import contextlib
import json
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import loadgen
from playbook.serve.spec import MONITORING

NAME = "pods"
WHERE = {"rest": f"http://{NAME}:8501/v1/models/digits:predict", "grpc": f"grpc://{NAME}:8500"}
_TRIED = "(exec 3<>/dev/tcp/127.0.0.1/8501) 2>/dev/null"
_READY = f"for i in $(seq 600); do {_TRIED} && exit 0; sleep 0.1; done; exit 1"


class Pods:
    """Containers of one network; `hosts` is the file that says which of them answer to the name."""

    def __init__(self, engine: Any, image: str, models: Path, hosts: Path, network: Any) -> None:
        self.engine, self.image, self.models, self.hosts, self.network = engine, image, models, hosts, network
        self.running: list[Any] = []
        hosts.write_text("127.0.0.1 localhost\n")
        self.config = hosts.with_suffix(".config")
        self.config.mkdir()
        (self.config / "monitoring.config").write_text(MONITORING)

    def add(self, *flags: str, wait: bool = True, **settings: Any) -> Any:
        """Start one more; it answers to the name once it is ready."""
        mounts = {str(self.models.resolve()): {"bind": "/models/digits", "mode": "ro"},
                  str(self.config): {"bind": "/config", "mode": "ro"}}  # fmt: skip
        pod = self.engine.containers.create(
            self.image, ["--monitoring_config_file=/config/monitoring.config", *flags], volumes=mounts, init=True,
            environment={"MODEL_NAME": "digits"}, network=self.network.name, **settings,
        )  # fmt: skip
        self.running.append(pod)
        pod.start()
        if wait:
            if pod.exec_run(["bash", "-c", _READY]).exit_code:
                raise RuntimeError(f"a pod did not open its port: {pod.logs(tail=5).decode(errors='replace')}")
            self.enter(pod)
        return pod

    def address(self, pod: Any) -> str:
        """Its own address."""
        pod.reload()
        return pod.attrs["NetworkSettings"]["Networks"][self.network.name]["IPAddress"]

    def enter(self, pod: Any) -> None:
        """Let the name say this pod too."""
        with self.hosts.open("a") as file:
            file.write(f"{self.address(pod)} {NAME}\n")

    def leave(self, pod: Any) -> None:
        """Take a pod out of the name; in place, for the file is mounted by its inode."""
        kept = [line for line in self.hosts.read_text().splitlines() if not line.startswith(f"{self.address(pod)} ")]
        self.hosts.write_text("\n".join(kept) + "\n")

    def end(self, pod: Any) -> None:
        """SIGKILL, as what comes to a pod whose process 1 ignores SIGTERM."""
        self.running.remove(pod)
        pod.remove(force=True)

    def load(self, protocol: str, bodies: Path, *words: str, source: Path | None = None) -> dict[str, Any]:
        """What the load generator in a container of its own saw of the name.

        Args:
            protocol: rest or grpc.
            bodies: Requests of that protocol.
            words: Further arguments of `python -m loadgen`.
            source: A folder with another `loadgen` in it.
        """
        source = source or Path(loadgen.__file__).parents[1]
        words = ("-m", "loadgen", f"--url={WHERE[protocol]}", f"--protocol={protocol}", "--bodies=/bodies",
                 "--out=/tmp/rows", *words)  # fmt: skip
        return json.loads(self.python(words, {str(source): "/lib-of-loadgen", str(bodies): "/bodies"}).splitlines()[-1])

    def python(self, words: tuple[str, ...], folders: dict[str, str]) -> bytes:
        """What Python printed in a client's container, with this machine's packages; it looks names up in `hosts`.

        Args:
            words: Arguments of Python.
            folders: Folders of this machine and where they stand inside; `/lib-of-loadgen` is on Python's path.
        """
        mounts = {place: {"bind": inside, "mode": "ro"} for place, inside in folders.items()}
        mounts |= {sysconfig.get_path("purelib"): {"bind": "/packages", "mode": "ro"},
                   str(self.hosts): {"bind": "/etc/hosts", "mode": "rw"}}  # fmt: skip
        return self.engine.containers.run(
            self.image, list(words), entrypoint="python3.11", network=self.network.name, volumes=mounts, remove=True,
            init=True, environment={"PYTHONPATH": "/lib-of-loadgen:/packages"},
        )  # fmt: skip


@contextlib.contextmanager
def pods(engine: Any, image: str, models: Path, folder: Path, name: str) -> Iterator[Pods]:
    """A network of its own for the length of a block; every container of it ends with it."""
    network = engine.networks.create(name, driver="bridge")
    made = Pods(engine, image, models, folder / f"hosts-{time.monotonic_ns()}", network)
    try:
        yield made
    finally:
        for pod in list(made.running):
            made.end(pod)
        network.remove()
