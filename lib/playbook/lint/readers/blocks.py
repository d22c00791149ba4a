"""Documents and notebooks by their blocks: config files, flags, YAML, and what other readers are for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from playbook.lint.checks.command import BINARY, Command
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.configs import served_metrics_path
from playbook.lint.checks.fragments import read_fragment
from playbook.lint.checks.host_paths import of_the_host
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.probes import check_lone_health
from playbook.lint.checks.reading import Document, Reading, Surroundings, with_exported
from playbook.lint.forms.letters import printed_dash
from playbook.lint.forms.listings import listed_folders
from playbook.lint.forms.python_exports import set_in_cells
from playbook.lint.forms.saved_models import saved_in_cells
from playbook.lint.forms.set_alone import set_alone
from playbook.lint.forms.text import Text, Word
from playbook.lint.forms.trees import drawn_folders
from playbook.lint.readers.block_kinds import concerns, flags_of, names_server
from playbook.lint.readers.built_images import remember_within
from playbook.lint.readers.clients import check_urls
from playbook.lint.readers.documents import prose_blocks
from playbook.lint.readers.inline_code import Block
from playbook.lint.readers.notebooks import code_of, json_problem, lines_of, notebook_blocks
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.routes import check_nginx_within
from playbook.lint.readers.yaml_files import check_together, collect, read_page
from playbook.lint.readers.yaml_pages import Page, load
from playbook.lint.rules.findings import finding

_OPEN_ENDS = re.compile(r"\.\.\.|<[A-Za-z][^<>\n]*>|…|\$\{?\w")
_QUOTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")  # a name to fill in leaves what stands around it as it is
_OBJECT = re.compile(r"(?m)^(apiVersion|services):")

_LEFT_OPEN = ("config-file-missing", "no-version")  # what a document need not show


def read_blocks(kind: str, text: Text, around: Surroundings) -> Reading:
    """What the blocks of a document ("prose") or the cells of a notebook hold, each read as what it is."""
    total = Reading()
    if kind == "notebook" and (problem := json_problem(text)):
        concerned = names_server(text.content)
        total.findings += (
            [finding("unreadable", text.path, None, problem=f"it is no JSON ({problem})")] if concerned else []
        )
        total.passed = "no JSON, as a notebook is"
        return total
    pods: list[Pod] = []
    objects: list[tuple[Any, str]] = []  # of this document alone
    blocks = list((prose_blocks if kind == "prose" else notebook_blocks)(text))
    if kind == "notebook" and any(block.kind for block in blocks):
        around.origins[text.path] = lines_of(text)
    elif kind == "prose" and blocks:
        around.sources.drawn[text.path] = drawn_folders(text.content)
        around.sources.listed[text.path] = listed_folders(text.content)
    cells = list(code_of(kind, text)) if any(block.kind for block in blocks) else []
    set_ = set_alone(text.content) if kind == "prose" and blocks else {}
    around = with_exported(Document(text, around), {**set_, **set_in_cells(cells, text)}).around
    around = replace(around, served=_served(blocks) or around.served)
    images = [block for block in blocks if block.kind == "dockerfile"]
    pages = {id(block): load(Document(block.text, around)) for block in blocks if block.kind == "yaml"}
    for page in reversed([*pages.values()]):  # a ConfigMap may be shown behind the pod that mounts it
        collect(page)
    for block in [*images, *(block for block in blocks if block.kind != "dockerfile")]:
        document = Document(block.text, around)
        if block.name and block.kind in ("", "config", "yaml"):
            kept = around.sources.shown if block.kind == "config" else around.sources.extra
            kept.append((block.name, block.text))
        if not block.kind:
            continue
        if block.kind == "config":
            flag = kind_of(block.text.content)
            open_ends = bool(_OPEN_ENDS.search(_QUOTED.sub('""', block.text.content)))
            part = None if open_ends or flag != "model_config_file" else read_fragment(block.text)
            total.findings += part or []
            total.configs += [(flag, replace(block.text, templated=open_ends or part is not None))] if flag else []
            continue
        if block.kind == "flags":
            total.add(_read_flags(block.text))
            continue
        if block.kind == "health":  # of an image that is built elsewhere
            test = [Word(" ".join(block.text.content.replace("\\\n", " ").split()), block.text.first_line)]
            total.findings += check_lone_health(test, text, text.path)
            continue
        if block.kind == "yaml":
            reading = _read_yaml(pages[id(block)], pods, objects)
        else:
            reading = document.read_as(block.kind, block.text)
            if images == [block] and reading.understood:
                remember_within(text, block.text, around)
        reading.commands = [
            each
            for each in reading.commands
            if each.place.container or any(word.startswith("-") or printed_dash(word) for word in each.words)
        ]
        if block.excerpt:
            reading.commands = [
                each if _tells_model(each) else replace(each, partial=True) for each in reading.commands
            ]
        reading.findings = [hit for hit in reading.findings if of_the_host(hit) or hit.rule not in _LEFT_OPEN]
        total.add(reading)
    if total.commands:
        scripts = [each.content for data in around.config_maps.values() for key, each in data.items()
                   if key.endswith(".py") and each.path == text.path]  # fmt: skip
        saved, versions = saved_in_cells([*cells, *scripts], text)
        around.sources.saved[text.path], around.sources.exported[text.path] = saved, versions
    total.findings += check_together(objects, pods, around.served)
    if kind == "prose" and blocks:
        total.findings += check_nginx_within(text, objects, pods, total.commands)
        total.findings += check_urls([text], objects, pods)
    if not blocks:
        total.passed = "no code that starts a server"
    return total


def _read_yaml(page: Page, pods: list[Pod], objects: list[tuple[Any, str]]) -> Reading:
    """A block of YAML; where it is a whole file that YAML cannot read, so cannot those that it is written for."""
    collect(page)  # of two of one name, the one shown last before a pod is meant
    reading = read_page(page, pods, objects)
    text = page.document.text
    whole = _OBJECT.search(text.content) and concerns(text.content) and not text.templated
    for line, problem in page.problems[:1] if whole and not reading.understood else ():
        reading.report("unreadable", text.path, line, problem=f"it is no YAML ({problem})")
    return reading


def _served(blocks: list[Block]) -> str:
    """Where a document's one monitoring file shows metrics; "" where it shows none, or several."""
    files = [block.text for block in blocks if kind_of(block.text.content) == "monitoring_config_file"]
    paths = {served_metrics_path(text) for text in files if not _OPEN_ENDS.search(text.content)}
    return (paths.pop() or "") if len(paths) == 1 else ""


def _tells_model(command: Command) -> bool:
    """True for a command line that says what is to be served, or that the image's script gives a base path."""
    named = any(word.partition("=")[0] in ("--model_base_path", "--model_config_file") for word in command.words)
    return named or bool(command.implied)


def _read_flags(text: Text) -> Reading:
    """A block of flags alone, as documents show what is to be added to a command line."""
    words = [Word(word, text.line(line)) for word, line in flags_of(text.content)]
    return launch(Start(text.path, words[0].line, "", [Word(BINARY)], words, partial=True))
