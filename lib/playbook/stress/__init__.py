"""Stress: how many requests a second before p99 passes the limit?"""

from playbook.monitor.monitor import watching
from playbook.serve.handle import Handle
from playbook.stress.levels import passport_table, results, table, verdict, warnings
from playbook.stress.load import load_of
from playbook.stress.stress import bench, find_max_rate, passport, sweep

__all__ = [
    "Handle",
    "bench",
    "find_max_rate",
    "load_of",
    "passport",
    "passport_table",
    "results",
    "sweep",
    "table",
    "verdict",
    "warnings",
    "watching",
]
