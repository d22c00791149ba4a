"""Kustomizations: the ConfigMaps they generate, the images they set, and the patches they hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playbook.lint.checks.command import OFFICIAL
from playbook.lint.checks.config_kinds import kind_of
from playbook.lint.checks.containers import check_image
from playbook.lint.checks.launch import Start, is_server, launch
from playbook.lint.checks.lookup import Sources
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.checks.start import tells_model
from playbook.lint.forms.text import UNKNOWN, Text, Word, line_of
from playbook.lint.forms.yaml_lines import Table

_ITS_OWN = {
    "helmCharts",
    "configMapGenerator",
    "secretGenerator",
    "images",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
}
OPERATIONS = "operations"  # the key under which a list of JSON patch operations is kept as one document


def is_kustomization(data: Any) -> bool:
    """True for a kustomization.yaml; its kind may be left out."""
    return str(data.get("kind", "")) in ("Kustomization", "Component") or bool(_ITS_OWN & {*data})


def generated(data: Any, document: Document) -> Iterator[tuple[str, dict[str, Text]]]:
    """Name and files of each ConfigMap and Secret that a kustomization generates."""
    for generator in [*(data.get("configMapGenerator") or []), *(data.get("secretGenerator") or [])]:
        if isinstance(generator, Table):
            yield str(generator.get("name")), dict(_files(generator, document, document.around.sources))


def _files(generator: Any, document: Document, sources: Sources) -> Iterator[tuple[str, Text]]:
    for item in generator.get("files") or []:
        key, equals, named = str(item).partition("=")
        named = named if equals else key
        path = document.folder / named if document.folder is not None else None
        text = sources.file(path) if path is not None else None
        if text is not None:
            yield (key if equals else named.rpartition("/")[2]), text
    for named in [*(generator.get("envs") or []), *filter(None, [generator.get("env")])]:
        text = sources.file(document.folder / str(named)) if document.folder is not None else None
        for line in text.content.split("\n") if text is not None else ():
            key, equals, value = line.strip().partition("=")
            if equals and not key.startswith("#"):
                yield key, Text(value, document.text.path, line_of(named) or 1)
    for item in generator.get("literals") or []:
        key, _, value = str(item).partition("=")
        value = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
        yield key, Text(value, document.text.path, line_of(item) or 1)


def patches(data: Any, text: Text) -> Iterator[Text]:
    """The patches that a kustomization holds as texts of its own."""
    for section in ("patches", "patchesStrategicMerge", "patchesJson6902"):
        held = data.get(section)
        for item in held if isinstance(held, list) else ():
            value = item.get("patch") if isinstance(item, Table) else item
            if isinstance(value, Word) and ("\n" in value.strip() or value.lstrip().startswith(("[", "{", "- "))):
                yield Text(str(value), text.path, value.line or 1, None, text.templated)


def read_images(data: Any, document: Document) -> Reading:
    """The images a kustomization sets, and the config files among what it generates."""
    reading = Reading()
    for image in data.get("images") or []:
        name = str(image.get("newName") or image.get("name", "")) if isinstance(image, Table) else ""
        if OFFICIAL in name:
            reading.counts["images"] += 1
            whole = f"{name}:{image['newTag']}" if "newTag" in image else f"{name}@{image.get('digest', UNKNOWN)}"
            reading.findings += check_image(whole, document.text.path, image.at("newTag"))
    texts = [text for _, files in generated(data, document) for text in files.values()]
    reading.configs += [(flag, text) for text in texts if (flag := kind_of(text.content))]
    return reading


def read_operations(data: Any, document: Document) -> Reading:
    """Flags that JSON patch operations put among a container's arguments, and the images they set."""
    words: list[Word] = []
    reading, whole = Reading(), False
    for each in data.get(OPERATIONS) or []:
        image = each.get("value")
        if str(each.get("path", "")).endswith("/image") and isinstance(image, Word) and OFFICIAL in image:
            reading.counts["images"] += 1
            reading.findings += check_image(str(image), document.text.path, image.line)
        if "/args" in str(each.get("path", "")) or "/command" in str(each.get("path", "")):
            value = each.get("value")
            whole = whole or (str(each.get("path", "")).endswith("/args") and tells_model(value))
            words += [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, Word)]
    if words and is_server("", words):
        entry = [Word("tensorflow_model_server")]
        reading.add(launch(Start(document.text.path, words[0].line, "", entry, words, partial=not whole)))
    return reading
