"""`make fuzz ARGS=lint`: 10,000 mutated configurations, by lint and by the embedded server; exit 1 on a difference.

A run that was cut off goes on where it stopped: count and seed name a file under `.bench/`, gone when all is done.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from lint_law import disagreements, make_model

AT_ONCE = 250
KEPT = Path(__file__).parents[2] / ".bench"


@dataclass
class Progress:
    """What a run has tried so far: cases, their fates, the disagreements, and the seconds it took."""

    done: int = 0
    fates: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main(count: int, seed: int) -> int:
    """Run that many cases from a seed, or the rest of them; prints every disagreement."""
    kept = KEPT / f"fuzz_lint_{count}_{seed}.json"
    progress = Progress(**json.loads(kept.read_text())) if kept.is_file() else Progress()
    if progress.done:
        print("\n".join([f"going on behind {progress.done:,} of {count:,}", *progress.lines]), flush=True)
    with tempfile.TemporaryDirectory(prefix="fuzz_lint_") as name:
        root = Path(name)
        model = make_model(root / "model")
        while progress.done < count:
            _go_on(progress, min(AT_ONCE, count - progress.done), seed, root / f"part_{progress.done}", model)
            print(f"{progress.done:,} of {count:,}, {len(progress.lines)} disagree", flush=True)
            _keep(progress, kept)
    kept.unlink(missing_ok=True)
    fates = ", ".join(f"{number} {fate}" for fate, number in Counter(progress.fates).most_common())
    differ = len(progress.lines)
    print(f"{count:,} configurations ({fates}), {differ} disagreements, {progress.seconds:.0f} s (seed {seed}).")
    return 1 if differ else 0


def _go_on(progress: Progress, cases: int, seed: int, folder: Path, model: Path) -> None:
    """Try the next cases; the seed of a part is that of the run and its place, so that parts do not repeat."""
    begun = time.monotonic()
    counts, lines = disagreements(seed + progress.done, cases, folder, model)
    shutil.rmtree(folder)
    if lines:
        print("\n".join(lines), flush=True)
    progress.fates = dict(Counter(progress.fates) + counts)
    progress.lines += lines
    progress.done += cases
    progress.seconds += time.monotonic() - begun


def _keep(progress: Progress, kept: Path) -> None:
    kept.parent.mkdir(exist_ok=True)
    whole = kept.with_suffix(".new")
    whole.write_text(json.dumps(asdict(progress)))
    whole.replace(kept)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sys.exit(main(given[0] if given else 10_000, given[1] if len(given) > 1 else 1))
