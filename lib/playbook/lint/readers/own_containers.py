"""Programs that ask a server at `localhost` and run in a container of their own, beside the server's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from playbook.lint.checks.command import OFFICIAL
from playbook.lint.checks.reading import SHAPES
from playbook.lint.checks.start import is_anothers
from playbook.lint.forms.text import Text
from playbook.lint.forms.yaml_lines import Table
from playbook.lint.rules.findings import Finding, finding

_PROGRAMS = (".py", ".js", ".mjs", ".ts", ".go", ".rb", ".php")
_ASKED = re.compile(
    r"[\"'`]https?://(localhost|127\.0\.0\.1|0\.0\.0\.0):(\d{4,5})/v1/models|"
    r"(?:insecure_channel|grpc\.Dial|Stub)\(\s*[\"'](localhost|127\.0\.0\.1|0\.0\.0\.0):(\d{4,5})[\"']"
)
_DEFAULT = re.compile(r"environ|getenv|process\.env|\bENV\b|default|DEFINE_|add_argument|\|\||\?\?|\.get\(|^\s*(#|//)")
_TESTS = re.compile(r"(?i)(^|[/_.-])(tests?|spec|mocks?|examples?|scripts?|notebooks?)([/_.-]|$)")


def check_own_containers(texts: Mapping[Path, Text], objects: list[tuple[Any, str]]) -> Iterator[Finding]:
    """Findings of programs below what another service of the same compose file is built of.

    A file counts where that folder is not the compose file's own: beside it lies what is run by hand, too.
    """
    files = {text.path: file for file, text in texts.items()}
    for data, shown in objects:
        with suppress(*SHAPES):  # its reader tells
            services = data.get("services")
            held = [(str(name), each) for name, each in services.items() if isinstance(each, Table)] if services else []
            servers = [(name, each) for name, each in held if _serves(each)]
            folders = [_folder(each, files[shown].parent) for _, each in held if shown in files and not _serves(each)]
            if len(servers) == 1:
                yield from _of(texts, [each for each in folders if each is not None], servers[0][0])


def _of(texts: Mapping[Path, Text], folders: list[Path], server: str) -> Iterator[Finding]:
    for file, text in texts.items():
        inside = any(file.resolve().is_relative_to(folder) for folder in folders)
        if not inside or file.suffix not in _PROGRAMS or _TESTS.search(text.path):
            continue
        for number, line in enumerate(text.content.split("\n"), 1):
            found = _ASKED.search(line) if not _DEFAULT.search(line) else None
            if found and (port := found[2] or found[4]) in ("8500", "8501"):
                words = {"name": "This address", "host": found[1] or found[3], "port": port}
                why = "which is the program's own container, and the server runs in another"
                yield finding("client-wrong-port", text.path, text.line(number), **words, why=why,
                              right=f"Write {server}:{port}.")  # fmt: skip


def _serves(service: Any) -> bool:
    image = str(service.get("image", ""))
    return OFFICIAL in image or is_anothers(image)


def _folder(service: Any, beside: Path) -> Path | None:
    """The folder that a service is built of, below the compose file's; None for any other."""
    build = service.get("build")
    context = build.get("context", ".") if isinstance(build, Table) else build
    if not isinstance(context, str) or "network_mode" in service or "$" in context or "://" in context:
        return None
    folder, own = (beside / context).resolve(), beside.resolve()
    return folder if folder != own and folder.is_relative_to(own) else None
