"""`make fuzz ARGS="lint-texts 3000"`: that many drawn projects of several files and faults; exit 1 where lint is wrong.

Of each kind of disagreement the least project that still shows it is printed, for the first seed that met it.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from lint_projects.judging import least, tried

AT_ONCE = 250


def main(count: int, seed: int) -> int:
    """Try that many projects from a seed on; prints the disagreements by kind."""
    begun, faults = time.monotonic(), 0
    kinds: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number in range(seed, seed + count):
        drawn, wrong = tried(number)
        faults += len(drawn.faults)
        for each in wrong:
            kinds[each, drawn.form].append(number)
            if len(kinds[each, drawn.form]) == 1:
                print(least(number, each), flush=True)
        if (number - seed + 1) % AT_ONCE == 0:
            print(f"{number - seed + 1:,} of {count:,}, {len(kinds)} kinds of disagreement", flush=True)
    for (what, form), seeds in sorted(kinds.items(), key=lambda item: -len(item[1])):
        print(f"{len(seeds)} x {what} ({form}; seeds {', '.join(map(str, seeds[:5]))})")
    seconds = time.monotonic() - begun
    total = sum(map(len, kinds.values()))
    print(f"{count:,} projects, {faults:,} faults, {total} disagreements, {seconds:.0f} s (seed {seed}).")
    return 1 if kinds else 0


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sys.exit(main(given[0] if given else 3_000, given[1] if len(given) > 1 else 1))
