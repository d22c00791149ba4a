"""Serve: is it up, with the configuration I meant, and does it answer the same numbers as the model?"""

from playbook.serve.answers import parity
from playbook.serve.client import available_version
from playbook.serve.cores import split_cpus
from playbook.serve.serve import start, stop_all
from playbook.serve.spec import from_parameters
from playbook.serve.words import results, verdict, warnings
from playbook.tfserving.reference import Reference

__all__ = [
    "Reference",
    "available_version",
    "from_parameters",
    "parity",
    "results",
    "split_cpus",
    "start",
    "stop_all",
    "verdict",
    "warnings",
]
