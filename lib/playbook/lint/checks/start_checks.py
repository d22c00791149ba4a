"""What is said of a start beside its flags: variables that stay as they are written, and those that nobody reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from playbook.lint.checks.command import ENTRYPOINT_SCRIPT, is_official, is_server_word
from playbook.lint.checks.containers import TOOLS
from playbook.lint.checks.over_entrypoint import named_over
from playbook.lint.checks.reading import Reading
from playbook.lint.checks.start import Start
from playbook.lint.forms.letters import printed_dash
from playbook.lint.forms.shell_calls import is_shell
from playbook.lint.forms.simple import Simple
from playbook.lint.forms.text import Word, expand, is_unknown, line_of, place_of

_KEY = "GOOGLE_APPLICATION_CREDENTIALS"
_LITERAL = re.compile(r"\$\{\w+[^}]*\}|\$[A-Za-z_]\w*")
_KUBERNETES = re.compile(r"(?<!\$)\$\((\w+)\)")  # `$$(NAME)` is `$(NAME)` as it stands
_IMAGES_OWN = {"MODEL_BASE_PATH": "/models"}  # set in the official image
_FILL_IN = (".tf", ".tfvars", ".hcl", ".nomad")  # whose language fills in `${...}` itself
OTHER_PROGRAMS = ("python", "python3", "pip", "pip3", "node", "java", "curl", "wget", "git", "aws", "gsutil")


def check_entry(start: Start, reading: Reading) -> Start:
    """A flag where the entrypoint's program belongs; an entrypoint that is called with its own name behind it.

    Returns the start as it is meant.
    """
    start = _as_called(start, reading)
    named = (start.args or [Word("")])[0]
    again = start.entry is None and named.endswith("/" + ENTRYPOINT_SCRIPT) and named in start.scripts
    twice = is_server_word(named) and is_server_word((start.entry or [Word("")])[-1])
    if (again or twice) and not is_of_image(start, named):
        reading.report(
            "cmd-over-entrypoint", *place_of(named, start.path, start.line), **named_over(named, start.place)
        )
    word = (start.entry or [Word("")])[0]
    if not (word.startswith("-") or printed_dash(word)) or start.partial:
        return start
    where, right = "ENTRYPOINT", "Write the flags as CMD, behind the image's own ENTRYPOINT."
    if not start.place.dockerfile and not start.place.built:
        where, right = "entrypoint", "Write the flags as the command."
    if start.kubernetes:
        where, right = "command", "Write the flags as args, which stand behind the image's own entrypoint."
    reading.report("program-is-flag", *place_of(word, start.path, start.line), word=word, where=where, right=right)
    behind_script = is_official(start.image) and not any(ENTRYPOINT_SCRIPT in path for path in start.scripts)
    return replace(start, entry=None, args=[*(start.entry or ()), *start.args]) if behind_script else start


def _as_called(start: Start, reading: Reading) -> Start:
    """The start by the image's own script, where its name is misspelt, which is said."""
    word = (start.entry or [Word("")])[0]
    name = word.rpartition("/")[2]
    path = start.place.absolute(word)
    held = any(mount.rest_of(path) is not None for mount in start.place.mounts) or path in start.scripts
    if not is_official(start.image) or held or name == ENTRYPOINT_SCRIPT or not _like_script(name):
        return start
    reading.report("entrypoint-not-there", *place_of(word, start.path, start.line), word=word)
    return replace(start, entry=None, args=[*(start.entry or [])[1:], *start.args])


def _like_script(name: str) -> bool:
    return bool(get_close_matches(name, [ENTRYPOINT_SCRIPT], cutoff=0.9))


_BRING = {"install", "add", "cp", "tar", "source", "."}


def is_of_image(start: Start, word: Word) -> bool:
    """True for a word of the Dockerfile behind an image that is run here: what is said of it is said there."""
    return bool(start.place.dockerfile) and line_of(word) is None


def check_program(start: Start, word: Word, reading: Reading) -> None:
    """A program beside the server that a container of its image is to run, and that the image lacks."""
    reading.passed = f"it starts {word.rpartition('/')[2]}"
    _check_tool(start, word, reading, "The container")


def check_tools(start: Start, commands: Sequence[Simple], reading: Reading) -> None:
    """The first program that a script beside the server calls, and that the image lacks where nothing installs it.

    Of an image that is built here and run elsewhere, its Dockerfile tells.
    """
    before = set[str]()
    for words in (each.words for each in commands if each.words and not start.place.dockerfile):
        if words[0].rpartition("/")[2] in TOOLS and not before & _BRING:
            _check_tool(start, words[0], reading, "The script")
            return
        before |= {*words}


def _check_tool(start: Start, word: Word, reading: Reading, who: str) -> None:
    tool = word.rpartition("/")[2]
    has = "devel" in start.image or (tool == "curl" and "gpu" in start.image)
    bare = re.escape(tool.rstrip("3"))
    brought = re.search(
        rf"\b(?:install|add)\b[^&|;]*\b{bare}|\bconda|COPY --from", start.reading
    )  # by a Dockerfile's steps
    if is_official(start.image) and not (has or brought):
        reading.report("tool-not-in-image", start.path, word.line or start.line, who=who, tool=tool,
                       image=start.image, remedy=f"Use an image that has {tool}, or one built with it.")  # fmt: skip


def check_literals(start: Start, reading: Reading) -> None:
    """`${NAME}` where no shell reads the word, and `$(NAME)` of a variable that the pod does not set."""
    words = [*(start.entry or ()), *start.args]
    if words and any(is_shell(word) for word in words[:2]):
        return
    listed = any(word.startswith("--model_config_file=") for word in words)
    for word in words:
        if listed and word.startswith(("--model_name=", "--model_base_path=")):
            continue  # the server takes neither beside a list, which is said
        line = word.line or start.line
        literal = _LITERAL.search(word) if word.raw and not start.filled else None
        if literal and not (literal.group().startswith("${") and start.path.endswith(_FILL_IN)):
            why, remedy = "the exec form runs without a shell", "Write the value, or use the shell form with exec."
            if start.kubernetes:
                name = literal.group().strip("${}").partition(":")[0]
                why = "no shell reads it"
                remedy = f"Kubernetes fills in $({name}), in round brackets, of a variable in env."
            elif (name := literal.group().strip("${}").partition(":")[0]) in start.for_shell:
                why, remedy = "no shell reads it", f"Write ${{{name}}}, which compose fills in, or run it by sh -c."
            words_ = {"word": literal.group(), "why": why, "remedy": remedy}
            reading.report("literal-variable", start.path, line, **words_)
        for name in _KUBERNETES.findall(word) if start.kubernetes and not start.open_environment else ():
            if name not in start.environment:
                reading.report("literal-variable", start.path, line, word=f"$({name})", why=f"env does not set {name}",
                               remedy=f"Add {name} to the container's env.")  # fmt: skip


def with_literals(start: Start) -> Start:
    """The start with the values of variables that stay as they are written, which is said: the rest is as meant."""
    words = [*(start.entry or ()), *start.args]
    if start.filled or any(is_shell(word) for word in words[:2]):
        return start
    known = {name: str(value) for name, value in start.environment.items() if not is_unknown(value)}
    if is_official(start.image) and not start.open_environment:
        known = {**_IMAGES_OWN, **known}
    fill = lambda each: each.with_text(expand(each, known)) if each.raw and "$" in each else each  # noqa: E731
    return replace(start, entry=start.entry and [fill(each) for each in start.entry],
                   args=[fill(each) for each in start.args])  # fmt: skip


def check_key(start: Start, reading: Reading) -> None:
    """A key of Google's that the server is to read, at a path where nothing is mounted."""
    path, place = start.environment.get(_KEY) or Word(""), start.place
    words = [*(start.entry or ()), *start.args, *start.environment.values()]
    asks = any("gs://" in word or "--model_config_file" in word for word in words)
    known = path.startswith("/") and not is_unknown(path) and place.whole and place.closed and not place.hidden_mounts
    if asks and known and not path.startswith("/var/run/secrets/") and not any(place.over(path)):
        reading.report("key-not-mounted", start.path, path.line or start.line, name=_KEY, path=path)


def is_replaced(start: Start) -> bool:
    """True where another script stands in the place of the image's."""
    return any(mount.target == "/usr/bin/" + ENTRYPOINT_SCRIPT for mount in start.place.mounts)
