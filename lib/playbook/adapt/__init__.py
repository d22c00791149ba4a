"""Adapt: when load moves, does changing the batching parameters live beat every fixed choice?"""

from playbook.adapt.choices import prepare
from playbook.adapt.demonstration import keep_seconds, play
from playbook.adapt.expense import stage
from playbook.adapt.findings import results
from playbook.adapt.views import changes_table, choices_table, table, timeline
from playbook.adapt.words import verdict, warnings
from playbook.progress import begin

__all__ = [
    "begin",
    "changes_table",
    "choices_table",
    "keep_seconds",
    "play",
    "prepare",
    "results",
    "stage",
    "table",
    "timeline",
    "verdict",
    "warnings",
]
