"""Serve: is it up, with the configuration I meant, and does it answer the same numbers as the model?"""

from playbook.progress import begin
from playbook.serve.answers import parity, protocols
from playbook.serve.client import available_version
from playbook.serve.cores import on_cores, split_cpus
from playbook.serve.expense import stage
from playbook.serve.serve import start, stop_all
from playbook.serve.spec import from_parameters
from playbook.serve.words import results, verdict, warnings
from playbook.tfserving.reference import Reference

__all__ = [
    "Reference",
    "available_version",
    "begin",
    "from_parameters",
    "on_cores",
    "parity",
    "protocols",
    "results",
    "split_cpus",
    "stage",
    "start",
    "stop_all",
    "verdict",
    "warnings",
]
