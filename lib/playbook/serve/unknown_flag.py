"""A flag that a server does not know: it prints so, starts without it, and would be measured as if it had it."""

from __future__ import annotations

import re

from playbook.errors import ServerNotReady
from playbook.serve import container_state
from playbook.serve.handle import Handle

_SAID = re.compile(r"^unknown argument: (.*)$", re.MULTILINE)


def check(handle: Handle) -> None:
    """Look for `unknown argument:` in the log of a server that was started.

    Raises:
        ServerNotReady: a flag was unknown; it is named, with what to do.

    Source: TensorFlow Serving prints the first one and its usage to stdout, and goes on.
    """
    if not (said := _SAID.search(_log(handle))):
        return
    flag = said[1].strip()
    raise ServerNotReady(
        f"The {handle.server} server of '{handle.model_name}' was expected to know every flag, and it does not know "
        f"{flag or 'an empty one'} (its log: unknown argument): it answers, but without that. Take the flag out, or "
        "use a release that has it; `playbook lint` names the nearest."
    )


def _log(handle: Handle) -> str:
    if handle.container_id:
        return container_state.log(handle.container)
    try:
        with open(handle.log_path or "", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
