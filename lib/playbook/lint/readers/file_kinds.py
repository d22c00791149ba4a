"""Which reader a file is for, by its name and how it begins."""

from __future__ import annotations

import re
from pathlib import Path

from playbook.lint.checks.command import BINARY, OFFICIAL
from playbook.lint.readers.diff_files import is_diff
from playbook.lint.readers.program_texts import SUFFIXES

_YAML = (".yml", ".yaml", ".tpl")
_SHELL = (".sh", ".bash", ".zsh", ".ksh", ".envrc")
PROSE = (".md", ".markdown", ".rst", ".mdx", ".adoc", ".html", ".htm")
_SUFFIXES = {".py": "python", ".ipynb": "notebook", ".service": "unit", ".container": "unit", ".mk": "makefile",
             ".bat": "windows", ".cmd": "windows", ".ps1": "windows", ".tf": "hcl", ".tfvars": "hcl", ".hcl": "hcl",
             ".nomad": "hcl"}  # fmt: skip
CONFIGS = (".pbtxt", ".config", ".conf", ".txt", ".cfg", ".proto", ".textproto", ".prototxt", ".pb.txt", "")


# what a manifest, a task definition or a patch in JSON holds
_JSON = re.compile(
    rf"{OFFICIAL}|{BINARY}|\"apiVersion\"|\"(op|containers)\"\s*:|\"--(model_|rest_api_|enable_batching|monitoring_)"
)


def kind_of_file(path: Path, content: str) -> str:
    """Which reader a file is for; "" where its look must tell."""
    name, suffix = path.name.lower(), path.suffix.lower()
    if is_diff(name, content):
        return "diff"
    if "dockerfile" in name or "containerfile" in name:
        return "dockerfile"
    if suffix in _YAML or (suffix == ".json" and _JSON.search(content)):
        return "yaml"
    if suffix in _SUFFIXES or name in ("makefile", "gnumakefile"):
        return _SUFFIXES.get(suffix, "makefile")
    if suffix in _SHELL or re.match(r"#!.*\b(ba|z|da|k)?sh\b", content):
        return "shell"
    if suffix in PROSE:
        return "prose"
    if suffix in SUFFIXES:
        return "program"
    return "unit" if re.search(r"(?m)^\[program:", content) else ""
