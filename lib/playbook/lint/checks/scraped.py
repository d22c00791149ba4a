"""Prometheus' targets against the servers that the texts start: the ports of the host, and those inside a network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from playbook.lint.checks.command import Command
from playbook.lint.checks.host_ports import HERE, is_open, ways
from playbook.lint.forms.text import Text, Word, is_unknown
from playbook.lint.rules.findings import Finding, finding

_FLAG = "monitoring_config_file"
_TOLD = re.compile(r"monitoring_config|prometheus_config|TF_SERVING_MONITORING|MONITORING_CONFIG")
HOSTS = (*HERE, "host.docker.internal", "docker.for.mac.localhost", "docker.for.mac.host.internal",
         "gateway.docker.internal", "host.containers.internal", "172.17.0.1")  # fmt: skip


def check_targets(targets: Sequence[Word], commands: Sequence[Command]) -> Iterator[Finding]:
    """Targets (`host:port`) at a port that no server's REST answers at; each is known to be meant for one of them."""
    if not commands:
        return
    for target in targets:
        host, _, port = target.rpartition(":")
        if not port.isdigit() or is_unknown(target):
            continue
        if host in HOSTS:
            if any(is_open(each) for each in commands) or any(port in ways(each)[0] for each in commands):
                continue
            led = sorted({way for each in commands for way in ways(each)[0]})
            inside = sorted({each.text("rest_api_port", "0") for each in commands} - {"0"})
            rest = " and ".join(led) if led else f"{' and '.join(inside) or 'off'}, which is not published"
            remedy = f"Scrape port {led[0]}." if led else "Publish it: -p 8501:8501."
        else:
            if any(each.partial or each.managed or not each.knows("rest_api_port") for each in commands):
                continue
            inside = sorted({each.text("rest_api_port", "0") for each in commands if each.place.container} - {"0"})
            if port in inside or not inside:
                continue
            rest, remedy = f"{' and '.join(inside)} inside its network", f"Scrape {host}:{inside[0]}."
        yield finding("metrics-port-closed", target.path, target.line, port=port, rest=rest, remedy=remedy)


def check_watched(jobs: Sequence[Word], commands: Sequence[Command], texts: Iterable[Text]) -> Iterator[Finding]:
    """Jobs that ask for the server's metrics where no server here shows any, nor a text tells of how it would."""
    open_ends = any(each.partial or each.managed or not each.knows(_FLAG) for each in commands)
    shown = any(each.text(_FLAG) or any(word.startswith("$") for word in each.words) for each in commands)
    if not jobs or not commands or open_ends or shown or any(_TOLD.search(text.content) for text in texts):
        return
    for job in jobs:
        yield finding("metrics-not-shown", job.path, job.line, path=job)
