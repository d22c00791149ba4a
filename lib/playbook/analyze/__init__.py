"""Analyze: where does the time go, what is the bottleneck, what changes against the last record?"""

from playbook.analyze.analysis import Promise, results, verdict, warnings

__all__ = [
    "Promise",
    "results",
    "verdict",
    "warnings",
]
