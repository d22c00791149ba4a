"""A model that the embedded server refuses for good: it would be tried again for minutes, and refused each time."""

from __future__ import annotations

from playbook.errors import ServerNotReady
from playbook.serve.handle import Handle

_SAID = "--reject_unsafe_ops: "
_LINES = 50


def check(handle: Handle) -> None:
    """Look for the refusal in the log of an embedded server that is waited for.

    Raises:
        ServerNotReady: it refuses the model; says which operations reach outside, and what to do.
    """
    if handle.server != "embedded":
        return
    said = next((line.partition(_SAID) for line in handle.log_tail(_LINES).splitlines() if _SAID in line), None)
    if said:
        raise ServerNotReady(
            f"The embedded server refuses '{handle.model_name}': {said[1]}{said[2]} Was it changed after its export? "
            "Where that is meant, export it anew with allow_unsafe_ops: true."
        )
