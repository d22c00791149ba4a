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
from playbook.verify.asking import COULD_NOT, DIFFERS  # noqa: E402
from playbook.verify.places import ProcessPlace  # noqa: E402
from playbook.verify.setups import SETUPS  # noqa: E402


def found(deviation: str) -> dict[str, list[str]]:
    """The questions whose answer differs, and those that could not be put."""
    place = ProcessPlace([sys.executable, str(HELPERS / "deviant_server.py"), deviation], SETUPS)
    try:
        quick = [question for question in verify.QUESTIONS if question.area != "costs"]
        answers = list(asking.ask_all(quick, place))
    finally:
        place.close()
    return {word: [answer.name for answer in answers if answer.answer == word] for word in (DIFFERS, COULD_NOT)}


def main(*names: str) -> int:
    """Print a line a deviation; the number of those not found as they should be."""
    missed = 0
    for name in names or FIND:
        seen = found(name)
        is_found = seen[DIFFERS] == [FIND[name]]
        missed += not is_found
        unasked = f" (could not ask {', '.join(seen[COULD_NOT])})"
        print(
            f"{name:<18} {'found' if is_found else 'MISSED'}: {', '.join(seen[DIFFERS]) or 'nothing'}{unasked}",
            flush=True,
        )
    return missed


if __name__ == "__main__":
    sys.exit(min(1, main(*sys.argv[1:])))
