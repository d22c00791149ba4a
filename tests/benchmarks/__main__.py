"""`make bench`: every benchmark in turn, or the areas named: `make bench ARGS=loadgen`.

What follows `--` goes to them: `make bench ARGS="zoo -- large"`.
"""

import subprocess
import sys
from pathlib import Path


def main(areas: list[str]) -> int:
    """Run `bench_<area>.py` one after the other; exit 1 when one of them missed a target or broke."""
    areas, more = (areas[: areas.index("--")], areas[areas.index("--") + 1 :]) if "--" in areas else (areas, [])
    scripts = {path.stem.removeprefix("bench_"): path for path in sorted(Path(__file__).parent.glob("bench_*.py"))}
    if unknown := set(areas) - scripts.keys():
        print(f"No benchmark named {', '.join(sorted(unknown))}; there are {', '.join(scripts)}.", file=sys.stderr)
        return 2
    missed = []
    for area in areas or scripts:
        print(f"\n## {area}\n", flush=True)
        if subprocess.run([sys.executable, str(scripts[area]), *more], check=False).returncode:
            missed.append(area)
    print(f"\nMissed: {', '.join(missed)}." if missed else "\nAll targets met.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
