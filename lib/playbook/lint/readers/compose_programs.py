"""Which of the programs here a service of a compose file runs: what it starts, and what that imports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from playbook.lint.checks.client_programs import PROGRAMS
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.readers.compose_values import words_of

_MAY_RUN_IN_BROWSERS = (".js", ".mjs", ".ts", ".tsx", ".jsx")
_OF_SERVERS = re.compile(r"express|fastify|\bkoa\b|@grpc/|createServer|node-fetch|nestjs")  # others run in browsers
_ASIDE = re.compile(
    r"(?i)(^|[/_.-])(tests?|mocks?|spec|conftest|bench\w*|old|archive|examples?|demo|samples?|scripts?|tools?|local|"
    r"notebooks?|try|client)([/_.-]|$)"
)
_JUPYTER = re.compile(r"(?i)jupyter|notebook")
_RUN = re.compile(r"(?m)^\s*(?:CMD|ENTRYPOINT)\b.*(?:\\\n.*)*")
_FILE = re.compile(r"([\w-]+)\.(?:py|sh)\b|\b([\w-]+):\w+\b|-m[\s\",]+([\w.]+)")
_IMPORT = re.compile(r"(?m)^\s*(?:from|import)\s.*(?:\([^)]*\))?")
_COPY = re.compile(r"(?mi)^\s*(?:COPY|ADD)\s+(?!.*--from)(.+)$")


def programs_of(name: str, service: Any, folder: Path, texts: Sequence[Text]) -> Iterator[tuple[Text, bool]]:
    """The programs of a service, and whether each is one that it starts.

    Those of a folder of its own are all its; of a folder that it shares, those that it starts, or that they import.
    Without a folder to build, a program that is called as the service is. Notebooks that a Jupyter mounts are its.
    """
    yield from ((text, True) for text in _notebooks(name, service, folder, texts))
    build = service.get("build")
    context = build.get("context", ".") if isinstance(build, Table) else build
    held = [text for text in texts if text.file is not None and _may_serve(text)]
    if context is None:
        called = re.sub(r"\W", "_", name).lower()
        for text in held:
            parts = [re.sub(r"\W", "_", part).lower() for part in (text.file or folder).with_suffix("").parts[-2:]]
            if called in parts:
                yield text, called == parts[-1]
        return
    if is_unknown(str(context)):
        return
    root = (folder / str(context)).resolve()
    named = str(build.get("dockerfile") or "Dockerfile") if isinstance(build, Table) else "Dockerfile"
    told = next((text for text in texts if text.file is not None and text.file.resolve() == root / named), None)
    within = [text for text in held if (text.file or root).resolve().is_relative_to(root)]
    within = [text for text in within if told is None or _is_copied(text, root, told)]
    run = " ".join([*(words_of(service.get("entrypoint")) or ()), *(words_of(service.get("command")) or ())])
    run += " ".join(_RUN.findall(told.content)) if told is not None else ""
    started = [text for text in within if _stem(text) in _started(run, texts, root)]
    own = root != folder.resolve() and root.is_relative_to(folder.resolve())
    reached = _reached(started, within)
    for text in within:
        inside = (text.file or root).resolve().relative_to(root).as_posix()
        if text in reached or (own and not started and not _ASIDE.search(inside)):
            yield text, text in started


def _notebooks(name: str, service: Any, folder: Path, texts: Sequence[Text]) -> Iterator[Text]:
    """The notebooks in the folders of the host that a service mounts, where it is a Jupyter."""
    if not _JUPYTER.search(f"{name} {service.get('image')} {service.get('command')} {service.get('build')}"):
        return
    for volume in service.get("volumes") or []:
        source = str(volume.get("source", "") if isinstance(volume, Table) else str(volume).partition(":")[0])
        if source.startswith(".") and not is_unknown(source):
            root = (folder / source).resolve()
            yield from (text for text in texts if text.path.endswith(".ipynb") and text.file is not None
                        and text.file.resolve().is_relative_to(root))  # fmt: skip


def _may_serve(text: Text) -> bool:
    name = text.path.lower()
    if name.endswith(_MAY_RUN_IN_BROWSERS):
        return bool(_OF_SERVERS.search(text.content))
    return name.endswith(PROGRAMS)


def _stem(text: Text) -> str:
    return text.file.stem if text.file is not None else ""


def _is_copied(text: Text, root: Path, dockerfile: Text) -> bool:
    """True where a COPY of the Dockerfile takes a file, or a folder above it."""
    path = (text.file or root).resolve().relative_to(root).as_posix()
    for rest in _COPY.findall(dockerfile.content):
        words = [word for word in re.split(r"[\s\[\],\"]+", rest) if word and not word.startswith("--")]
        for source in words[:-1]:
            bare = re.sub(r"^(?:\./|/)+", "", source).rstrip("/")
            pattern = re.escape(bare).replace(r"\*", "[^/]*")
            if bare in ("", ".", "*") or re.match(rf"{pattern}(/|$)", path):
                return True
    return False


def _started(run: str, texts: Sequence[Text], root: Path) -> set[str]:
    """The names of the programs that a command starts, also by a script of its own."""
    names = {name.rpartition(".")[2] for found in _FILE.findall(run) for name in found if name}
    scripts = [text for text in texts if text.path.endswith(".sh") and _stem(text) in names
               and text.file is not None and text.file.resolve().is_relative_to(root)]  # fmt: skip
    more = [_FILE.findall(text.content) for text in scripts]
    return names | {name.rpartition(".")[2] for each in more for found in each for name in found if name}


def _reached(started: list[Text], within: list[Text]) -> list[Text]:
    """These programs and all that they import, and so on."""
    reached, ahead = list(started), list(started)
    while ahead:
        words = set(re.findall(r"\w+", " ".join(_IMPORT.findall(ahead.pop().content))))
        new = [text for text in within if _stem(text) in words and text not in reached]
        reached += new
        ahead += new
    return reached
