"""Adapt: when load moves, does changing the batching parameters live beat every fixed choice?"""

from playbook.adapt.contest import stage
from playbook.adapt.demonstration import keep_seconds, play, results
from playbook.adapt.views import changes_table, stage_table, table, timeline
from playbook.adapt.words import verdict, warnings

__all__ = [
    "changes_table",
    "keep_seconds",
    "play",
    "results",
    "stage",
    "stage_table",
    "table",
    "timeline",
    "verdict",
    "warnings",
]
