"""The rules in words: one explained in the terminal, or all of them as the page docs/lint-rules.md."""

from __future__ import annotations

import re
from difflib import get_close_matches

from playbook.errors import ParameterError
from playbook.lint.rules.findings import GROUPS, RULES, Rule
from playbook.lint.rules.told import TOLD

ALL = "all"
MEANS = {
    "error": "the server ends, never answers on one of its ports, or the platform refuses the text",
    "warning": "a setting is lost, or does harm while the server runs",
    "note": "advice",
}
_HEAD = """# What playbook lint knows

Written from the rule tables by `playbook lint --explain all > docs/lint-rules.md`; a test says when it is out of date.
Words in ‹brackets› are filled in from what was read. An **error** ends the server, keeps it or one of its ports from
ever answering, or is refused by the platform; a **warning** is a setting that is lost or does harm while the server
runs; a **note** is advice. Exit codes: 0 read and clean (notes aside), 1 warnings, 2 errors, 3 nothing was read.

**The law**: over command lines, config files and version folders mutated from good ones, lint reports an error exactly
when the embedded server ends at its start or never serves what it was told to. `make fuzz ARGS=lint` tries it; on 28
November 2026, with seed 290001, 10,000 configurations (5,903 came up) gave no disagreement. What texts of other people
hold is another matter: tests/unit/lint/corpus/README.md tells how lint fared on them at first sight.
"""


def explain(name: str) -> str:
    """One rule in words, or the whole page for "all".

    Raises:
        ParameterError: no rule of this name; names the nearest.
    """
    if name == ALL:
        return page()
    rule = RULES.get(name)
    if rule is None:
        near = get_close_matches(name, RULES, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "playbook lint --explain all lists them."
        raise ParameterError(f"No rule {name!r}: {hint}")
    lines = (f"{rule.id} ({rule.severity}: {MEANS[rule.severity]})", in_words(rule.message),
             f"What to do: {what_to_do(rule)}")  # fmt: skip
    return "\n\n".join(lines) + f"\nSource: {rule.source}"


def what_to_do(rule: Rule) -> str:
    """The remedy in words; for rules whose findings bring their own, what those come to."""
    return TOLD.get(rule.id) or in_words(rule.remedy)


def page() -> str:
    """All rules as Markdown, group by group."""
    parts = [_HEAD]
    for title, rows in GROUPS.items():
        parts.append(f"\n## {title}\n")
        parts += [_entry(Rule(*row)) for row in rows]
    return "\n".join(parts)


def _entry(rule: Rule) -> str:
    return f"- **`{rule.id}`** ({rule.severity}) {in_words(rule.message)} {what_to_do(rule)} *({rule.source})*"


def in_words(template: str) -> str:
    """A template with its fields in brackets."""
    filled = re.sub(r"(?<!\{)\{(\w+)[^{}]*\}(?!\})", r"‹\1›", template)
    return filled.replace("{{", "{").replace("}}", "}")
