"""What the steps of a Dockerfile put into its image: files that are copied, and those that RUN and COPY write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from playbook.lint.checks.command import BINARY, Mount
from playbook.lint.checks.config_kinds import is_config, kind_of
from playbook.lint.checks.containers import host_path
from playbook.lint.checks.reading import Document
from playbook.lint.forms.dockerfile import Instruction, continued, last_of
from playbook.lint.forms.script_writes import printed
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.simple import Simple
from playbook.lint.forms.text import Text, expand

_GLUED = re.compile(r"\s*(COPY|ADD)(?=[./\"'$])(.*)", re.IGNORECASE)


def parted(step: Instruction, content: str) -> Instruction:
    """`COPY./m /models/m` as it is meant, so that what it was to copy is known; another step as it is."""
    lines = content.split("\n")
    glued = _GLUED.fullmatch(lines[step.line - 1]) if 0 < step.line <= len(lines) else None
    return replace(step, word=glued[1].upper(), rest=glued[2]) if glued else step


def copied(steps: list[Instruction], values: Mapping[str, str], document: Document) -> Iterator[Mount]:
    """The files and folders that COPY and ADD bring, each at the path it has in the image."""
    workdir = "/"
    for step in steps:
        workdir = _changed(workdir, step, values)
        if step.word not in ("COPY", "ADD") or step.fed:
            continue
        try:
            parts = json.loads(step.rest)
        except ValueError:
            parts = step.rest.replace("\n", " ").split()
        options = [part for part in parts if str(part).startswith("--")]
        parts = [expand(str(part), values) for part in parts if not str(part).startswith("--")]
        if len(parts) < 2:
            continue
        target = parts[-1] if parts[-1].startswith(("/", "$")) else f"{workdir.rstrip('/')}/{parts[-1]}"
        target = re.sub(r"/(\./?|\.)$", "/", target)
        elsewhere = any(option.startswith("--from") for option in options)
        for named in parts[:-1]:
            source = None if elsewhere else host_path(named.removeprefix("/") or ".", document.folder,
                                                      document.around.sources)  # fmt: skip
            yield _copy(named, source, target, len(parts) > 2, document.text.line(step.line))


def scripts_named(mounts: Iterable[Mount], steps: list[Instruction], values: Mapping[str, str],
                  document: Document) -> Iterator[tuple[str, Text]]:  # fmt: skip
    """The scripts that ENTRYPOINT and CMD name, which lie here and are copied, by their paths in the image."""
    workdir, held = workdir_of(steps, values), [*mounts]
    told = [step.rest for word in ("ENTRYPOINT", "CMD") if (step := last_of(steps, word)) is not None]
    for word in re.findall(r"[^\s\"'\[\],;&|]+", " ".join(told)):
        path = word if word.startswith("/") else f"{workdir}/{word.removeprefix('./')}"
        for mount in held:
            rest = mount.rest_of(path)
            if rest is None or mount.source is None:
                continue
            text = document.around.sources.file(mount.source / rest if rest else mount.source)
            if text is not None and is_script_text(text):
                yield path, text


def is_script_text(text: Text) -> bool:
    """False for a config file; a script may write one."""
    return kind_of(text.content) is None or text.content.startswith("#!")


def workdir_of(steps: list[Instruction], values: Mapping[str, str]) -> str:
    """The folder that a container of the image starts in; "" for the root."""
    workdir = "/"
    for step in steps:
        workdir = _changed(workdir, step, values)
    return workdir.rstrip("/")


def _changed(workdir: str, step: Instruction, values: Mapping[str, str]) -> str:
    """The working folder behind a step; a relative one begins at the one before."""
    if step.word != "WORKDIR":
        return workdir
    named = expand(step.rest.strip().strip("\"'"), values)
    whole = named if named.startswith(("/", "$")) else f"{workdir.rstrip('/')}/{named.removeprefix('./')}"
    return whole.rstrip("/") or "/"


def _copy(named: str, source, target: str, several: bool, line: int | None) -> Mount:
    name = named.rstrip("/").rpartition("/")[2]
    folder = source.is_dir() if source is not None else "." not in name
    if not folder and (target.endswith("/") or several) and "*" not in name:
        target = target.rstrip("/") + "/" + name
    return Mount(target.rstrip("/") or "/", source, named, line=line, copied=True)


def made(steps: list[Instruction], values: Mapping[str, str], document: Document) -> Iterator[tuple[str, Text]]:
    """Files that RUN writes by echo, printf or cat, and those of COPY's here-documents."""
    path = document.text.path
    for step in steps:
        if step.word in ("COPY", "ADD"):
            for content, line in step.fed:
                target = expand(step.rest.split("\n")[0].split()[-1], values)
                yield target, Text(content, path, document.text.line(line) or 1)
        if step.word == "RUN":
            fed = bool(step.fed) and "cat" not in step.rest
            line = document.text.line(step.fed[0][1] if fed else step.line) or 1
            files: dict[str, Text] = {}
            for command in simple_commands(_script(step), {}, line):
                if command.target and command.words and command.words[0] in ("echo", "printf", "cat"):
                    target, text = expand(str(command.target), values), output_of(command, path, step)
                    files[target] = _behind(files[target], text) if command.appends and target in files else text
            yield from files.items()


def _behind(before: Text, text: Text) -> Text:
    """A text behind another in the same file, each on the lines where it is written."""
    gap = max(text.first_line - before.first_line - before.content.count("\n"), 1)
    return replace(before, content=before.content + "\n" * gap + text.content, coded=False)


def _script(step: Instruction) -> str:
    if not step.fed:
        return continued(step.rest)
    if "cat" not in step.rest:
        return step.fed[0][0]
    fed = "".join(f"\n{content}\n{mark}" for (content, _), mark in
                  zip(step.fed, re.findall(r"<<-?\s*['\"]?(\w+)", step.rest), strict=False))  # fmt: skip
    return step.rest + fed


def output_of(command: Simple, path: str, step: Instruction) -> Text:
    """What echo, printf or cat write, at the lines where it stands."""
    if command.words[0] == "cat":
        return Text(command.fed, path, command.fed_line)
    if command.words[0] == "printf" and len(command.words) > 2:
        return Text(printed(command.words[1], command.words[2:]), path, command.words[2].line or 1)
    words = [word for word in command.words[1:] if word not in ("-e", "-n", "-en", "-ne")]
    whole = " ".join(words).replace("\\\\\\n\\\n", "\\\n")  # a line that goes on, as echo writes it, and Docker's
    content = re.sub(r"(?<!\\)\\n", "\n", whole)
    if is_config(content):
        flat = not any("\n" in word.written for word in words)
        whole = re.sub(r"\n?\\\n", "\n", content)  # a line's end is Docker's there
        return Text(whole, path, command.line or 1, coded=flat)
    before = content[: max(content.find(BINARY), 0)]
    inserted = before.count("\n") - before.count("\\\n")
    return Text(content, path, (command.line or 1) - max(inserted, 0))
