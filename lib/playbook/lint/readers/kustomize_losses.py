"""Arguments that a strategic merge takes away: it replaces the list of a container's arguments as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.start import tells_model
from playbook.lint.forms.text import line_of
from playbook.lint.readers.workloads import pod_templates
from playbook.lint.rules.findings import Finding, finding


def check_losses(before: Any, after: Any, shown: str) -> Iterator[Finding]:
    """Containers that told their model before a patch and do not tell it behind it."""
    told = {str(each.get("name")): each.get("args") for each in _containers(before) if tells_model(each.get("args"))}
    for container in _containers(after):
        args, old = container.get("args"), told.get(str(container.get("name")))
        if old is not None and isinstance(args, list) and args and not tells_model(args):
            lost = " and ".join(str(word).partition("=")[0] for word in old if str(word).startswith("--model_"))
            yield finding("patch-drops-model", shown, line_of(args[0]) or line_of(args), lost=lost)


def _containers(data: Any) -> Iterator[Any]:
    for template in pod_templates(data):
        yield from (each for each in template["spec"].get("containers") or [] if isinstance(each, dict))
