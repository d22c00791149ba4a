"""The console script `playbook`: each command is a few lines around one function of the library."""

from playbook.cli.app import app
from playbook.cli.entry import main

__all__ = ["app", "main"]
