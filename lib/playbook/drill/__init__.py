"""Drill: what happens to users when the server is swapped, flooded, starved, hung or killed?"""

from playbook.drill.findings import results, verdict, warnings
from playbook.drill.practising import practise, prepare, stage
from playbook.drill.views import drills_table, left_out_table, plan_table, there_table
from playbook.progress import begin

__all__ = [
    "begin",
    "drills_table",
    "left_out_table",
    "plan_table",
    "practise",
    "prepare",
    "results",
    "stage",
    "there_table",
    "verdict",
    "warnings",
]
