"""Which reader each file of a folder is for, what it got out of it, and what was passed over and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from playbook.lint.checks.command import BINARY, OFFICIAL
from playbook.lint.checks.lookup import Sources
from playbook.lint.checks.reading import SHAPES, Document, Reading, Surroundings
from playbook.lint.checks.schema import is_batching, is_config, kind_of
from playbook.lint.forms.text import Text
from playbook.lint.gathering import Gathered
from playbook.lint.readers.block_kinds import concerns, names_server, uses_server
from playbook.lint.readers.blocks import read_blocks
from playbook.lint.readers.charts import read_charts, read_values_file
from playbook.lint.readers.documents import prose_blocks
from playbook.lint.readers.image import read_dockerfile
from playbook.lint.readers.kubernetes import Pod
from playbook.lint.readers.kustomize_images import set_images
from playbook.lint.readers.makefiles import read_makefile
from playbook.lint.readers.notebooks import notebook_blocks
from playbook.lint.readers.program_texts import SUFFIXES, read_program
from playbook.lint.readers.python_code import read_python, texts_of
from playbook.lint.readers.scripts import read_script, read_unit, read_windows
from playbook.lint.readers.terraform import read_hcl
from playbook.lint.readers.yaml_files import check_together, collect, read_page, served_by_maps
from playbook.lint.readers.yaml_pages import Page, load
from playbook.lint.readers.yaml_values import configs_in, scalars_that_start
from playbook.lint.rules.findings import Finding, finding

NAMES_NONE = "names no server"  # why most files are passed over
_YAML = (".yml", ".yaml", ".tpl")
_SHELL = (".sh", ".bash", ".zsh", ".ksh", ".envrc")
_PROSE = (".md", ".markdown", ".rst", ".mdx", ".adoc", ".html", ".htm")
_SUFFIXES = {".py": "python", ".ipynb": "notebook", ".service": "unit", ".container": "unit", ".mk": "makefile",
             ".bat": "windows", ".cmd": "windows", ".ps1": "windows", ".tf": "hcl", ".tfvars": "hcl", ".hcl": "hcl",
             ".nomad": "hcl"}  # fmt: skip
_CONFIGS = (".pbtxt", ".config", ".conf", ".txt", ".cfg", ".proto", ".textproto", ".prototxt", ".pb.txt", "")


# what a manifest, a task definition or a patch in JSON holds
_JSON = re.compile(
    rf"{OFFICIAL}|{BINARY}|\"apiVersion\"|\"(op|containers)\"\s*:|\"--(model_|rest_api_|enable_batching|monitoring_)"
)


def kind_of_file(path: Path, content: str) -> str:
    """Which reader a file is for; "" where its look must tell."""
    name, suffix = path.name.lower(), path.suffix.lower()
    if "dockerfile" in name or "containerfile" in name:
        return "dockerfile"
    if suffix in _YAML or (suffix == ".json" and _JSON.search(content)):
        return "yaml"
    if suffix in _SUFFIXES or name in ("makefile", "gnumakefile"):
        return _SUFFIXES.get(suffix, "makefile")
    if suffix in _SHELL or re.match(r"#!.*\b(ba|z|da|k)?sh\b", content):
        return "shell"
    if suffix in _PROSE:
        return "prose"
    if suffix in SUFFIXES:
        return "program"
    return "unit" if re.search(r"(?m)^\[program:", content) else ""


def readers(gathered: Gathered, around: Surroundings, pods: list[Pod], objects: list[tuple[Any, str]]) -> Reading:
    """Read every text; Dockerfiles first, then ConfigMaps, so that the others know them."""
    total = Reading()
    kinds = {path: kind_of_file(path, text.content) for path, text in gathered.texts.items()}
    charts = read_charts(gathered.texts, around)
    for shown, problem in charts.problems.items():
        gathered.pass_over(shown, f"templates read with unknown values, {problem}")
    pages = {path: load(Document(charts.rendered.get(path, text), around)) for path, text in gathered.texts.items()
             if kinds[path] == "yaml" and path not in charts.passed}  # fmt: skip
    for page in pages.values():
        collect(page)
    set_images({path: (page.document.text.path, page.data) for path, page in pages.items()})
    around.served = served_by_maps(around) or around.served
    order = sorted(gathered.texts, key=lambda path: (kinds[path] != "dockerfile", str(path)))
    for path in order:
        text = gathered.texts[path]
        if path in charts.passed:
            gathered.pass_over(text.path, charts.passed[path])
            continue
        if path in charts.values:
            total.add(read_values_file(Document(text, around), charts.values[path]))
            gathered.read.append(text.path)
            continue
        looks = path.suffix.lower() in _CONFIGS or is_config(text.content)  # whatever its suffix
        flag = kind_of(text.content) if looks and not kinds[path] else None
        if flag is None and not kinds[path] and is_batching(text.content):
            flag = "batching_parameters_file"
        if path.name == "batching_params.pbtxt":
            flag = "batching_parameters_file"
        if flag is not None:
            gathered.configs[path] = flag
            gathered.read.append(text.path)
            continue
        try:
            reading = _read_kind(kinds[path], text, around, pages.get(path), pods, objects)
        except SHAPES as error:  # said, and the other texts are read
            problem = f"its shape is not that of what it looks like ({type(error).__name__})"
            reading = Reading(findings=[finding("unreadable", text.path, None, problem=problem)])
        total.add(reading)
        _account(text, reading, gathered, total)
    for texts in charts.again:
        total.add(_read_again(texts, around))
    return total


def _read_again(texts: list[Text], around: Surroundings) -> Reading:
    """A chart's templates with a second file of values, apart from what else is here; they are counted already."""
    reading, pods, objects = Reading(), list[Pod](), list[tuple[Any, str]]()
    apart = replace(around, config_maps=dict(around.config_maps))
    pages = [load(Document(text, apart)) for text in texts]
    for page in pages:
        collect(page)
    for page in pages:
        reading.add(read_page(page, pods, objects))
    reading.findings += check_together(objects, pods, served_by_maps(apart) or apart.served)
    reading.counts.clear()
    return reading


def surroundings(sources: Sources, cpus: int | None = None) -> Surroundings:
    """What texts know of each other, with the readers of texts that stand inside others."""
    return Surroundings(sources, cpus=cpus, readers=_READERS)


def _read_kind(
    kind: str, text: Text, around: Surroundings, page: Page | None, pods: list[Pod], objects: list[tuple[Any, str]]
) -> Reading:
    document = Document(text, around)
    if page is not None:
        reading = read_page(page, pods, objects)
        reading.findings += _broken_yaml(page, text)
        for script in scalars_that_start(page, reading):
            reading.add(read_script(Document(script, around), depth=1))
        reading.configs += configs_in(page)
        return reading
    if kind == "hcl" and (OFFICIAL in text.content or concerns(text.content) or kind_of(text.content)):
        return read_hcl(document, pods, objects)
    if kind in ("prose", "notebook"):
        return read_blocks(kind, text, around)
    if kind in _READERS:
        return _READERS[kind](document)
    return _of_no_kind(document)


def _of_no_kind(document: Document) -> Reading:
    """A text of no known kind: its command lines, or the texts in it."""
    content = document.text.content
    if BINARY not in content and OFFICIAL not in content:
        return Reading()
    reading = read_script(document)
    return reading if reading.commands or names_server(content) == "" else read_program(document)


def _python(document: Document) -> Reading:
    """Python, or what another reader makes of the texts in it where it is none."""
    reading = read_python(document)
    return reading if reading.understood or reading.findings else _of_no_kind(document)


def _program(document: Document) -> Reading:
    content = document.text.content
    return read_program(document) if BINARY in content or OFFICIAL in content else Reading()


def _broken_yaml(page: Page, text: Text) -> Iterator[Finding]:
    concerns = names_server(text.content) or kind_of(text.content)
    comments = text.path.endswith(".json") and bool(page.data)  # what VS Code and others write beside JSON
    for line, problem in page.problems if concerns and not comments else ():
        yield finding("unreadable", text.path, line, problem=f"it is no YAML ({problem})")


_READERS: dict[str, Callable[[Document], Reading]] = {
    "dockerfile": read_dockerfile,
    "makefile": read_makefile,
    "program": _program,
    "python": _python,
    "shell": read_script,
    "unit": read_unit,
    "windows": read_windows,
}


def _account(text: Text, reading: Reading, gathered: Gathered, total: Reading) -> None:
    """Whether the text counts as read, was passed over, or names the server and yielded nothing."""
    if reading.understood:
        gathered.read.append(text.path)
        return
    name = uses_server(_code(text)) if names_server(text.content) else ""
    if name and not any(hit.rule in ("unreadable", "line-not-continued") for hit in reading.findings):
        place = text.content.find(name)
        line = None if text.path.endswith(".ipynb") else text.content.count("\n", 0, max(place, 0)) + 1
        remedy = f"Read it yourself: {reading.passed}." if reading.passed else (
            "Give the flags to lint as they are started: playbook lint \"--port=8500 ...\".")  # fmt: skip
        total.findings.append(finding("not-understood", text.path, text.line(line), name=name, remedy=remedy))
    gathered.pass_over(text.path, reading.passed or ("names the server, not understood" if name else NAMES_NONE))


def _code(text: Text) -> str:
    """The text without its comments and docstrings, as far as they are easily told."""
    path, content = text.path.lower(), text.content
    if path.endswith(_PROSE):
        return "\n".join(block.text.content for block in prose_blocks(text))
    if path.endswith(".ipynb"):
        return "\n".join(block.text.content for block in notebook_blocks(text))
    if path.endswith(".py"):
        return texts_of(content)
    return "\n".join(line for line in content.split("\n") if not line.lstrip().startswith(("#", "//")))
