"""Prove: does the tuned configuration keep the promise at the promised rate, and how sure is that?"""

from playbook.analyze.views import ledger_table
from playbook.progress import begin
from playbook.prove.holding import hold
from playbook.prove.proof import proof_of, stage
from playbook.prove.words import both_curves, plan_table, results, verdict, warnings, windows_table
from playbook.stress.levels import doubts
from playbook.stress.levels import table as levels_table

__all__ = [
    "begin",
    "both_curves",
    "doubts",
    "hold",
    "ledger_table",
    "levels_table",
    "plan_table",
    "proof_of",
    "results",
    "stage",
    "verdict",
    "warnings",
    "windows_table",
]
