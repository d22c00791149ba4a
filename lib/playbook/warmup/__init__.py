"""Warm-up: what do the first requests cost cold, and does warm-up really remove that?"""

from playbook.serve.alive import check_alive
from playbook.serve.handle import Handle
from playbook.serve.spec import from_parameters
from playbook.tfserving.reference import Reference
from playbook.tfserving.warmup_file import read
from playbook.tfserving.warmup_file import table as records_table
from playbook.warmup.coldstart import ColdStartPlan, check_applied, measure, plan_words, planned
from playbook.warmup.views import figure, results, table, verdict, warnings

__all__ = [
    "ColdStartPlan",
    "Handle",
    "Reference",
    "check_alive",
    "check_applied",
    "figure",
    "from_parameters",
    "measure",
    "plan_words",
    "planned",
    "read",
    "records_table",
    "results",
    "table",
    "verdict",
    "warnings",
]
