"""The command a user types, and a parameters file for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PLAYBOOK = str(Path(sys.executable).parent / "playbook")
SMOKE = Path(__file__).parent / "smoke.yml"
ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "params" / "docker.yml"


def playbook(*words: object, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PLAYBOOK, *map(str, words)], capture_output=True, text=True, timeout=timeout_s, cwd=ROOT)
