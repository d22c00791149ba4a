"""The handle: a server that runs, as every later notebook finds it again from serve.json."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import psutil

from playbook.errors import ServerDied
from playbook.records import record, secrets, trust, whole_file
from playbook.records.process import living


@dataclass(frozen=True)
class Handle:
    """A server that runs: where it answers, and what ends it."""

    server: str
    model_name: str
    model_base_path: str
    rest_url: str
    grpc_target: str
    metrics_url: str
    flags: list[str]
    cpus: list[int]
    log_path: str | None = None
    pid: int | None = None
    pid_started: float | None = None  # s since boot; with the pid, proof against a pid that was given out again
    container_id: str | None = None
    start_s: float | None = None  # from the command to AVAILABLE
    version: int | None = None  # that answered when serve.json was written

    @property
    def container(self) -> str:
        """The id of its container.

        Raises:
            ServerDied: it is no container.
        """
        if self.container_id is None:
            raise ServerDied(f"A container was expected; the {self.server} server of '{self.model_name}' is none.")
        return self.container_id

    @property
    def predict_url(self) -> str:
        """The REST address of Predict."""
        return f"{self.rest_url}/v1/models/{self.model_name}:predict"

    @property
    def grpc_url(self) -> str:
        """The gRPC address: grpcs:// where the server wants TLS there."""
        return f"grpcs://{self.grpc_target}" if trust.of(f"grpc://{self.grpc_target}") else f"grpc://{self.grpc_target}"

    @classmethod
    def load(cls, run_dir: Path) -> Handle:
        """The server of this run, from serve.json.

        Raises:
            RecordUnreadable: no server was started in this run.
        """
        results = record.load(run_dir, "serve")["results"]
        secrets.recall(run_dir)
        return cls(**{field.name: results.get(field.name) for field in fields(cls)})

    def note(self, run_dir: Path, name: str) -> Path:
        """Note a server that was just started in the run folder, so that it is found and ended whatever comes."""
        folder, id_ = Path(run_dir).resolve() / "servers", self.container_id[:12] if self.container_id else self.pid
        return whole_file.write_text(folder / f"{name}.{id_}.json", json.dumps(asdict(self)))

    @classmethod
    def read(cls, note: Path) -> Handle:
        """The server of a note."""
        return cls(**json.loads(note.read_text()))

    @classmethod
    def noted(cls, run_dir: Path) -> list[tuple[Path, Handle]]:
        """Every server this run has started and not ended, with its note; a note that cannot be read is passed over."""
        handles = []
        for path in sorted((Path(run_dir) / "servers").glob("*.json")):
            with contextlib.suppress(OSError, ValueError, TypeError):
                handles.append((path, cls.read(path)))
        return handles

    def process(self) -> psutil.Process | None:
        """The server's process when it is ours and lives."""
        return living(self.pid, self.pid_started)

    def log_tail(self, lines: int = 5) -> str:
        """The last lines of its log."""
        path = Path(self.log_path) if self.log_path else None
        if path is None or not path.exists():
            return "(no log)"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) or "(the log is empty)"
