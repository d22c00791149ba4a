"""Scripts and configs that a Dockerfile's RUN prints while the image is built, and that nobody writes into a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from playbook.lint.checks.command import BINARY
from playbook.lint.checks.config_kinds import is_config, kind_of
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.dockerfile import Instruction, continued
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.text import Text
from playbook.lint.readers.image_files import output_of


def read_printed(steps: list[Instruction], document: Document) -> Reading:
    """What is lost by being printed alone, and what is said of it as it was meant."""
    reading, path = Reading(), document.text.path
    for step in steps:
        for text in _printed(step, document) if step.word == "RUN" and not step.fed and not step.words() else ():
            script = text.content.lstrip().startswith("#!")
            if script and BINARY in text.content:
                what, effect = "a script that starts the server", "what is started is another one, without these flags"
                meant = document.read_as("shell", text)
                meant.commands = [replace(each, partial=True) for each in meant.commands]
                meant.findings = [hit for hit in meant.findings if hit.rule != "not-understood"]
                reading.add(meant)
            elif not script and is_config(text.content):
                what, effect = "a config file", "no server sees it"
                reading.configs.append((kind_of(text.content) or "", text))
            else:
                continue
            reading.report("printed-not-written", path, document.text.line(step.line), what=what, effect=effect)
    return reading


def _printed(step: Instruction, document: Document) -> Iterator[Text]:
    """What the echo and printf of a RUN print, where no file and no other program takes it."""
    commands = [*simple_commands(continued(step.rest), {}, document.text.line(step.line) or 1)]
    taken = any(command.target and not command.words for command in commands)  # `( ... ) > FILE`
    for place, command in enumerate(commands if not taken else ()):
        following = commands[place + 1].words[:1] if place + 1 < len(commands) else []
        piped = bool(following) and "|" in step.rest and following[0] not in ("echo", "printf")
        if command.words[:1] in (["echo"], ["printf"]) and command.target is None and not piped:
            yield output_of(command, document.text.path, step)
