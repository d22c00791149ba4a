"""Programs in other languages (TypeScript, Go, Java, Groovy, Jsonnet, TOML): the texts in them that start a server."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from playbook.lint.checks.command import (
    BINARY,
    NAMED,
    OFFICIAL,
    PACKAGE,
    Place,
    after_binary,
    is_official,
    is_path,
    is_server_word,
)
from playbook.lint.checks.containers import IMAGE_IN_JSON, check_image
from playbook.lint.checks.launch import Start, is_server, launch
from playbook.lint.checks.misnamed import is_misnamed
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.bracketed import tokens
from playbook.lint.forms.joined_texts import JoinedTexts
from playbook.lint.forms.text import ENGINES, UNKNOWN, Text, Word
from playbook.lint.readers.docker_cli import read_docker_run
from playbook.lint.readers.docker_words import run_arguments
from playbook.lint.readers.program_maps import gather_maps
from playbook.lint.readers.program_objects import read_objects, words_of_list, words_of_objects
from playbook.lint.readers.texts_within import read_text_within
from playbook.lint.rules.findings import finding

SUFFIXES = (".ts", ".tsx", ".js", ".mjs", ".jsx", ".go", ".java", ".kt", ".scala", ".rb", ".groovy", ".gradle",
            ".jsonnet", ".libsonnet", ".toml", ".rs", ".cs", ".php", ".dart", ".ex", ".cpp", ".cc", ".swift", ".pl",
            ".r", ".bicep")  # fmt: skip
_FORMATS = ("fmt.Sprintf", "Sprintf", "String.format", "string.Format", "sprintf")
_JOINS = ("+", "++", "then", "else")  # before or behind a list that is a part of one


@dataclass
class _List:
    """The texts between two brackets; `fresh` while the next text begins an item."""

    words: list[Word] = field(default_factory=list)
    label: str = ""  # the name that it is given to
    part: bool = False  # of a longer list
    fresh: bool = True
    formats: bool = False  # a call that fills in its first text

    def add(self, word: Word) -> None:
        """Take in a text; what is added to one before it makes that one unknown."""
        if self.fresh:
            self.words.append(word)
        elif self.words:
            self.words[-1] = self.words[-1].with_text(self.words[-1] + word)
        self.fresh = False

    def formatted(self, word: Word) -> None:
        """Take in a text that a call fills in, the name of which stands there already."""
        if self.words and self.words[-1] == UNKNOWN:
            self.words.pop()
            self.fresh = True
        self.add(word)

    def other(self) -> None:
        """Something that is no text: a name, a call."""
        if self.fresh:
            self.words.append(Word(UNKNOWN))
        elif self.words:
            self.words[-1] = self.words[-1].with_text(self.words[-1] + UNKNOWN)
        self.fresh = False


def read_program(document: Document) -> Reading:
    """The server's images, command lines and lists of flags among the texts of a program."""
    lists, texts = _gathered(document.text)
    gather_maps(texts, document)
    reading = read_objects(document)
    met = words_of_objects(reading)
    reading.counts.pop("images", None)  # they are counted as texts
    images = [word for word in texts if OFFICIAL in word and not re.search(r"\s|^https?:", word) and not is_path(word)]
    reading.counts["images"] += sum(len(IMAGE_IN_JSON.findall(word)) for word in texts if "\n" in word)
    for image in images:
        reading.counts["images"] += 1
        reading.findings += check_image(str(image), document.text.path, image.line)
    for word in texts:
        inside = read_text_within(word, document)
        reading.add(inside)
        if not inside.understood and " " in word.strip() and _is_line_of_flags(word) and is_server("", word.split()):
            lists.append(_List([word.with_text(part) for part in word.split()]))
    for each in (each for each in lists if not met & words_of_list(each.words)):
        reading.add(_read_list(each, images, document))
    return reading


def _is_line_of_flags(text: str) -> bool:
    """True for a text of flags, each with one value behind it at most; in a sentence words follow one another."""
    words = text.split()
    values = [not word.startswith("-") for word in words]
    return words[0].startswith("--") and not any(first and second for first, second in pairwise(values))


def _read_list(each: _List, images: list[Word], document: Document) -> Reading:
    path, words = document.text.path, each.words
    if any(BINARY in word and " " in word.strip() for word in words):
        return Reading()  # a text among them was read as a line
    if run_arguments(words) is not None:
        return read_docker_run(words, document)
    if len(words) > 1 and re.fullmatch(f"{ENGINES}|{NAMED}", words[0]) and re.match(r"(run|-)\S*\s", words[1]):
        line = words[1].with_text(f"{words[0]} {words[1]}")  # .NET takes a program's arguments as one text
        return read_text_within(line, document)
    flags = [word for word in words if word.startswith("-")]
    if words[0] == PACKAGE and words[1:2] == [UNKNOWN]:  # spawn("...", [...])
        hit = finding("binary-misspelt", path, words[0].line, word=PACKAGE, package=" (its package is called so)")
        return Reading(findings=[hit], counts=Counter({"command lines": 1}))
    first = next((word for nth, word in enumerate(words) if is_server_word(word) or is_misnamed(words, nth)), None)
    as_args = bool(images) and "arg" in each.label.lower()
    if not flags or (first is None and (words[0] != flags[0] or not is_server("", flags))):
        return Reading()
    partial = each.part or UNKNOWN in words
    if images and (first is None or as_args):
        image = str(images[0])
        place = Place(True, is_official(image), image=image, hidden_mounts=True)
        return launch(Start(path, flags[0].line, image, None, words, place=place, open_environment=True,
                            partial=partial))  # fmt: skip
    behind = [Word(word, getattr(word, "line", None)) for word in after_binary(words) if word is not first]
    entry = first or Word(BINARY, flags[0].line)
    return launch(Start(path, entry.line, "", [entry], behind, {}, Place(folder=document.folder), partial=partial))


def _gathered(text: Text) -> tuple[list[_List], list[Word]]:
    """The lists of texts between brackets, inner ones first, and every text."""
    lists: list[_List] = []
    joined = JoinedTexts()
    stack, label, before = [_List()], "", ""
    for kind, word in tokens(text):
        joined.add(kind, word)
        if kind in ("text", "long"):
            stack[-1].add(word)
        elif kind == "open":
            stack.append(_List(label=label, part=before in _JOINS, formats=before in _FORMATS))
        elif kind == "close":
            ended = stack.pop() if len(stack) > 1 else _List()
            if ended.formats and ended.words:
                stack[-1].formatted(ended.words[0])
            else:
                lists += [ended] if ended.words else []
                stack[-1].other()
        elif kind == "comma":
            stack[-1].fresh = True
        elif word not in ("+", ":", ";", "<", ">"):
            stack[-1].other()
            label = word if re.fullmatch(r"\w+:?", word) and before != ")" else label
        if before == ")" and word in _JOINS and lists:
            lists[-1].part = True
        before = ")" if kind == "close" else str(word)
    return [each for each in lists if any(word.strip("$…") for word in each.words)], joined.texts
