"""What RUN's apt needs in an image whose package lists were thrown away, and that has nobody to answer it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from playbook.lint.checks.command import PACKAGE, is_official
from playbook.lint.forms.dockerfile import Instruction, continued
from playbook.lint.forms.shell import simple_commands
from playbook.lint.rules.findings import Finding, finding

# images whose own steps end with `rm -rf /var/lib/apt/lists/*`
_EMPTIED = re.compile(r"(?:docker\.io/)?(?:library/)?(?:debian|nvidia/cuda|ubuntu)(?:[:@]|$)")
_YES = re.compile(r"-[a-z]*y[a-z]*|--yes|--assume-yes|-qq|--force-yes")
_ANSWERED = re.compile(r"\byes\s*\||Assume-Yes|\bapt\.conf")

_NO_LISTS = ("no list of packages is in the image, so that apt finds none", "Write apt-get update && in front of it.")
# apt asks where more comes along than is named: nothing does with the server's own package
_NO_ANSWER = ("apt asks whether to go on, and nobody answers", "Write apt-get install -y.")


def check_packages(steps: Sequence[Instruction], base: str, shown: str) -> Iterator[Finding]:
    """The first `apt-get install` of a stage before any update, and the first that would wait for an answer."""
    if not (is_official(base) or _EMPTIED.match(base)) or any(_ANSWERED.search(step.rest) for step in steps):
        return
    updated, told = False, set[tuple[str, str]]()
    for step in steps:
        updated |= (step.word in ("COPY", "ADD") and "apt" in step.rest) or (step.word == "RUN" and bool(step.fed))
        for command in simple_commands(continued(step.rest)) if step.word == "RUN" and not step.fed else ():
            words = [str(word) for word in command.words if word != "sudo"]
            if words[:1] not in (["apt-get"], ["apt"], ["aptitude"]):
                updated |= bool(words) and words[0].endswith(".sh")  # which may do it
                continue
            updated |= "update" in words
            line = step.line + (command.line or 1) - 1
            packages = words[words.index("install") + 1 :] if "install" in words else []
            asks = any(word[0] not in "-$" and not word.startswith(PACKAGE) for word in packages)
            wrong = {_NO_LISTS: not updated, _NO_ANSWER: asks and not any(map(_YES.fullmatch, words))}
            for problem in (each for each in wrong if wrong[each] and packages and each not in told):
                told.add(problem)
                yield finding("apt-in-build", shown, line, problem=problem[0], remedy=problem[1])
