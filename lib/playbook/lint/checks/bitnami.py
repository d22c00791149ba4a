"""Bitnami's image of the server: it has variables and a folder of its own, and reads none of the official image's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from playbook.lint.checks.environment import instead_of
from playbook.lint.forms.text import place_of
from playbook.lint.rules.findings import Finding, finding

_IMAGE = re.compile(r"(?:[\w.-]+/)?bitnami(?:legacy)?/tensorflow-serving(?:[:@].*)?")
_FOLDER = "/bitnami/model-data"
_INSTEAD = {
    "MODEL_NAME": "Write TENSORFLOW_SERVING_MODEL_NAME={value}, and put the model into " + _FOLDER + ".",
    "MODEL_BASE_PATH": "Put the model into " + _FOLDER + "; {value} is looked into by nobody.",
}


def is_bitnami(image: str) -> bool:
    """True for the image of the server that Bitnami makes."""
    return bool(_IMAGE.fullmatch(image))


def check_bitnami(image: str, environment: Mapping[str, str], shown: str, line: int | None) -> Iterator[Finding]:
    """The official image's variables, given to Bitnami's."""
    for name, value in environment.items() if is_bitnami(image) else ():
        if name not in _INSTEAD:
            continue
        path, at = place_of(value, shown, line)
        why = f"Bitnami's image reads TENSORFLOW_SERVING_MODEL_NAME, and looks for the model in {_FOLDER}"
        hint = _INSTEAD[name].format(value=value) if value else instead_of(name, value)
        yield finding("env-nobody-reads", path, at, name=name, why=why, hint=hint)
