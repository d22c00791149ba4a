"""Which reader each file of a folder is for, what it got out of it, and what was passed over and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from playbook.lint.accounts import account
from playbook.lint.checks.command import NAMED, OFFICIAL
from playbook.lint.checks.config_kinds import is_config, kind_of
from playbook.lint.checks.encodings import check_encoding, check_first_line, check_line_ends
from playbook.lint.checks.lookup import Sources
from playbook.lint.checks.reading import SHAPES, Document, Reading, Surroundings
from playbook.lint.checks.schema import KINDS
from playbook.lint.forms.python_comments import prose_of
from playbook.lint.forms.terraform_templates import filled_templates, is_given
from playbook.lint.forms.text import Text
from playbook.lint.gathering import Gathered
from playbook.lint.readers.apart import read_builds, read_rendered
from playbook.lint.readers.block_kinds import concerns, names_server
from playbook.lint.readers.blocks import read_blocks
from playbook.lint.readers.built_images import gather_builds
from playbook.lint.readers.charts import read_charts, read_values_file
from playbook.lint.readers.cluster_changes import gather_config_maps
from playbook.lint.readers.diff_files import added, pieces
from playbook.lint.readers.exported import gather_exports
from playbook.lint.readers.file_kinds import flag_of, kind_of_file
from playbook.lint.readers.fly import read_fly
from playbook.lint.readers.image import read_dockerfile
from playbook.lint.readers.kustomize_builds import always_patched, builds
from playbook.lint.readers.kustomize_images import set_images
from playbook.lint.readers.makefiles import read_makefile
from playbook.lint.readers.pods import Pod
from playbook.lint.readers.program_texts import read_program
from playbook.lint.readers.python_code import read_python
from playbook.lint.readers.releases import read_releases
from playbook.lint.readers.scripts import read_script
from playbook.lint.readers.set_aside import set_aside
from playbook.lint.readers.terraform import read_hcl
from playbook.lint.readers.tools import read_tools
from playbook.lint.readers.unit_files import read_unit, read_windows
from playbook.lint.readers.written import read_written
from playbook.lint.readers.yaml_files import collect, read_page, served_by_maps
from playbook.lint.readers.yaml_pages import Page, load, set_apart
from playbook.lint.readers.yaml_values import configs_in, files_of, scalars_that_start
from playbook.lint.rules.findings import Finding, finding

_MOST_YAML = 200_000
_NAMED = re.compile(rf"{NAMED}|{OFFICIAL}")
_FLAGS = re.compile(
    r"--(rest_api_port|tensorflow_int(er|ra)_op_parallelism|batching_parameters_file|monitoring_config_file)\b"
)


def readers(gathered: Gathered, around: Surroundings, pods: list[Pod], objects: list[tuple[Any, str]]) -> Reading:
    """Read every text; Dockerfiles first, then ConfigMaps, so that the others know them."""
    total = Reading()
    texts = {**gathered.texts, **filled_templates(gathered.texts, around.sources.known)}
    kinds = {path: kind_of_file(path, text.content) for path, text in texts.items()}
    charts = read_charts(gathered.texts, around)
    for shown, problem in charts.problems.items():
        gathered.pass_over(shown, f"templates read with unknown values, {problem}")
    pages = {path: load(Document(charts.rendered.get(path, text), around)) for path, text in texts.items()
             if kinds[path] == "yaml" and path not in charts.passed and not _large(text.content)}  # fmt: skip
    for page in pages.values():
        collect(page)
    gather_config_maps(gathered.texts, kinds, around)
    set_images({path: (page.document.text.path, page.data) for path, page in pages.items()})
    made = builds(pages)
    set_apart(pages.values(), always_patched(made))
    around.served = served_by_maps(around) or around.served
    order = sorted(gathered.texts, key=lambda path: (kinds[path] != "dockerfile", str(path)))
    told = False
    for path in order:
        text = texts[path]
        if not told and kinds[path] != "dockerfile":
            total.add(gather_builds(gathered.texts, kinds, pages, around))
            told = True
        if reason := charts.passed.get(path) or set_aside(text):
            gathered.pass_over(text.path, reason)
            continue
        if path in charts.values:
            total.add(read_values_file(Document(text, around), charts.values[path]))
            gathered.read.append(text.path)
            continue
        if (flag := flag_of(path, kinds[path], text, pages.get(path))) is not None:
            total.findings += check_encoding(text.path, "", gathered.marks[path], text.content, KINDS[flag][1]) if (
                path in gathered.marks) else ()  # fmt: skip
            gathered.configs[path] = flag
            gathered.read.append(text.path)
            continue
        try:
            reading = _read_kind(kinds[path], text, around, pages.get(path), pods, objects)
        except SHAPES as error:  # said, and the other texts are read
            problem = f"its shape is not that of what it looks like ({type(error).__name__})"
            reading = Reading(findings=[finding("unreadable", text.path, None, problem=problem)])
        total.add(reading)
        total.findings += _bytes(path, kinds[path], text, reading, gathered)
        account(text, reading, gathered, total)
    for again in charts.again:
        total.add(read_rendered(again, around))
    total.add(read_builds(made, pages, around))
    gather_exports(gathered.texts, around)
    return total


def _bytes(path: Path, kind: str, text: Text, reading: Reading, gathered: Gathered) -> list[Finding]:
    """What is said of a text's encoding and line ends, where it is one of the server's."""
    if not (reading.commands or reading.configs):
        return []
    mark, windows = gathered.marks.get(path, ""), path in gathered.windows
    hits = list(check_encoding(text.path, kind, mark, text.content)) if mark else []
    hits += check_first_line(text.path, kind, text.content)
    return [*hits, *(check_line_ends(text.path, kind, text.content) if windows else ())]


def surroundings(sources: Sources, cpus: int | None = None) -> Surroundings:
    """What texts know of each other, with the readers of texts that stand inside others."""
    return Surroundings(sources, cpus=cpus, readers=_READERS)


def _read_kind(
    kind: str, text: Text, around: Surroundings, page: Page | None, pods: list[Pod], objects: list[tuple[Any, str]]
) -> Reading:
    document = Document(text, around)
    if page is not None:
        reading = read_page(page, pods, objects)
        reading.counts += read_page(Page(page.document, page.apart), [], []).counts
        reading.findings += _broken_yaml(page, text)
        for inside in () if reading.understood else files_of(page):
            reading.add(read_written("", inside, Document(inside, around)))
        reading.add(read_tools(page, reading))
        for script in scalars_that_start(page, reading):
            reading.add(read_script(Document(script, around), depth=1))
        reading.configs += configs_in(page)
        return reading
    if kind == "diff":
        return _read_diff(document)
    named = OFFICIAL in text.content or concerns(text.content) or kind_of(text.content)
    if kind == "hcl" and (named or is_given(text, around.sources.texts, OFFICIAL)):
        reading = read_hcl(document, pods, objects)
        reading.add(read_releases(document))
        return reading
    if kind == "hcl" and (reading := read_releases(document)).findings:
        return reading
    if kind in ("prose", "notebook"):
        return read_blocks(kind, text, around)
    if kind in _READERS:
        return _READERS[kind](document)
    return _of_no_kind(document)


def _read_diff(document: Document) -> Reading:
    """What the files of a diff hold after it; what they say elsewhere is not shown."""
    total, around = Reading(), document.around
    around.added[document.text.path] = added(document.text)
    for piece in pieces(document.text):
        kind, text = kind_of_file(piece.name, piece.text.content), piece.text
        if not kind and is_config(text.content):
            cut = not piece.whole and text.content.count("{") != text.content.count("}")
            total.configs.append((kind_of(text.content) or "", replace(text, templated=cut)))
            continue
        page = load(Document(text, around)) if kind == "yaml" else None
        reading = _read_kind(kind, text, around, page, [], []) if kind != "diff" else Reading()
        if not piece.whole:
            reading.commands = [replace(command, partial=True) for command in reading.commands]
        reading.findings = [hit for hit in reading.findings if hit.rule not in ("unreadable", "not-understood")]
        total.add(reading)
    total.passed = ""
    return total


def _of_no_kind(document: Document, prose: str | None = None) -> Reading:
    """A text of no known kind: its command lines (those of `prose`, where they can stand there alone), or its texts."""
    content = document.text.content
    if "serv" not in content or not _NAMED.search(content):
        return Reading()
    shell = content if prose is None else prose
    reading = read_script(Document(replace(document.text, content=shell), document.around))
    known = reading.commands or reading.findings or names_server(content) == ""
    return reading if known else read_program(document)


def _python(document: Document) -> Reading:
    """Python, or what another reader makes of the texts in it where it is none."""
    reading = read_python(document)
    known = reading.understood or bool(reading.findings)
    if known or not _NAMED.search(document.text.content):
        return reading
    prose = _of_no_kind(document, prose_of(document.text.content))
    return prose.without("quote-not-closed", "")  # sentences have apostrophes


def _program(document: Document) -> Reading:
    content = document.text.content
    named = _NAMED.search(content) or concerns(content) or names_server(content)
    return read_program(document) if named else Reading()


def _broken_yaml(page: Page, text: Text) -> Iterator[Finding]:
    concerned = concerns(text.content) or _FLAGS.search(text.content) or kind_of(text.content)
    comments = text.path.endswith(".json") and bool(page.data)  # what VS Code and others write beside JSON
    for line, problem in page.problems if concerned and not comments else ():
        yield finding("unreadable", text.path, line, problem=f"it is no YAML ({problem})")


def _large(content: str) -> bool:
    """True for a text of hundreds of kilobytes that has nothing of the server: a definition of resources, a lock."""
    return len(content) > _MOST_YAML and not (names_server(content) or concerns(content) or kind_of(content))


_READERS: dict[str, Callable[[Document], Reading]] = {
    "dockerfile": read_dockerfile,
    "fly": read_fly,
    "makefile": read_makefile,
    "program": _program,
    "python": _python,
    "shell": read_script,
    "unit": read_unit,
    "windows": read_windows,
}
