"""Claims that several servers mount: what one of them serves tells another how deep its own models lie."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.command import Command
from playbook.lint.checks.models import version_of
from playbook.lint.forms.text import is_unknown
from playbook.lint.readers.pods import Pod
from playbook.lint.rules.findings import Finding, finding

_BASE = re.compile(r"base_path\s*:\s*[\"']([^\"']+)[\"']")


def check_claims(pods: list[Pod]) -> Iterator[Finding]:
    """Base paths that hold folders of models, as the base paths of other servers on the same claim tell."""
    served = [(pod, claim, path) for pod in pods for claim, path in _served(pod.command)]
    for pod in pods:
        base = "" if pod.command.text("model_config_file") else pod.command.text("model_base_path")
        place = _in_claim(pod.command, base)
        if place is None or pod.command.partial:
            continue
        claim, path = place
        below = next((other[len(path) :].strip("/") for each, own, other in served
                      if each is not pod and own == claim and _is_below(other, path)), "")  # fmt: skip
        if below:
            remedy = (
                f"Another server on claim {claim} serves {below.partition('/')[0]} there: name the model's own folder."
            )
            line = pod.command.at("model_base_path")
            yield finding("no-version", pod.command.path, line, path=base, remedy=remedy)


def _is_below(other: str, path: str) -> bool:
    rest = other[len(path) :].strip("/")
    inside = other.startswith(f"{path.rstrip('/')}/") and rest
    return bool(inside) and version_of(rest.partition("/")[0]) is None


def _served(command: Command) -> Iterator[tuple[str, str]]:
    """The base paths of a server as claims know them."""
    paths = [command.text("model_base_path")]
    if name := command.text("model_config_file"):
        mount, rest = next(command.place.over(command.place.absolute(name)), (None, ""))
        text = (mount.files or {}).get(rest) if mount is not None else None
        paths = _BASE.findall(text.content) if text is not None else []
    yield from filter(None, (_in_claim(command, path) for path in paths))


def _in_claim(command: Command, path: str) -> tuple[str, str] | None:
    """The claim that holds a path, and the path within it."""
    if not path or is_unknown(path) or "://" in path:
        return None
    mount, rest = next(command.place.over(command.place.absolute(path)), (None, ""))
    if mount is None or not mount.claim or is_unknown(mount.claim):
        return None
    return mount.claim, "/" + "/".join(part.strip("/") for part in (mount.named, rest) if part)
