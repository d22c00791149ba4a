"""`make fuzz ARGS=lint-pairs`: every pair of faults in one text of each form; exit 1 where one hides the other."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from lint_pairs import forms, hidden, pairs


def main() -> int:
    """Try all pairs; prints what is hidden by what."""
    wrong = total = 0
    for form, texts, faults in forms():
        alone, both = pairs(texts, faults)
        gone = [each for pair in both for each in sorted(hidden(texts, pair, alone, faults))]
        wrong, total = wrong + len(gone), total + len(both)
        print(
            f"{form}: {len(both)} pairs, silent alone: {', '.join(name for name in alone if not alone[name]) or 'none'}"
        )
        for one, other, rule in gone:
            print(f"  {one} hides {rule} of {other}")
    print(f"{total:,} pairs, {wrong} hidden.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
