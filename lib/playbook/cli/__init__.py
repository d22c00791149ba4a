"""The console script `playbook`: each command is a few lines around one function of the library.

`entry` holds the application with all commands; nothing of it is imported with this package (`start` says why).
"""

from playbook.cli.start import main

__all__ = ["main"]
