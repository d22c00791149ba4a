"""What a line is known by when lines above it come and go, as GitHub's upload of SARIF computes it."""

from __future__ import annotations

from collections import Counter

_SPAN = 100  # letters that a hash rests on: from the line's first on, line ends among them, blanks not
_BASE, _BITS = 37, (1 << 64) - 1
_END = 0xFFFF  # stands behind a text's last letter


def line_hashes(text: str) -> list[str]:
    """A hash of each line and of what follows it, with a count that tells the same ones apart.

    The upload would compute its own where there is none, and warns where one differs; what is sent without that step
    (the API) needs them here.
    """
    letters, starts = [], [0]
    normal = text.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "").replace("\t", "")
    units = normal.encode("utf-16-le", "surrogatepass")
    for place in range(0, len(units), 2):
        letters.append(units[place] | units[place + 1] << 8)
        if letters[-1] == ord("\n"):
            starts.append(len(letters))
    letters += [_END, *[0] * _SPAN]
    met: Counter[str] = Counter()
    hashes = []
    for start in starts:
        value = 0
        for letter in letters[start : start + _SPAN]:
            value = (value * _BASE + letter) & _BITS
        met[f"{value:x}"] += 1
        hashes.append(f"{value:x}:{met[f'{value:x}']}")
    return hashes
