"""Commands that change what runs in a cluster: kubectl set, patch and create configmap, oc new-app, helm --set."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from playbook.lint.checks.command import BINARY, OFFICIAL, Place
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.containers import check_image
from playbook.lint.checks.environment import OURS_ALONE
from playbook.lint.checks.launch import Start, is_server, launch
from playbook.lint.checks.reading import Document, Reading, Surroundings
from playbook.lint.checks.unread_variables import check_variables
from playbook.lint.forms.makefiles import makefile_as_shell
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.text import Text, Word, is_unknown
from playbook.lint.readers.option_values import values_of
from playbook.lint.readers.yaml_files import read_page
from playbook.lint.readers.yaml_pages import load

_CREATED = [  # by what each begins with, which is searched for fastest
    re.compile(program + r"\b[^\n]*\bcreate\b[^\n]*\b(?:configmap|cm|secret)\b(?:[^\n\\]|\\\n|\\.)*")
    for program in (r"kubectl(?<!\wkubectl)", r"oc(?<!\woc)")
]
_MAPS = {"configmap", "cm", "secret"}
_PRINTED = re.compile(r"\$\((?:cat\s+|<\s*)([\w./-]+)\)")
_PAIR = re.compile(r"[A-Za-z_]\w*=")


def is_kubectl(words: list[Word]) -> bool:
    """True for a command of kubectl's or its kin."""
    return bool(words) and words[0].rpartition("/")[2] in ("kubectl", "oc", "microk8s.kubectl", "k3s")


def gather_config_maps(texts: Mapping[Path, Text], kinds: Mapping[Path, str], around: Surroundings) -> None:
    """Let `around` know the ConfigMaps and Secrets that commands make of files here; manifests go first."""
    for path, text in texts.items():
        content = text.content
        found = [line for each in _CREATED for line in each.findall(content)] if "create" in content else []
        if not found:
            continue
        document = Document(text, around)
        content = makefile_as_shell(content) if kinds.get(path) == "makefile" else content
        whole = kinds.get(path) in ("shell", "makefile")
        for piece in [content] if whole else found:
            for command in simple_commands(piece, {}, text.first_line):
                remember_map(command.words, document)


def remember_map(words: list[Word], document: Document) -> None:
    """Let `document`'s surroundings know the ConfigMap or Secret that a command makes of files here and of words."""
    if not is_kubectl(words) or not _MAPS & {*words[1:4]}:
        return
    begin = next(place for place, word in enumerate(words) if word in _MAPS)
    named = [word for word in words[begin + 1 :] if not word.startswith("-") and word not in ("generic", "tls")]
    files = dict(_files(words, document))
    if named and not is_unknown(named[0]) and files and None not in files.values():
        known = {key: text for key, text in files.items() if text is not None}
        document.around.sources.asked.add(document.text.path)
        document.around.config_maps.setdefault(str(named[0]), known)


def _files(words: list[Word], document: Document) -> Iterator[tuple[str, Text | None]]:
    """The keys and texts that a command gives a ConfigMap; no text where the file is not here."""
    for literal in values_of(words, "--from-literal"):
        key, _, content = literal.partition("=")
        printed = _PRINTED.fullmatch(content)
        if printed:
            yield key, _file(printed[1], document)
        else:
            yield key, Text(content, document.text.path, literal.line or 1, templated="$" in content)
    for given in values_of(words, "--from-file"):
        key, equals, named = given.rpartition("=")
        folder = _folder(named, document)
        if folder:
            yield from folder.items()
        else:
            yield (key if equals else named.rpartition("/")[2]), _file(named, document)


def _bases(document: Document) -> list[Path]:
    return [base for base in (document.folder, document.around.sources.root) if base is not None]


def _file(named: str, document: Document) -> Text | None:
    found = (document.around.sources.file(base / named) for base in _bases(document))
    return next((text for text in found if text is not None), None)


def _folder(named: str, document: Document) -> dict[str, Text | None]:
    """The files right in a folder, by their names."""
    wanted = {os.path.normpath(base / named) for base in _bases(document)} if named not in ("", ".") else set()
    texts = document.around.sources.texts
    return {path.name: text for path, text in texts.items() if wanted and os.path.normpath(path.parent) in wanted}


def read_config_maps(words: list[Word], document: Document) -> Reading | None:
    """Config files that `kubectl create configmap` (or `secret`) is given as `--from-literal`; None for others."""
    if not is_kubectl(words) or not _MAPS & {*words[1:4]}:
        return None
    reading = Reading()
    for literal in values_of(words, "--from-literal"):
        name, _, content = literal.partition("=")
        if (flag := kind_of(content)) is not None:
            text = Text(content, document.text.path, literal.line or 1, templated="$" in content)
            reading.configs.append((flag, text))
            document.around.sources.extra.append((name, text))
    return reading if reading.configs else None


def read_kubectl(words: list[Word], document: Document) -> Reading | None:
    """What `kubectl set image`, `set env`, `patch` and `oc new-app` give a container; None for other commands."""
    if not is_kubectl(words) or len(words) < 3:
        return None
    reading, shown = Reading(), document.text.path
    pairs = [word for word in words[2:] if _PAIR.match(word)]
    if words[1:3] == ["set", "image"]:
        for image in [word.with_text(word.partition("=")[2]) for word in words if OFFICIAL in word and "=" in word]:
            reading.counts["images"] += 1
            reading.findings += check_image(str(image), shown, image.line)
    if words[1:3] == ["set", "env"] and (OFFICIAL in document.text.content or any(map(OURS_ALONE.match, pairs))):
        _variables(pairs, OFFICIAL, document, reading)
    if words[1] == "new-app":
        named = [word for word in [*words[2:], *values_of(words, "--docker-image"), *values_of(words, "--image")]
                 if OFFICIAL in word and not word.startswith("-")]  # fmt: skip
        for image in named[:1]:
            reading.counts["images"] += 1
            reading.findings += check_image(str(image), shown, image.line)
            given = [*values_of(words, "-e"), *values_of(words, "--env")]
            _variables(given, str(image), document, reading)
    for patch in [*values_of(words, "-p"), *values_of(words, "--patch")] if "patch" in words[1:4] else ():
        text = Text(patch.written, shown, patch.line or 1, document.text.file, document.text.templated)
        reading.add(read_page(load(Document(text, document.around)), [], []))
    return reading if reading.counts else None


def _variables(pairs: list[Word], image: str, document: Document, reading: Reading) -> None:
    """What is said of variables that a command gives a container of the image."""
    values = {pair.partition("=")[0]: pair.with_text(pair.partition("=")[2]) for pair in pairs}
    line = next((pair.line for pair in pairs), None)
    reading.counts["command lines"] += 1
    check_variables(Start(document.text.path, line, image, environment=values), "", reading)


def read_helm(words: list[Word], document: Document) -> Reading | None:
    """The server's flags and image among the values that `helm install` is given by `--set`; None for others."""
    if not words or words[0] != "helm" or not any(word.startswith("--set") for word in words):
        return None
    reading, shown = Reading(), document.text.path
    given = [value for name in ("--set", "--set-string") for value in values_of(words, name)]
    for value in given:
        for held in re.findall(r"=\{([^{}]*)\}", value):
            flags = [value.with_text(part.strip()) for part in held.split(",")]
            if is_server("", flags):
                entry = [Word(BINARY)]
                reading.add(launch(Start(shown, value.line, "", entry, flags, place=Place(True), partial=True)))
    parts = [(part.partition("="), value.line) for value in given for part in value.split(",")]
    name = next((pair[2] for pair, _ in parts if OFFICIAL in pair[2]), "")
    tag = next((pair for pair in parts if pair[0][0].endswith("tag")), None)
    if name:
        reading.counts["images"] += 1
        reading.findings += check_image(f"{name}:{tag[0][2]}", shown, tag[1]) if tag and ":" not in name else ()
    return reading if reading.counts else None
