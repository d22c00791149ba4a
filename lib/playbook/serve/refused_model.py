"""A model that a server refuses, or cannot load: it would be tried again in a minute, and again, and fail each time."""

from __future__ import annotations

import re

from playbook.errors import ServerNotReady
from playbook.serve.handle import Handle

_SAID = "--reject_unsafe_ops: "
_FAILED = re.compile(r"Loading servable: \{name: \S+ version: (\d+)\} failed: (.+)")
_AGAIN = "load_retr"  # flags that say when it is tried again, and how often: then that is meant
_LINES = 50


def check(handle: Handle) -> None:
    """Look for the refusal, or the failure, in the log of a server that is waited for.

    Raises:
        ServerNotReady: it refuses the model; says which operations reach outside. Or it cannot load it; says why.
    """
    _check_loaded(handle)
    if handle.server != "embedded":
        return
    said = next((line.partition(_SAID) for line in handle.log_tail(_LINES).splitlines() if _SAID in line), None)
    if said:
        raise ServerNotReady(
            f"The embedded server refuses '{handle.model_name}': {said[1]}{said[2]} Was it changed after its export? "
            "Where that is meant, export it anew with allow_unsafe_ops: true."
        )


def _check_loaded(handle: Handle) -> None:
    if handle.log_path is None or any(_AGAIN in flag for flag in handle.flags):
        return
    if failed := _FAILED.search(handle.log_tail(_LINES)):
        version, why = failed[1], failed[2].strip().rstrip(".")
        if _SAID in why:
            return
        raise ServerNotReady(
            f"The {handle.server} server cannot load '{handle.model_name}' version {version}: {why}. Are the files in "
            f"{handle.model_base_path}/{version} whole, or were they changed after their export? Export the model anew."
        )
