"""Texts that stand inside a program's text, or Terraform's: config files, whole files, scripts that start a server."""

from __future__ import annotations

import re

from playbook.lint.checks.command import NAMED, OFFICIAL
from playbook.lint.checks.config_kinds import is_config, kind_of, names_no_model
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.text import ENGINES, UNKNOWN, Text, Word
from playbook.lint.readers.scripts import read_script
from playbook.lint.readers.written import is_file, read_written

_STARTS = re.compile(rf"{NAMED}\s+\\?\s*-|\b{ENGINES}\b.*\brun\b.*{OFFICIAL}", re.DOTALL)
_PLACES = re.compile(r"<%.*?%>")  # which something else fills in
_SCRIPT = re.compile(r"\s*#!|(?m:^\s*(cat|tee)\b.*<<)")


def read_text_within(word: Word, document: Document) -> Reading:
    """What one text inside another is to a server; an empty reading where it is nothing of one.

    Its values are filled in elsewhere where it holds a `$`, as programs and Terraform's templates do; models are put
    into a list without one.
    """
    word = word.with_text(_PLACES.sub(UNKNOWN, word)) if "<%" in word else word
    text = Text(str(word), document.text.path, word.line or 1, None, "$" in word or names_no_model(word), word.flat)
    if is_config(word) and word.rstrip(' "\\').endswith((":", "{")):  # the program writes a value behind it
        return Reading()
    if is_config(word):
        return Reading(configs=[(kind_of(word) or "", text)])
    script = _SCRIPT.match(word) or _SCRIPT.search(word)
    if is_file(word) and not script:
        return read_written("", text, document)
    if _STARTS.search(word) or (script and is_file(word)):
        whole = Text(text.content, text.path, text.first_line, None, True, word.flat)
        return read_script(Document(whole, document.around), depth=1)
    return Reading()
