"""A server's own command among a shell's: its words, and whether more of them may stand elsewhere."""

from __future__ import annotations

import re
from itertools import pairwise

from playbook.lint.checks.command import ENTRYPOINT_SCRIPT, OFFICIAL, Place, is_server_word
from playbook.lint.checks.launch import Start, launch
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.letters import DASHES
from playbook.lint.forms.text import Word
from playbook.lint.readers.docker_words import run_arguments
from playbook.lint.readers.entered import typed_at
from playbook.tfserving.flags import FLAGS

_BEFORE = re.compile(r"\w+=.*|sudo|exec|nohup|env|bash|sh|\$", re.DOTALL)  # what stands in front of a program
_OPTIONS = ("-", "$", "<", "[", "@", *DASHES)
# words that stand for more flags
_HANDED_ON = re.compile(r"\$[@*]|\$\{[@*]\}|\$\{?\w+(\[[@*]\])?\}?|\$\(.*\)|\[?\.\.\.\]?|[<\[][\w .-]+[>\]]")


def starts_server(words: list[Word]) -> bool:
    """True for a command that starts a server, whether or not its line is whole."""
    return any(is_server_word(word) for word in words) or run_arguments(words) is not None


def calls_script(words: list[Word]) -> bool:
    """True for a line that calls the image's own script with flags, as somebody in its container does."""
    program = next((word for word in words if not _BEFORE.fullmatch(word)), Word(""))
    return program.rpartition("/")[2] == ENTRYPOINT_SCRIPT and any(word.startswith(_OPTIONS) for word in words)


def read_script_call(words: list[Word], document: Document) -> Reading:
    """What the image's own script makes of a line that calls it, with the variables in front of it."""
    place = next(index for index, word in enumerate(words) if word.rpartition("/")[2] == ENTRYPOINT_SCRIPT)
    given = {word.partition("=")[0]: word.with_text(word.partition("=")[2]) for word in words[:place] if "=" in word}
    start = Start(document.text.path, words[place].line, OFFICIAL, None, words[place + 1 :], given,
                  Place(True, folder=document.folder), document.around.cpus, open_environment=True)  # fmt: skip
    return launch(start)


def read_process(words: list[Word], document: Document) -> Reading:
    """What a command line of the server says; nothing where its name stands in another's words, or in a sentence."""
    place = next(index for index, word in enumerate(words) if is_server_word(word))
    behind = words[place + 1 :]
    if (behind or place) and not any(word.startswith(_OPTIONS) for word in behind):
        return Reading()  # its name in another program's words, or in a sentence
    line = words[place].line
    start = Start(document.text.path, line, "", [words[place]], words[place + 1 :], {}, Place(folder=document.folder),
                  document.around.cpus)  # fmt: skip
    start.partial = any(_HANDED_ON.fullmatch(word) and not _takes_value(before)
                        for before, word in pairwise(words[place:]))  # fmt: skip
    return launch(typed_at(start, document))


def _takes_value(word: str) -> bool:
    """True for a word behind which people write a flag's value: the word there stands for no flags."""
    return word.endswith("=") or FLAGS.get(word.removeprefix("--"), "true or false") != "true or false"
