"""ConfigMaps among a program's texts, lists and objects: known before a pod is read that mounts them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from contextlib import suppress

from playbook.lint.checks.reading import SHAPES, Document
from playbook.lint.forms.text import UNKNOWN, Text, Word
from playbook.lint.forms.yaml_lines import load_documents
from playbook.lint.readers.workloads import config_maps

_MAP = re.compile(r"(?m)^\s*kind:\s*[\"']?(ConfigMap|Secret)\b")


def gather_maps(texts: Iterable[Word], document: Document) -> None:
    """Let `document`'s surroundings know the ConfigMaps that are written out as YAML in a program's texts.

    A name with a part that is filled in later is the same name where the same part stands in it.
    """
    known = document.around.config_maps
    for word in texts:
        if not _MAP.search(word):
            continue
        content = textwrap.dedent(word)
        text = Text(content, document.text.path, word.line or 1, templated=UNKNOWN in content)
        for data in load_documents(content, text.first_line)[0]:
            with suppress(*SHAPES):  # who reads it as a manifest tells
                for name, files in config_maps(data, text):
                    if name.replace(UNKNOWN, "").strip("-_."):
                        known.setdefault(name, files)
