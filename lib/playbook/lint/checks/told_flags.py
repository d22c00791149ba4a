"""What texts tell of flags: those a config file is read under that no command names, and those of another server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from playbook.lint.checks.command import Command
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding

_FORK = re.compile(r"github\.com/(?!tensorflow/)[\w.-]+/serving\b")
_EARLY, _POLL = "allow_version_labels_for_unavailable_models", "file_system_poll_wait_seconds"


def read_under(text: Text, commands: Sequence[Command], texts: Iterable[Text]) -> Command | None:
    """The flags that lists of models are read under by any command here, or by what the text around them tells."""
    told = any(each.path == text.path and f"{_EARLY}=true" in each.content for each in texts)
    given = {_EARLY: "true"} if told or any(command.on(_EARLY) for command in commands) else {}
    polls = {command.given[_POLL] for command in commands if _POLL in command.given}
    given |= {_POLL: min(polls)} if len(polls) == 1 else {}
    return Command((), given=given) if given else None


def without_forks(hits: Iterable[Finding], texts: Iterable[Text]) -> list[Finding]:
    """The findings without the unknown flags of a document that has somebody's own TensorFlow Serving built."""
    own = {text.path for text in texts if text.path.lower().endswith((".md", ".rst")) and _FORK.search(text.content)}
    return [hit for hit in hits if hit.rule != "unknown-flag" or hit.path not in own]
