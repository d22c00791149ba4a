"""How the gRPC port of a server that was started here is spoken to: over TLS where it has it, tried at once."""

from __future__ import annotations

from pathlib import Path

from playbook.errors import ServerNotReady
from playbook.records import secrets, trust
from playbook.serve.handle import Handle
from playbook.serve.spec import ServerSpec


def agree(spec: ServerSpec, handle: Handle, run_dir: Path) -> None:
    """Note it for this and later notebooks. REST stays plain: TensorFlow Serving has no TLS there.

    Raises:
        ServerNotReady: no handshake comes about, with the reason.
    """
    url = f"grpcs://{handle.grpc_target}"
    if not spec.ssl_config_file:
        trust.forget(url)
        return
    trust.note(url, spec.trust())
    if why := trust.problem(url):
        raise ServerNotReady(
            f"'{handle.model_name}' is AVAILABLE over REST, and its gRPC port is not to be used: {why}."
        )
    secrets.keep(run_dir)
