"""Stress: how many requests a second before p99 passes the limit?"""

from playbook.monitor.monitor import watching
from playbook.progress import begin
from playbook.serve.cores import on_cores
from playbook.serve.handle import Handle
from playbook.stress.expense import stage
from playbook.stress.levels import doubts, passport_table, results, table, verdict, warnings
from playbook.stress.load import load_of
from playbook.stress.neighbours import disturbance
from playbook.stress.schedule import planned
from playbook.stress.stress import bench, find_max_rate, passport, request_ms, sweep

__all__ = [
    "Handle",
    "begin",
    "bench",
    "disturbance",
    "doubts",
    "find_max_rate",
    "load_of",
    "on_cores",
    "passport",
    "passport_table",
    "planned",
    "request_ms",
    "results",
    "stage",
    "sweep",
    "table",
    "verdict",
    "warnings",
    "watching",
]
