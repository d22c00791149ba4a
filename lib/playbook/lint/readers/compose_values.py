"""The values of a compose service, or of a container written alike: words, variables, mounts, ports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from playbook.lint.checks.command import Mount
from playbook.lint.checks.containers import bind, host_path
from playbook.lint.checks.reading import Document
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.text import Text, Word, expand, is_unknown, line_of
from playbook.lint.forms.variables import interpolated, variables
from playbook.lint.forms.yaml_lines import Items, Table


def words_of(value: Any) -> list[Word] | None:
    """A command as a list, or as one string that compose splits like a shell; `$$` is a dollar."""
    if value is None:
        return None
    if isinstance(value, str):
        text = value.written if isinstance(value, Word) else str(value)
        words = [word for each in simple_commands(text, {}, line_of(value) or 1) for word in each.words]
        path = getattr(value, "path", "")
        return [Word(word.replace("$$", "$"), word.line, word.raw or "$$" in word, path=path) for word in words]
    line = line_of(value)
    bare = lambda text: str(text).replace("$$", "$")  # noqa: E731
    return [Word(bare(item), getattr(item, "line", line), "$$" in str(item), bare(getattr(item, "written", "")),
                 getattr(item, "path", "")) for item in value]  # fmt: skip


def for_shell(*values: Any) -> frozenset[str]:
    """The variables that commands leave to the container's own shell: `$$NAME` and `$${NAME}`."""
    return frozenset(re.findall(r"\$\$\{?([A-Za-z_]\w*)", " ".join(map(str, values))))


def variables_here(document: Document) -> dict[str, Word]:
    """What compose fills into the file: the variables of `.env` beside it, or else of the folder it is called in."""
    sources = document.around.sources
    for folder in (document.folder, sources.root):
        text = sources.file(folder / ".env") if folder is not None else None
        if text is not None:
            return variables(text)
    return {}


def filled(node: Any, values: Mapping[str, str]) -> Any:
    """The same mappings, lists and words with `${NAME}` filled in, as compose does before it reads them."""
    if isinstance(node, Table):
        table = Table({key: filled(value, values) for key, value in node.items()})
        table.line = node.line
        return table
    if isinstance(node, Items):
        items = Items(filled(each, values) for each in node)
        items.line = node.line
        return items
    if not isinstance(node, Word) or "$" not in node:
        return node
    return Word(interpolated(node, values), node.line, node.raw, interpolated(node.written, values), node.path)


def placed(node: Any, path: str) -> Any:
    """The same mappings and lists with words that say in which file they stand."""
    if isinstance(node, Table):
        table = Table({key: placed(value, path) for key, value in node.items()})
        table.line = node.line
        return table
    if isinstance(node, list):
        return Items(placed(each, path) for each in node)
    return Word(node, node.line, node.raw, node.written, path) if isinstance(node, Word) else node


def environment_of_files(value: Any, document: Document) -> tuple[dict[str, Word], bool]:
    """The variables of a service's `env_file`, and whether all of the files are here."""
    found: dict[str, Word] = {}
    known = True
    for each in value if isinstance(value, list) else [value] if value else []:
        named = str(each.get("path", "")) if isinstance(each, Table) else str(each)
        folder = document.folder
        text = document.around.sources.file(folder / named) if folder is not None else None
        known = known and text is not None
        found |= variables(text) if text is not None else {}
    return found, known


def environment_of(value: Any) -> dict[str, Word]:
    """The variables that a service sets, as a mapping, a list of `NAME=VALUE`, or a list of names and values."""
    if isinstance(value, Table):
        return {str(name): Word("" if text is None else text, line_of(text) or line_of(name))
                for name, text in value.items()}  # fmt: skip
    if value and isinstance(value[0], Table):
        return {
            str(item.get("name", item.get("Name", item.get("key")))): Word(
                item.get("value", item.get("Value", "$")), item.line
            )
            for item in value
            if isinstance(item, Table)
        }
    pairs = [(str(item).partition("="), line_of(item)) for item in value or []]
    return {name: Word(text if equals else "$" + name, line) for (name, equals, text), line in pairs}


def mounts_of(service: Any, document: Document) -> Iterator[Mount]:
    """What a service mounts: host paths, and volumes nobody can see into."""
    folder, sources = document.folder, document.around.sources
    for item in service.get("volumes") or []:
        if isinstance(item, Table):
            target = str(item.get("target", item.get("container_path", "")))
            source = str(item.get("source", item.get("host_path", "")))
            if item.get("type", "volume") == "bind":
                yield bind(source, target, folder, sources, item.line)
            else:
                yield Mount(target.rstrip("/") or "/", None, source, line=item.line)
            continue
        parts = expand(str(item), {}).split(":")
        target = parts[1] if len(parts) > 1 else parts[0]
        named = parts[0] if len(parts) > 1 else ""
        if named.startswith((".", "/", "~", "$")):
            yield bind(named, target, folder, sources, line_of(item))
        else:
            yield Mount(target.rstrip("/") or "/", None, named, line=line_of(item))


def configs_of(service: Any, data: Any, document: Document) -> Iterator[Mount]:
    """`configs:` and `secrets:` of a service: files of the top-level tables of the same names."""
    for section, folder in (("configs", ""), ("secrets", "/run/secrets")):
        for item in service.get(section) or []:
            name = str(item.get("source", "")) if isinstance(item, Table) else str(item)
            target = str(item.get("target", "")) if isinstance(item, Table) else ""
            target = target or f"{folder}/{name}"
            table = (data.get(section) or {}).get(name) or {}
            source: Path | None = None
            if table.get("file"):
                source = host_path(str(table["file"]), document.folder, document.around.sources)
            content, target = table.get("content"), target if target.startswith("/") else f"{folder}/{target}"
            files = None
            if isinstance(content, Word):
                files = {"": Text(str(content), document.text.path, content.line or 1, templated="$" in content)}
            yield Mount(target, source, name, files, line=line_of(item))


def published_of(service: Any) -> Iterator[Word]:
    """The container's ports that a service publishes."""
    for item in service.get("ports") or []:
        if isinstance(item, Table):
            names = ("target", "internal", "containerPort", "ContainerPort", "port")
            yield Word(next((item[name] for name in names if name in item), ""), item.line)
            continue
        text = str(item)
        if not is_unknown(text) and "-" not in text:
            line, path = line_of(item) or service.at("ports"), getattr(item, "path", "")
            yield Word(text.rpartition(":")[2], line, written=text, path=path)


def quota_of(service: Any) -> float | None:
    """The cores that cpu_quota gives, in microseconds of a period of 100,000."""
    quota, period = str(service.get("cpu_quota", "")), str(service.get("cpu_period", "100000"))
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None
