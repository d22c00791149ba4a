"""How long a pod waits before its server is ended, against the time that Kubernetes gives it for all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_GRACE_S = 30  # terminationGracePeriodSeconds by default
_SLEEP = re.compile(r"(?:^|[\s;&])(?:/bin/)?sleep\s+(\d+)s?\b")


def check_drain(container: Any, spec: Any, data: Any, shown: str) -> Iterator[Finding]:
    """A preStop that sleeps for as long as the pod is given, or longer: the server is killed with its requests.

    Of KServe's and Knative's objects (`data`) the platform says how long that is.
    """
    if str(data.get("apiVersion", "")).startswith(("serving.kserve.io/", "serving.knative.dev/")):
        return
    hook = (container.get("lifecycle") or {}).get("preStop")
    told = str(spec.get("terminationGracePeriodSeconds", _GRACE_S))
    if not isinstance(hook, Table) or not told.isdigit():
        return
    words = " ".join(map(str, (hook.get("exec") or {}).get("command") or []))
    slept = [
        *_SLEEP.findall(words),
        *(str(value) for key, value in (hook.get("sleep") or {}).items() if key == "seconds"),
    ]
    seconds = sum(int(each) for each in slept if each.isdigit())
    if seconds >= int(told):
        line = container["lifecycle"].at("preStop")
        yield finding("drain-beyond-grace", shown, line, seconds=seconds, grace=told, enough=seconds + _GRACE_S)
