"""A neighbour that takes half a core at random, on any core: it ends when its stdin closes."""

from __future__ import annotations

import random
import select
import sys
import time


def main(seed: int = 7) -> None:
    """Work and rest by turns of up to a fifth of a second."""
    draw = random.Random(seed)
    while not select.select([sys.stdin], [], [], 0.0)[0]:
        end = time.monotonic() + draw.uniform(0.0, 0.2)
        while time.monotonic() < end:
            pass
        time.sleep(draw.uniform(0.0, 0.2))


if __name__ == "__main__":
    main()
