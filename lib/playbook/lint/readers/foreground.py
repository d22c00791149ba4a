"""A script that starts its server in the foreground, and has lines below that are to run beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.command import is_server_word
from playbook.lint.forms.letters import DASHES
from playbook.lint.forms.simple import Simple
from playbook.lint.forms.text import Word
from playbook.lint.readers.docker_words import PROGRAMS, run_arguments
from playbook.lint.rules.findings import Finding, finding

# what asks a server, or starts what does; `stop`, `rm` and the like are for when the server has ended
_ASKS = re.compile(
    r"curl|wget|https?|grpcurl|ab|wrk|hey|k6|locust|python[\d.]*|node|npm|npx|yarn|java|ruby|php|go|flask|uvicorn|"
    r"gunicorn|hypercorn|streamlit|celery|jupyter|nginx|envoy|supervisord|kubectl|docker-compose"
)
_OF_DOCKER = ("run", "exec", "cp", "compose")
_SCRIPT = re.compile(r"\.{1,2}/\S+|\S+\.sh")
_BEFORE = re.compile(r"\w+=.*|sudo|exec|nohup|env|time|if|while|until|then|do|else|!", re.DOTALL)
_OPENS, _CLOSES = ("if", "for", "while", "until", "case", "select"), ("fi", "done", "esac")
_FUNCTION = re.compile(r"(?m)^\s*(?:function\s+\w+|[\w-]+\s*\(\s*\))")  # whose lines run when it is called
_DETACHED = re.compile(r"-[itPq]*d[a-z]*|--detach(=true)?")
_TOLD = ("--help", "--version")
_OPTIONS_ELSEWHERE = re.compile(r"\$\{?[\w@*]+(\[[@*]\])?\}?")


class Foreground:
    """The first server that a script waits for, and the first line below it that is to run while it serves."""

    def __init__(self, content: str) -> None:
        self._skips = bool(_FUNCTION.search(content))
        self._depth = 0
        self._held: tuple[Simple, str] | None = None  # the server's line, and how its pipe goes on
        self._found: tuple[Simple, Simple] | None = None

    def add(self, command: Simple, serves: bool) -> None:
        """Take in the next command; `serves`: a server was read in it."""
        first = next((word for word in command.words if word), Word(""))
        self._depth += (first in _OPENS) - (first in _CLOSES)
        if self._held is not None and self._held[1] in ("|", "||"):
            held, joint = self._held
            ends = command.end if joint == "|" or command.end == "||" else ""
            self._held = None if joint == "|" and ends == "&" else (held, ends)
            return
        if self._held is None:
            waits = serves and not self._depth and command.end not in ("&", ")") and _waits(command.words)
            self._held = (command, command.end) if waits and not self._skips else None
        elif self._found is None and (serves or (first == "exit" and not self._depth)):
            self._skips, self._held = True, None  # notes of several ways to start one
        elif self._found is None and _asks(command.words):
            self._found = self._held[0], command

    def findings(self, shown: str) -> Iterator[Finding]:
        """What is said of the script."""
        if self._found is not None:
            server, then = self._found
            docker = run_arguments(server.words) is not None
            right = "Write -d behind `run`" if docker else "End the line with &"
            words = " ".join(then.words[:3])
            yield finding("server-in-foreground", shown, server.line, then=words, line=then.line, right=right)


def _program(words: list[Word]) -> list[Word]:
    """The words from the program's name on."""
    place = next((nth for nth, word in enumerate(words) if not _BEFORE.fullmatch(word)), len(words))
    return words[place:]


def _waits(words: list[Word]) -> bool:
    """True for a line that ends when its server does."""
    words = _program(words)
    if not words or any(word in _TOLD for word in words):
        return False
    if words[0].rpartition("/")[2] in PROGRAMS:
        behind = run_arguments(words)
        apart = "create" in words[:3] or "service" in words[:3]
        others = any(_DETACHED.fullmatch(word) or _OPTIONS_ELSEWHERE.fullmatch(word) or word.startswith(DASHES)
                     for word in behind or ())  # fmt: skip
        return behind is not None and not (apart or others)
    return is_server_word(words[0])


def _asks(words: list[Word]) -> bool:
    """True for a command that asks a server, or starts a program beside it."""
    words = _program(words)
    name = words[0].rpartition("/")[2] if words else ""
    if name in PROGRAMS:
        return any(word in _OF_DOCKER for word in words[1:2])
    if name in ("bash", "sh", "source", "."):
        return len(words) > 1 and bool(_SCRIPT.fullmatch(words[1]))
    return bool(_ASKS.fullmatch(name)) or bool(_SCRIPT.fullmatch(words[0] if words else ""))
