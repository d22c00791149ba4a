"""The command a user types, and a parameters file for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PLAYBOOK = str(Path(sys.executable).parent / "playbook")
SMOKE = Path(__file__).parent / "smoke.yml"


def playbook(*words: object, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PLAYBOOK, *map(str, words)], capture_output=True, text=True, timeout=timeout_s)
