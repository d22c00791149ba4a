"""Values of a command's options: behind `=` or as the next word, several in one word or in several."""

from __future__ import annotations

from playbook.lint.forms.text import Word


def values_of(words: list[Word], name: str) -> list[Word]:
    """The values of an option, written behind `=` or as the next word."""
    given = [word.with_text(word.partition("=")[2]) for word in words if word.startswith(f"{name}=")]
    return given + [words[place + 1] for place, word in enumerate(words[:-1]) if word == name]


def divided(given: Word) -> list[Word]:
    """A value's parts, between commas or what gcloud's `^X^` in front of it names."""
    mark = given[1:].partition("^")[0] if given.startswith("^") else ","
    bare = given[len(mark) + 2 :] if given.startswith("^") else str(given)
    return [given.with_text(part) for part in bare.split(mark)]


def several(words: list[Word], name: str) -> list[Word]:
    """The values of an option that takes several words: all up to the next option."""
    begin = next((place for place, word in enumerate(words) if word == name), len(words))
    end = next((place for place in range(begin + 1, len(words)) if words[place].startswith("-")), len(words))
    return words[begin + 1 : end]
