"""Models that texts ask a server for by the name that it has among the containers beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from playbook.lint.checks.asked_models import models_of
from playbook.lint.checks.client_programs import lines_said
from playbook.lint.checks.command import Command
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.rules.findings import Finding, finding

_URL = re.compile(r"https?://([A-Za-z0-9][\w.-]*):\d{2,5}/v1/models/([\w.-]*\w)(?=[/:\"'\s`)]|$)")
_PLACEHOLDER = re.compile(r"(?i:(your|the|some)?[_-]?(model)?[_-]?name|your.*|x+)|[A-Z_]+")
_COMES_LATER = re.compile(r"ReloadConfigRequest|HandleReloadConfig|reload_config")


def check_names_asked(
    texts: Iterable[Text], judged: Sequence[tuple[Command, Mapping[str, Text]]], said: Iterable[Finding]
) -> Iterator[Finding]:
    """Requests by a server's name for a model that it does not have; `said` are those of which that is said."""
    held, models = [*texts], dict[str, set[str] | None]()
    for command, files in judged:
        for name in command.called:
            own = models_of(command, files)
            models[name] = own if models.get(name, own) == own else None  # two compose files, each with its own
    places = {(hit.path, hit.line) for hit in said if hit.rule == "client-wrong-model"}
    if not any(models.values()) or any(_COMES_LATER.search(text.content) for text in held):
        return
    for text in held:
        for number, line in lines_said(text):
            for host, model in _URL.findall(line):
                served = models.get(host)
                if served and model not in served and not (_PLACEHOLDER.fullmatch(model) or is_unknown(model)) \
                        and (text.path, number) not in places:  # fmt: skip
                    words = {"name": "This request", "model": model, "served": ", ".join(sorted(served))}
                    yield finding("client-wrong-model", text.path, number, **words)
