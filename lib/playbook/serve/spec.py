"""What a server is to be: one description that renders TensorFlow Serving's flags and config files."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from loadgen import headers as request_headers
from playbook import knobs
from playbook.errors import ParameterError
from playbook.knobs import METRICS_PATH
from playbook.records import names, secrets, trust
from playbook.tfserving.batching import Batching

SERVERS = ("embedded", "binary", "docker", "attach")
TLS = ("ssl_config_file", "ca_file", "client_certificate", "client_key", "server_name")
MONITORING = f'prometheus_config {{ enable: true path: "{METRICS_PATH}" }}\n'


@dataclass(frozen=True)
class ServerSpec:
    """A server as meant: which kind, which model, which knobs. None leaves TensorFlow Serving's default.

    `cpus` are the cores it may run on (empty: all). Ports of 0 are chosen when it starts. `rest_url`, `grpc_url`
    and `metrics_url` are for `server="attach"` alone, with `headers` for a gateway before them; `image` for
    `server="docker"`. `ca_file`, `client_certificate`, `client_key` and `server_name` are how its clients speak TLS: to
    an attached server, or to the gRPC port of one that is started with `ssl_config_file` (the text proto SSLConfig).
    """

    model_name: str
    model_base_path: Path
    server: str = "embedded"
    batching: Batching | None = None
    per_model_batching: bool = False
    rest_api_num_threads: int | None = None
    grpc_max_threads: int | None = None
    tensorflow_intra_op_parallelism: int | None = None
    tensorflow_inter_op_parallelism: int | None = None
    file_system_poll_wait_seconds: int = 1
    extra_flags: tuple[str, ...] = ()
    cpus: tuple[int, ...] = ()
    image: str = ""
    rest_api_port: int = 0
    port: int = 0
    ssl_config_file: str = ""
    rest_url: str = ""
    grpc_url: str = ""
    metrics_url: str = ""
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""
    server_name: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        if self.server not in SERVERS:
            raise ParameterError(f"server is {self.server!r}; it must be one of {', '.join(SERVERS)}.")
        names.check_all({name: getattr(self, name) for name in names.RULES if hasattr(self, name)})
        if self.server == "attach" and not self.rest_url:
            raise ParameterError("server 'attach' needs rest_url, the address of the server that already runs.")
        if wrong := request_headers.problem(self.headers):
            raise ParameterError(f"{wrong}.")
        self.trust()
        self._check_ssl()
        for name in ("rest_url", "metrics_url"):
            object.__setattr__(self, name, secrets.take(getattr(self, name)))
        object.__setattr__(self, "extra_flags", tuple(self.extra_flags))
        object.__setattr__(self, "cpus", tuple(self.cpus))

    @property
    def batch_wakeup(self) -> str:
        """When idle batch threads look for work: `tensorflow` where it is TensorFlow Serving, else as the flags say."""
        if self.server != "embedded" or "--batch_wakeup=tensorflow" in self.extra_flags:
            return "tensorflow"
        return "fast"

    def trust(self) -> trust.Trust:
        """Whom its connections believe. Raises ParameterError as `trust.chosen` does."""
        return trust.chosen(self.ca_file, self.client_certificate, self.client_key, self.server_name)

    def check_files(self) -> None:
        """Look for what it is started with. Raises ParameterError where there is no ssl_config_file, naming it."""
        if self.ssl_config_file and not Path(self.ssl_config_file).is_file():
            raise ParameterError(
                f"ssl_config_file is {self.ssl_config_file!r}; a file with the text proto SSLConfig (server_key, "
                "server_cert, custom_ca, client_verify) is expected there, and there is none."
            )

    def _check_ssl(self) -> None:
        if self.ssl_config_file and self.server == "attach":
            raise ParameterError(
                "ssl_config_file is for a server that is started here; one that runs elsewhere is told by grpcs:// in "
                "grpc_url, and by ca_file where its authority is your own."
            )
        if any(flag.lstrip("-").startswith("ssl_config_file") for flag in self.extra_flags):
            raise ParameterError(
                "extra_flags holds --ssl_config_file; give the file as the parameter ssl_config_file, so that the "
                "clients speak TLS too."
            )

    def config_files(self) -> dict[str, str]:
        """The config files by name, as text protos."""
        files = {"monitoring.config": MONITORING}
        if self.batching is not None:
            files["batching.config"] = self.batching.text()
        return files

    def flags(self, config_dir: Path, rest_api_port: int, port: int) -> list[str]:
        """TensorFlow Serving's command line for this server, its config files being in `config_dir`."""
        flags = [
            f"--port={port}",
            f"--rest_api_port={rest_api_port}",
            f"--model_name={self.model_name}",
            f"--model_base_path={self.model_base_path}",
            f"--monitoring_config_file={Path(config_dir) / 'monitoring.config'}",
            f"--file_system_poll_wait_seconds={self.file_system_poll_wait_seconds}",
        ]
        if self.batching is not None:
            flags += ["--enable_batching=true", f"--batching_parameters_file={Path(config_dir) / 'batching.config'}"]
            if self.per_model_batching:
                flags.append("--enable_per_model_batching_parameters=true")
        if self.ssl_config_file:
            flags.append(f"--ssl_config_file={self.ssl_config_file}")
        return [*flags, *(f"--{name}={value}" for name, value in self._threads().items()), *self.extra_flags]

    def described(self) -> str:
        """The knobs that differ from the defaults, in words; those of an attached server are not known."""
        if self.server == "attach":
            return "its configuration not known here"
        parts = ["batching off" if self.batching is None else f"batching on ({self.batching.described()})"]
        parts += [knobs.in_words(self._threads())] if self._threads() else []
        parts += ["gRPC over TLS"] if self.ssl_config_file else []
        return ", ".join(parts + list(self.extra_flags))

    def _threads(self) -> dict[str, int]:
        return {name: value for name in knobs.THREAD_FLAGS if (value := getattr(self, name)) is not None}


def from_parameters(parameters: Mapping[str, Any], model_base_path: Path, cpus: tuple[int, ...] = ()) -> ServerSpec:
    """A spec from a notebook's flat parameters; names it does not know are left to others.

    `enable_batching` decides whether the batching parameters count; what stands for a default is in `playbook.knobs`.

    Raises:
        ParameterError: a knob has a value that TensorFlow Serving does not work with, or the rest is no server.
    """
    others = {one.name for one in fields(ServerSpec)} - {"batching", "cpus", "model_base_path", *knobs.BY_NAME}
    given = {name: value for name, value in parameters.items() if name in others}
    chosen = knobs.chosen(parameters)
    given |= {name: value for name, value in chosen.items() if name in knobs.THREAD_FLAGS}
    filed = {name: value for name, value in chosen.items() if name in knobs.FIELDS}
    batching = Batching(**filed) if chosen.get("enable_batching") else None
    spec = ServerSpec(**given, batching=batching, model_base_path=Path(model_base_path).resolve(), cpus=cpus)
    spec.check_files()
    return spec


def tls_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The TLS of a server that is started again, by the parameters that 20_serve was given (none: no TLS)."""
    return {name: asked[name] for name in TLS if asked.get(name)}


def choose_port(name: str, asked: int, host: str = "127.0.0.1") -> int:
    """The port asked for, or a free one for 0.

    Raises:
        ParameterError: the port that was asked for is taken, or the machine has no such address.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, asked))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise ParameterError(
                    f"This machine has no address {host} ({error.strerror}), and servers are started there. Bring its "
                    "IPv4 loopback up (ip link set lo up; ip address add 127.0.0.1/8 dev lo)."
                ) from error
            raise ParameterError(f"{name} {asked} is taken on {host} ({error.strerror}). Free it, or use 0.") from error
        return probe.getsockname()[1]
