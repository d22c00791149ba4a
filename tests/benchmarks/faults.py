"""What a fault costs: the chain is killed, filled, cut and hung, the server is flooded; run by `make faults`.

`python tests/benchmarks/faults.py [--kills 20] [--requests 20000] [--seed 23] [--only WORD] [--anew] [--on]` writes
outputs/example/faults.md. Half an hour; full disks need root, the container an engine. What has been tried stands in
outputs/.faults.json: a pass that was cut short goes on behind it, on the same commit. With `--on` a pass goes on behind
one of another commit, trying what is not in that file or did not come to its end; the page says what was tried where.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "helpers")]
from fault_driver import ROOT, SMOKE, Chain, Outcome, stale_folders  # noqa: E402
from fault_kills import fresh, kills  # noqa: E402
from fault_kinds import KINDS  # noqa: E402
from fault_machine import KINDS as MACHINE  # noqa: E402
from fault_models import KINDS as MODELS  # noqa: E402
from fault_page import page, row  # noqa: E402
from fault_passes import Pass  # noqa: E402
from fault_server import figures  # noqa: E402
from fault_surroundings import KINDS as SURROUNDINGS  # noqa: E402
from fault_writes import KINDS as WRITES  # noqa: E402

PAGE = ROOT / "outputs" / "example" / "faults.md"
ALL = KINDS | WRITES | SURROUNDINGS | MACHINE | MODELS


def main() -> int:
    """Try them all; exits 1 when something was lost or left that should not be, or was not tried to its end."""
    asked = _asked()
    so_far = Pass(keep=not asked.only, anew=asked.anew, on=asked.on)
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        chosen = [fault for fault in ALL if asked.only in fault]
        base = _base(fresh(Path(name) / "outputs")) if any(not so_far.has(fault) for fault in chosen) else Path()
        outcomes = [Outcome(*so_far.part(fault, _tried, fault, base)) for fault in chosen]
        parts = [(kills, asked.kills, [fresh(Path(name) / "kills"), asked.kills, asked.seed])]
        parts += [(figures, asked.requests, [asked.requests, asked.seed])]
        random, server = (
            [] if not wanted else so_far.part(made.__name__, _lines, made, *how) for made, wanted, how in parts
        )
    text = page(outcomes, random, server, so_far.took_s, so_far.at)
    print(text)
    if not asked.only:
        PAGE.write_text(text)
        so_far.end()
    return 1 if any(one.left or one.lost.startswith("?") for one in outcomes) or "?" in "".join(random) else 0


def _lines(made: Callable[..., list[str]], *asked: Any) -> list[str]:
    """The lines of a part, or why there are none: the other parts are tried all the same."""
    try:
        return made(*asked)
    except Exception as error:
        traceback.print_exc()
        return ["", f"? Not tried to its end: {type(error).__name__}: {str(error)[:300]}"]


def _tried(fault: str, base: Path) -> Outcome:
    try:
        outcome = ALL[fault](fault, base)
    except Exception as error:  # whatever it is, the other faults are tried
        traceback.print_exc()
        said = str(error) if len(str(error)) < 240 else f"{str(error)[:40]} … {str(error)[-180:]}"  # its end tells why
        outcome = Outcome(fault, "? not shown", None, f"{type(error).__name__}: {said}", None, 0)
    print(row(outcome, "now"), flush=True)
    return outcome


def _base(outputs: Path) -> Path:
    chain = Chain("run", SMOKE, "--only", "export", "--only", "serve", "--outputs", outputs)
    if chain.end():
        sys.exit("\n".join(line for _, line in chain.lines))
    print(f"built on {chain.run_dir(outputs).name}; temporary folders left: {stale_folders()}", flush=True)
    return chain.run_dir(outputs)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="random kills over the chain; 0 leaves them out")
    parser.add_argument("--requests", type=int, default=20_000, help="mixed requests to the server; 0 leaves them out")
    parser.add_argument("--seed", type=int, default=23, help="of the kills and the requests")
    parser.add_argument("--only", default="", help="faults with this word in their name; writes no page")
    parser.add_argument("--anew", action="store_true", help="leave aside what a pass that was cut short has tried")
    parser.add_argument("--on", action="store_true", help="go on behind a pass of an earlier commit: try what it lacks")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
