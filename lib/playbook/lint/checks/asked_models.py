"""Models that a text asks a server here for, and that no server here has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from playbook.lint.checks.client_programs import is_client, lines_said
from playbook.lint.checks.command import Command
from playbook.lint.checks.host_ports import HERE, is_open, ways
from playbook.lint.checks.model_lists import model_entries
from playbook.lint.checks.model_places import is_plain
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.rules.findings import Finding, finding

_URL = re.compile(r"https?://([\w.-]+):(\d{2,5})/v1/models/(?:\$?\{([A-Za-z_]\w*)\}|([\w.-]*\w))(?=[/:\"'\s`)]|$)")
_SPEC = re.compile(r"\bmodel_spec\.name\s*=\s*(?:[\"']([\w.-]+)[\"']|([A-Za-z_]\w*)\s*(?:#|$))")
_PLACEHOLDER = re.compile(r"(?i:(your|my|the|some)?[_-]?(model)?[_-]?name|your.*|x+)|[A-Z_]+")
_COMES_LATER = re.compile(r"ReloadConfigRequest|HandleReloadConfig|reload_config")
_SHOWN = (".md", ".rst", ".markdown", ".ipynb", ".sh", ".bash", "makefile")  # which start servers, and ask them


def check_models_asked(
    texts: Iterable[Text], judged: Sequence[tuple[Command, Mapping[str, Text]]]
) -> Iterator[Finding]:
    """Requests for models that are served by none of the servers here, all of whose models are known.

    A program is judged where all servers here serve the same: where they differ, it may ask one that is not here.
    """
    held = [*texts]
    sets = [models_of(command, files) for command, files in judged if not _is_base(command)]
    known = [each for each in sets if each]
    if not known or len(known) < len(sets) or any(_COMES_LATER.search(text.content) for text in held):
        return
    served, same = set().union(*known), all(each == known[0] for each in known)
    ports = {port for command, _ in judged if not is_open(command) for port in ways(command)[0]}
    starting = {command.path for command, _ in judged}
    for text in held:
        shown = text.path.lower().endswith(_SHOWN) and text.path in starting
        client = same and is_client(text)
        asked = _by_url(text, ports) if shown or client else ()
        own = "model_spec" in text.content and client and text.path.lower().endswith(".py")
        told: set[str] = set()
        for line, name in [*asked, *(_by_spec(text) if own else ())]:
            if name not in served | told and not _PLACEHOLDER.fullmatch(name) and not is_unknown(name):
                told.add(name)
                words = {"name": "This request", "model": name, "served": ", ".join(sorted(served))}
                yield finding("client-wrong-model", text.path, line, **words)


def models_of(command: Command, files: Mapping[str, Text]) -> set[str] | None:
    """The names of a server's models; None where they are not known, or may change."""
    if command.partial or command.managed:
        return None
    if command.text("model_config_file"):
        text = files.get("model_config_file")
        names = {entry.name for entry in model_entries(text)} if text is not None and not text.templated else set()
        polled = command.text("model_config_file_poll_wait_seconds", "0") != "0"
        return None if polled or any(not name or is_unknown(name) for name in names) else names or None
    name = command.text("model_name") or "default"
    # a text that leaves one of them out may be shown in part
    told = command.text("model_base_path") and ("model_name" in command.given or name != "model")
    return (
        {name}
        if told and not (is_unknown(name) or _PLACEHOLDER.fullmatch(name) or re.search(r"[$<>{[]", name))
        else None
    )


def without_filled(findings: Iterable[Finding], texts: Iterable[Text]) -> list[Finding]:
    """Findings without those of empty lists where a program here sends the models to the server later."""
    filled = any(_COMES_LATER.search(text.content) for text in texts)
    return [hit for hit in findings if hit.rule != "config-empty" or not filled]


def _is_base(command: Command) -> bool:
    """True for an image that says nothing of a model: who runs it does, or who copies one into its container."""
    return is_plain(command) or (
        command.place.built and command.text("model_name", "model") == "model" and "model_name" not in command.given
    )


def _by_url(text: Text, ports: set[str]) -> Iterator[tuple[int, str]]:
    for number, line in lines_said(text):
        for host, port, variable, name in _URL.findall(line):
            if host in HERE and port in ports and (name or (name := _value(variable, text))):
                yield number, name


def _by_spec(text: Text) -> Iterator[tuple[int, str]]:
    for number, line in lines_said(text):
        for name, variable in _SPEC.findall(line):
            if name or (name := _value(variable, text)):
                yield number, name


def _value(name: str, text: Text) -> str:
    """The text that a program gives a name, where it does so once; "" where it is not known."""
    given = re.findall(
        rf"(?m)^\s*(?:(?:const|let|var|final|export)\s+)?{name}\b[^=\n]*(?<![=!<>])=(?!=)\s*(.+)$", text.content
    )
    match = re.fullmatch(r"[\"']([\w.-]+)[\"']\s*;?\s*(?:#.*|//.*)?", given[0].strip()) if len(given) == 1 else None
    return match[1] if match else ""
