"""Which reader a file is for, by its name and how it begins, or which flag would name it."""

from __future__ import annotations

import re
from pathlib import Path

from playbook.lint.checks.command import BINARY, OFFICIAL
from playbook.lint.checks.config_kinds import is_batching, is_config, kind_of
from playbook.lint.forms.text import Text
from playbook.lint.readers.diff_files import is_diff
from playbook.lint.readers.program_texts import SUFFIXES
from playbook.lint.readers.yaml_pages import Page
from playbook.tfserving.config_messages import CONFIG_MESSAGES

_YAML = (".yml", ".yaml", ".tpl", ".cwl")
_SHELL = (".sh", ".bash", ".zsh", ".ksh", ".envrc")
PROSE = (".md", ".markdown", ".rst", ".mdx", ".adoc", ".html", ".htm")
_SUFFIXES = {".py": "python", ".ipynb": "notebook", ".service": "unit", ".container": "unit", ".mk": "makefile",
             ".bat": "windows", ".cmd": "windows", ".ps1": "windows", ".tf": "hcl", ".tfvars": "hcl", ".hcl": "hcl",
             ".nomad": "hcl"}  # fmt: skip
_TEMPLATES = (".j2", ".jinja", ".jinja2", ".tmpl", ".template", ".gotmpl", ".tftpl", ".erb", ".in", ".example",
              ".sample", ".dist")  # fmt: skip
_CONFIGS = (".pbtxt", ".config", ".conf", ".txt", ".cfg", ".proto", ".textproto", ".prototxt", ".pb.txt", "")


# what a manifest, a task definition or a patch in JSON holds
_JSON = re.compile(
    rf"{OFFICIAL}|{BINARY}|\"apiVersion\"|\"(op|containers)\"\s*:|\"--(model_|rest_api_|enable_batching|monitoring_)"
)


_OBJECT = re.compile(r"(?m)^(apiVersion:\s.*\nkind|kind:\s.*\napiVersion):\s")
_IMAGE = re.compile(r"(?:[ \t\r]*(?:#.*)?\n)*[ \t]*(?:FROM|ARG)\s")
_FIELD = re.compile(r"\s*((#|//|/\*).*\n\s*)*[\"'{\[(]*[\w.]+[\"']?\s*[:{<=(]|\s*\[[\w.]+\]")


def kind_of_file(path: Path, content: str) -> str:
    """Which reader a file is for; "" where its look must tell."""
    name, suffix = path.name.lower(), path.suffix.lower()
    if suffix in _TEMPLATES and path.with_suffix("").suffix:
        return kind_of_file(path.with_suffix(""), content)
    if is_diff(name, content):
        return "diff"
    other = suffix in (*_YAML, *_SUFFIXES, *_SHELL, *PROSE, *SUFFIXES) and not _IMAGE.match(content)
    if ("dockerfile" in name or "containerfile" in name) and not other:
        return "dockerfile"
    if suffix in _YAML or (suffix == ".json" and _JSON.search(content)):
        return "yaml"
    if suffix == ".toml" and name.startswith("fly"):
        return "fly"
    if suffix in _SUFFIXES or name in ("makefile", "gnumakefile"):
        return _SUFFIXES.get(suffix, "makefile")
    if suffix in _SHELL or re.match(r"#!.*\b(ba|z|da|k)?sh\b", content):
        return "shell"
    if suffix in PROSE:
        return "prose"
    if suffix in SUFFIXES:
        return "program"
    if suffix in ("", ".txt") and kind_of(content) is not None and not _FIELD.match(content):
        return "prose"  # notes that hold a config file among other things
    if suffix in ("", ".txt") and _OBJECT.search(content):
        return "prose"  # a question, with an object pasted into it
    return "unit" if re.search(r"(?m)^\[program:", content) else ""


def flag_of(path: Path, kind: str, text: Text, page: Page | None) -> str | None:
    """Which flag a file is meant for that is a config file as it stands, whatever it is called; None for another."""
    looks = path.suffix.lower() in _CONFIGS or is_config(text.content)
    if path.name == "batching_params.pbtxt" or (not kind and not kind_of(text.content) and is_batching(text.content)):
        return "batching_parameters_file"
    named_so = page is not None and (not _is_yaml(page) or _in_yaml(page))
    return kind_of(text.content) if named_so or (looks and not kind) else None


def _in_yaml(page: Page) -> bool:
    """True for a config of the server's that is written as YAML from its first key on: it holds nothing else."""
    if len(page.data) != 1 or not isinstance(page.data[0], dict):
        return False
    keys = {str(key) for key in page.data[0]}
    fields = set(CONFIG_MESSAGES["BatchingParameters"].DESCRIPTOR.fields_by_name)
    return keys in ({"model_config_list"}, {"prometheus_config"}) or (keys <= fields and len(keys) > 1)


def _is_yaml(page: Page) -> bool:
    """False for a text that is called YAML and is none, or has a brace in its keys, as text protos that parse have."""
    keys = [str(key) for data in page.data if isinstance(data, dict) for key in data]
    return bool(page.data) and not any(re.fullmatch(r"\w+ \{.*", key) for key in keys)
