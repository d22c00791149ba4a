"""Templates that Terraform fills in: which text a module gives which values, and the text with those that are known."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from playbook.lint.forms.hcl import parse
from playbook.lint.forms.text import Text, Word, is_unknown

# templatefile("NAME", {...}), and the older data "template_file" with template = file("NAME") and vars
_CALL = re.compile(r"\btemplatefile\(\s*\"(?P<name>[^\"\n]+)\"\s*,\s*(?:merge\(\s*)?(?=\{)")
_BLOCK = re.compile(r"\btemplate\s*=\s*(?:\"\$\{\s*)?(?:template)?file\(\s*\"(?P<name>[^\"\n]+)\"")
_VARS = re.compile(r"\bvars\s*=?\s*(?=\{)")
_MODULE = re.compile(r"^(\$\{path\.(module|root|cwd)\}/)?(\./)?")
_GAP = re.compile(r"(?<!\$)\$\{\s*(\w+)\s*\}")
_GIVES = re.compile(r"(?m)^\s*(variable|locals)\b|^\w+\s*=")
_MOST = 8_000  # letters of the values of one template


def is_beside(path: Path, folder: Path | None) -> bool:
    """True for a text of a module that gives its variables values: another of its files, or one that it loads."""
    loaded = path.name == "terraform.tfvars" or path.name.endswith(".auto.tfvars")
    return path.parent == folder and (path.suffix == ".tf" or loaded)


def is_given(text: Text, texts: Mapping[Path, Text], word: str) -> bool:
    """True for a text that uses variables, where another of its module gives one a value with this word."""
    folder = text.file.parent if text.file is not None else None
    others = (other.content for path, other in texts.items() if is_beside(path, folder) and path != text.file)
    value = re.compile(rf"=\s*\"[^\"\n]*{re.escape(word)}")
    return "var." in text.content and any(value.search(content) for content in others)


def filled_templates(texts: Mapping[Path, Text], used: set[str]) -> dict[Path, Text]:
    """The templates among the texts that a module fills in, with the values it is known to give them.

    The files that give the values are put to those `used`.
    """
    places = {os.path.normpath(path): path for path in texts}
    given: dict[Path, dict[str, str]] = {}
    for path, text in texts.items():
        if path.suffix != ".tf" or "file(" not in text.content:
            continue
        others = [other for each, other in texts.items() if each != path and is_beside(each, path.parent)]
        for name, values in _uses(text.content):
            template = places.get(os.path.normpath(path.parent / _MODULE.sub("", name)))
            if template is None:
                continue
            known = _known(values, [other.content for other in (*others, text)])
            used |= {text.path, *(other.path for other in others if _GIVES.search(other.content))}
            before = given.setdefault(template, known)
            given[template] = {key: value for key, value in before.items() if known.get(key) == value}
    return {path: filled for path, values in given.items() if (filled := _filled(texts[path], values)) != texts[path]}


def _uses(content: str) -> Iterator[tuple[str, str]]:
    """The name of each template in a module's text, and the text that begins with its values' brace."""
    for match in _CALL.finditer(content):
        yield match["name"], content[match.end() : match.end() + _MOST]
    for match in _BLOCK.finditer(content):
        begin = max(content.rfind("\n}", 0, match.start()), 0)  # values may stand above the template
        end = content.find("\n}", match.end())
        values = _VARS.search(content, begin, end if end > 0 else len(content))
        if values is not None:
            yield match["name"], content[values.end() : values.end() + _MOST]


def _known(values: str, beside: list[str]) -> dict[str, str]:
    held = parse(f"values {values}", 1, beside).get("values") or []
    table = held[0] if isinstance(held, list) and held else {}
    texts = {str(name): str(value) for name, value in table.items()
             if isinstance(value, (Word, int)) and not isinstance(value, bool)}  # fmt: skip
    return {name: value for name, value in texts.items() if not is_unknown(value) and not re.search(r"[\n\"]", value)}


def _filled(text: Text, values: Mapping[str, str]) -> Text:
    content = _GAP.sub(lambda match: values.get(match[1], match.group()), text.content)
    return replace(text, content=content)
