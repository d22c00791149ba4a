"""Where `playbook` begins: it imports next to nothing before it hears Ctrl-C."""

from __future__ import annotations

import sys

from playbook.cli.ctrl_c import INTERRUPTED, SAID, importing


def main() -> None:
    """Entry point of the console script: import the commands, then run the one that is asked for."""
    try:
        with importing():
            from playbook.cli import entry
        entry.main()
    except KeyboardInterrupt:
        print(SAID, file=sys.stderr)
        sys.exit(INTERRUPTED)
