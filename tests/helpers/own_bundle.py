"""What `playbook lint` says of the bundle that docker/'s templates make: `python tests/helpers/own_bundle.py`.

The templates themselves hold names to be filled; here they are filled with the numbers of a made-up record first.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import deployable_run

from playbook import deploy


def main() -> int:
    """The exit code of `playbook lint` over the bundle."""
    with tempfile.TemporaryDirectory() as folder:
        run = deployable_run.make(Path(folder) / "run")
        deploy.write(deploy.plan_of(run, deploy.IMAGE, deploy.Demand(2000.0)))
        command = [str(Path(sys.executable).with_name("playbook")), "lint", str(run / "deploy")]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
