"""`make fuzz ARGS=lint`: 10,000 mutated configurations, by lint and by the embedded server; exit 1 on a difference."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from lint_law import disagreements, make_model

AT_ONCE = 250


def main(count: int, seed: int) -> int:
    """Run that many cases from a seed; prints every disagreement."""
    total, differ, begun = Counter(), 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz_lint_") as name:
        root = Path(name)
        model = make_model(root / "model")
        for start in range(0, count, AT_ONCE):
            folder = root / f"part_{start}"
            counts, lines = disagreements(seed + start, min(AT_ONCE, count - start), folder, model)
            total += counts
            differ += len(lines)
            print("\n".join(lines) or f"{start + AT_ONCE:,} of {count:,} agree", flush=True)
            shutil.rmtree(folder)
    fates = ", ".join(f"{number} {fate}" for fate, number in total.most_common())
    print(
        f"{count:,} configurations ({fates}), {differ} disagreements, {time.monotonic() - begun:.0f} s (seed {seed})."
    )
    return 1 if differ else 0


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sys.exit(main(given[0] if given else 10_000, given[1] if len(given) > 1 else 1))
