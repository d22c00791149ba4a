"""Prometheus' own configuration: the jobs that scrape a server."""

from __future__ import annotations

import re
from typing import Any

from playbook.knobs import METRICS_PATH
from playbook.lint.checks.command import OFFICIAL
from playbook.lint.checks.configs import check_scrape
from playbook.lint.checks.host_ports import HERE
from playbook.lint.checks.reading import Document, Reading, Surroundings
from playbook.lint.checks.scraped import HOSTS
from playbook.lint.forms.text import Word, is_unknown, line_of

_PROMETHEUS = re.compile(r"\b(?:prom|bitnami)/prometheus\b(?!-)")
_HOSTS_NETWORK = re.compile(r"network_mode:\s*[\"']?host|--net(?:work)?[= ]host")


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
            if path.startswith(METRICS_PATH) and not is_unknown(path):
                reading.watched.append(Word(path, job.at("metrics_path"), path=document.text.path))
            reading.findings += check_scrape(job, "metrics_path", around.served, document.text.path)
            for target in (each for each in targets if str(each).endswith(":8500")):
                words = {"port": 8500, "rest": "by habit 8501", "remedy": f"Scrape {str(target)[:-1]}1."}
                reading.report("metrics-port-closed", document.text.path, line_of(target), **words)
            reading.add(_targets([each for each in targets if not str(each).endswith(":8500")], path, document))
    return reading


def _targets(targets: list[Any], path: str, document: Document) -> Reading:
    """Targets of the host, and those that a text here starts the server as."""
    reading, shown, around = Reading(), document.text.path, document.around
    for target in targets:
        host = str(target).rpartition(":")[0]
        if host in HERE and (who := _prometheus(document)):
            reading.report("metrics-from-inside", shown, line_of(target), host=host, who=who)
        elif (host in HOSTS and around.served.strip("/") in path) or _is_server(host, around):
            reading.scraped.append(Word(str(target), line_of(target), path=shown))
    return reading


def _prometheus(document: Document) -> str:
    """The text and line that start Prometheus with this very file in a container with a network of its own; or ""."""
    file = document.text.path.rpartition("/")[2]
    for text in document.around.sources.texts.values():
        named = _PROMETHEUS.search(text.content)
        if (
            named
            and re.search(rf"{re.escape(file)}[\"']?\s*:/", text.content)
            and not _HOSTS_NETWORK.search(text.content)
        ):
            return f"{text.path}:{text.content.count(chr(10), 0, named.start()) + 1}"
    return ""


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
