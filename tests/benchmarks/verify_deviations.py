"""`playbook verify` against each seeded deviation alone: the question that must find it does, and no other.

`python tests/benchmarks/verify_deviations.py [NAME ...]`; half a minute each; exits 1 on a miss. The unit test has all
of them in one server.
"""

from __future__ import annotations

import sys
from pathlib import Path

HELPERS = Path(__file__).resolve().parents[1] / "helpers"
sys.path.insert(0, str(HELPERS))
from deviant_server import FIND  # noqa: E402

from playbook.verify import asking, verify  # noqa: E402
from playbook.verify.asking import DIFFERS  # noqa: E402
from playbook.verify.places import ProcessPlace  # noqa: E402
from playbook.verify.setups import SETUPS  # noqa: E402


def found(deviation: str) -> list[str]:
    """The questions whose answer differs."""
    place = ProcessPlace([sys.executable, str(HELPERS / "deviant_server.py"), deviation], SETUPS)
    try:
        quick = [question for question in verify.QUESTIONS if question.area != "costs"]
        return [answer.name for answer in asking.ask_all(quick, place) if answer.answer == DIFFERS]
    finally:
        place.close()


def main(*names: str) -> int:
    """Print a line a deviation; the number of those not found as they should be."""
    missed = 0
    for name in names or FIND:
        seen = found(name)
        missed += seen != [FIND[name]]
        print(f"{name:<18} {'found' if seen == [FIND[name]] else 'MISSED'}: {', '.join(seen) or 'nothing'}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(min(1, main(*sys.argv[1:])))
