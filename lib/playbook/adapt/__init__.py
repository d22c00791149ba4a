"""Adapt: when load moves, does changing the batching parameters live beat every fixed choice?"""

from playbook.adapt.choices import prepare
from playbook.adapt.demonstration import keep_seconds, play
from playbook.adapt.findings import results
from playbook.adapt.views import changes_table, choices_table, table, timeline
from playbook.adapt.words import verdict, warnings

__all__ = [
    "changes_table",
    "choices_table",
    "keep_seconds",
    "play",
    "prepare",
    "results",
    "table",
    "timeline",
    "verdict",
    "warnings",
]
