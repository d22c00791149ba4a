"""Warm-up: what do the first requests cost cold, and does warm-up really remove that?"""

from playbook.progress import begin
from playbook.serve.alive import check_alive
from playbook.serve.handle import Handle
from playbook.serve.spec import from_parameters
from playbook.tfserving.reference import Reference
from playbook.tfserving.warmup_file import read
from playbook.tfserving.warmup_file import table as records_table
from playbook.warmup.coldstart import ColdStartPlan, check_applied, measure, planned, stage
from playbook.warmup.views import figure, results, table, verdict, warnings

__all__ = [
    "ColdStartPlan",
    "Handle",
    "Reference",
    "begin",
    "check_alive",
    "check_applied",
    "figure",
    "from_parameters",
    "measure",
    "planned",
    "read",
    "records_table",
    "results",
    "stage",
    "table",
    "verdict",
    "warnings",
]
