"""Prometheus' own configuration: the jobs that scrape a server."""

from __future__ import annotations

import re
from typing import Any

from playbook.lint.checks.command import OFFICIAL
from playbook.lint.checks.configs import check_scrape
from playbook.lint.checks.reading import Document, Reading, Surroundings
from playbook.lint.forms.text import line_of


def read_scrapes(jobs: list[Any], document: Document) -> Reading:
    """The jobs that ask a server for its metrics: by their name, the port, the path, or the server's own host."""
    reading, around = Reading(), document.around
    for job in jobs:
        targets = [target for group in job.get("static_configs") or [] for target in group.get("targets") or []]
        about = " ".join(map(str, [job.get("job_name", ""), *targets])).lower()
        path = str(job.get("metrics_path", "/metrics"))
        if any(rule.get("target_label") == "__param_target" for rule in job.get("relabel_configs") or []):
            continue  # an exporter is scraped, such as blackbox; the target is what it asks
        told = "serving" in about or ":8501" in about or "/monitoring" in path
        if told or any(_is_server(str(target).partition(":")[0], around) for target in targets):
            reading.counts["scrapes"] += 1
            reading.findings += check_scrape(job, "metrics_path", around.served, document.text.path)
            for target in (each for each in targets if str(each).endswith(":8500")):
                words = {"port": 8500, "rest": "by habit 8501"}
                reading.report("metrics-port-closed", document.text.path, line_of(target), **words)
    return reading


def _is_server(host: str, around: Surroundings) -> bool:
    """True for a host that a text here starts the server as: compose's service, or a container's name."""
    if not re.fullmatch(r"[\w.-]+", host):
        return False
    starts = (text.content for text in around.sources.texts.values() if re.search(OFFICIAL, text.content))
    return any(_is_service(host, content) or _is_named(host, content) for content in starts)


def _is_service(host: str, content: str) -> bool:
    """True where the lines deeper than a key of that name tell the server's image."""
    inside = None
    for line in content.splitlines():
        deep = len(line) - len(line.lstrip())
        if inside is not None and line.strip():
            if deep <= inside:
                inside = None
            elif re.match(rf"\s*image:.*{OFFICIAL}", line):
                return True
        if deep and line.strip().replace('"', "'") in (f"{host}:", f"'{host}':"):
            inside = deep
    return False


def _is_named(host: str, content: str) -> bool:
    """True where one command, over its continued lines, gives a container that name and runs the server's image."""
    commands = re.sub(r"\\[ \t]*\n", " ", content).splitlines()
    return any(re.search(rf"--name[= ]{re.escape(host)}\s.*{OFFICIAL}", line) for line in commands if "--name" in line)
