"""TLS of the gRPC port: what the run was served with, and how the bundle has it.

The SSLConfig holds the private key as text, so that no file of the bundle does: pods read it from a Secret, compose
mounts it from where it lies. REST and metrics stay plain, as TensorFlow Serving has no TLS there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playbook.records import names
from playbook.records.cited import Cited, Records
from playbook.serve.spec import tls_of

FOLDER = "/etc/serving-tls"
FILE = f"{FOLDER}/ssl.config"
CLIENT_FOLDER = "/etc/client-tls"
_SOURCE = "serve.json params"
_FILES = {"ca_file": ("ca", "ca.pem"), "client_certificate": ("client-cert", "client.pem"),
          "client_key": ("client-key", "client.key")}  # fmt: skip


@dataclass(frozen=True)
class Tls:
    """The gRPC port's TLS, as 20_serve was asked for it.

    Args:
        secret: The Secret whose key `ssl.config` is the server's SSLConfig; a client's files are in `SECRET-client`.
        asked: The parameters of 20_serve that tell of TLS, such as `ssl_config_file` and `ca_file`.
    """

    secret: str
    asked: dict[str, Any] = field(hash=False)
    folder: str = FOLDER
    client_folder: str = CLIENT_FOLDER
    source: str = f"{_SOURCE}.ssl_config_file"

    @property
    def flag(self) -> Cited:
        """The server's flag."""
        return Cited(f"--ssl_config_file={FILE}", self.source)

    @property
    def client_files(self) -> dict[str, str]:
        """Where a client's PEM files lie on this machine, by their key in the client's Secret."""
        return {key: str(self.asked[name]) for name, (_, key) in _FILES.items() if self.asked.get(name)}

    @property
    def client_flags(self) -> list[Cited]:
        """How loadgen is told whom to trust and who it is."""
        flags = [
            Cited(f"--{flag}={CLIENT_FOLDER}/{key}", f"{_SOURCE}.{name}")
            for name, (flag, key) in _FILES.items()
            if self.asked.get(name)
        ]
        if name := self.asked.get("server_name"):
            flags.append(Cited(f"--server-name={name}", f"{_SOURCE}.server_name"))
        return flags

    def readable(self, user: int) -> bool:
        """Whether a container's user may read the SSLConfig of this machine."""
        path = Path(self.asked["ssl_config_file"])
        if not path.is_file():
            return True  # that it is gone is told when it is started with
        return bool(path.stat().st_mode & 0o004) or path.stat().st_uid == user


def of_run(run_dir: Path, secret: str, default: str) -> Tls | None:
    """The TLS that the run was served with; None where its gRPC port was plain.

    Args:
        run_dir: The run folder.
        secret: The Secret's name, as asked for; "" takes `default`.
        default: A name made from the model's.

    Raises:
        ParameterError: `secret` is no name of a Secret.
    """
    names.check_all({"tls_secret": secret})
    params = (Records(run_dir).of("serve") or {}).get("params", {})
    asked = tls_of(params)
    return Tls(secret or default, asked) if asked.get("ssl_config_file") else None


def plain(run_dir: Path) -> list[str]:
    """What is to be said where the run's server spoke TLS and the bundle's cannot be told to."""
    params = (Records(run_dir).of("serve") or {}).get("params", {})
    if not str(params.get("grpc_url") or "").startswith("grpcs://"):
        return []
    return [
        "The attached server's gRPC port speaks TLS, and this bundle's serves plain text: its key is not known here. "
        "Measure a server that is started with ssl_config_file, and the bundle carries it."
    ]
