"""What is found in texts: a command line, or files and folders, each read by its reader and judged together."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from playbook.lint.beside import only, surrounding
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.configs import served_metrics_path
from playbook.lint.checks.flags import check_command
from playbook.lint.checks.lookup import Sources
from playbook.lint.checks.reading import Document
from playbook.lint.files import readers, surroundings
from playbook.lint.forms.text import Text
from playbook.lint.gathering import UNREADABLE, Gathered, gather
from playbook.lint.judging import judge
from playbook.lint.readers.clients import check_built, check_urls
from playbook.lint.readers.joined import joined
from playbook.lint.readers.networks import check_networks
from playbook.lint.readers.notebooks import lines_of
from playbook.lint.readers.own_localhost import check_own_localhost
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.routes import check_nginx
from playbook.lint.readers.scripts import read_script
from playbook.lint.readers.yaml_files import check_together
from playbook.lint.report import Report
from playbook.lint.rules.findings import finding


def examine_line(line: str, cpus: int | None, pasted: bool) -> Report:
    """Read a command line as it would be typed; `pasted`: it came as one quoted word."""
    around = surroundings(Sources(Path()), cpus)
    reading = read_script(Document(Text(line, "command line"), around))
    reading.commands = [replace(command, cpus=command.cpus or cpus, pasted=pasted) for command in reading.commands]
    return judge(reading, around, Gathered(), set())


def examine_paths(paths: list[Path], cpus: int | None, instead: Mapping[Path, str] | None = None) -> Report:
    """Read files and folders, and what they say of each other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of others' Python: "\d", `1or 2`
        return _examined(paths, cpus, instead)


def examine_beside(files: list[Path], cpus: int | None, instead: Mapping[Path, str] | None = None) -> Report:
    """Read files among those beside them, and tell of them alone."""
    files = [file.absolute() for file in files]
    root, paths = surrounding(files)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return only(_examined(paths, cpus, instead, root), files)


def _examined(
    paths: list[Path], cpus: int | None, instead: Mapping[Path, str] | None, root: Path | None = None
) -> Report:
    if root is None:
        root = paths[0] if len(paths) == 1 else Path(os.path.commonpath([path.absolute() for path in paths]))
    gathered = gather(paths, root, instead)
    sources = Sources(root if root.is_dir() else root.parent, gathered.texts)
    around = surroundings(sources, cpus)
    for path, text in gathered.texts.items():
        if path.suffix not in (".md", ".py") and kind_of(text.content) == "monitoring_config_file":
            around.served = served_metrics_path(text) or around.served
    pods: list[Pod] = []
    objects: list[tuple[Any, str]] = []
    reading = readers(gathered, around, pods, objects)
    for reason, shown in gathered.passed.items():
        if reason.startswith(UNREADABLE):
            reading.findings += [finding("unreadable", each, None, problem=reason) for each in shown]
    reading.findings += check_together(objects, pods, around.served)
    reading.findings += check_nginx(gathered.texts.values(), objects, pods)
    reading.findings += check_urls(gathered.texts.values(), objects, pods)
    reading.findings += check_networks(objects)
    started = [check_command(each)[0] for each in reading.commands]
    reading.findings += check_built(gathered.texts.values(), objects, started)
    alone = list(check_own_localhost(gathered.texts.values(), objects, started))
    asking = {hit.path for hit in alone if hit.path.endswith(".ipynb")} - around.origins.keys()
    around.origins.update({text.path: lines_of(text) for text in gathered.texts.values() if text.path in asking})
    reading.findings += alone
    sources.asked |= joined(objects, pods, gathered.read)
    report = judge(reading, around, gathered, set())
    report.root = sources.root
    return report
