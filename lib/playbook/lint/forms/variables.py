"""Files of variables, one `NAME=VALUE` a line, as compose and docker read them, and texts that they are filled into."""

from __future__ import annotations

import re
from collections.abc import Mapping

from playbook.lint.forms.text import Text, Word

_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s?(.*?)\s*$")
_QUOTED = re.compile(r"""^(['"])(.*?)\1(?:\s+#.*)?$""")
_USED = re.compile(r"\$\$|\$\{(\w+)(?:(:?[-?+])((?:[^{}]|\{[^{}]*\})*))?\}|\$([A-Za-z_]\w*)")


def variables(text: Text, quotes: bool = True) -> dict[str, Word]:
    """The variables of a file, each at its place; `quotes` around a value are compose's, and docker keeps them."""
    found: dict[str, Word] = {}
    for number, line in enumerate(text.content.split("\n"), 1):
        match = _LINE.match(line)
        if match is None:
            continue
        quoted = _QUOTED.match(match[2]) if quotes else None
        value = quoted[2] if quoted else re.sub(r"\s+#.*$", "", match[2]) if quotes else match[2]
        found[match[1]] = Word(value, text.line(number), path=text.path)
    return found


def interpolated(text: str, values: Mapping[str, str]) -> str:
    """A text as compose reads it: `${NAME}`, `$NAME`, `${NAME:-default}` filled in; `$$` and unknown ones stay."""

    def fill(match: re.Match) -> str:
        name, form, default = match[1] or match[4], match[2] or "", match[3]
        value = values.get(name) if name else None
        if form.endswith("+"):
            return default if value else match.group()
        if value is not None and (value or not form.startswith(":")):
            return value
        return interpolated(default, values) if form.endswith("-") else match.group()

    return _USED.sub(fill, text)
