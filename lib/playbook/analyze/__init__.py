"""Analyze: where does the time go, what is the bottleneck, what changes against the last record?"""

from playbook.analyze.analysis import Prices, results, verdict, warnings
from playbook.analyze.expense import stage
from playbook.analyze.views import capacity_table, ledger_table
from playbook.progress import begin
from playbook.promise import Promise

__all__ = [
    "Prices",
    "Promise",
    "begin",
    "capacity_table",
    "ledger_table",
    "results",
    "stage",
    "verdict",
    "warnings",
]
