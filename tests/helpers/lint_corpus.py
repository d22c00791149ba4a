"""The corpus of lint, read: tests/unit/lint/corpus/README.md tells the form of a case."""

from pathlib import Path

CORPUS = Path(__file__).parents[1] / "unit" / "lint" / "corpus"


def cases():
    """name -> (files, faults as (path, line or None, rule), origin) of every bundle."""
    result = {}
    for bundle in sorted(CORPUS.glob("*.txt")):
        for part in f"\n{bundle.read_text()}".split("\n## ")[1:]:
            head, *lines = part.split("\n")
            files, faults, path = {}, [], ""
            for line in lines:
                if line.startswith(">> "):
                    path = line[3:].strip()
                    files[path] = ""
                elif line.startswith("!! "):
                    place, rule = line[3:].split()
                    where, _, number = place.rpartition(":")
                    faults.append((where, None if number == "-" else int(number), rule))
                else:
                    files[path] += line + "\n"
            result[head.partition(" |")[0]] = (files, faults, head.partition(" |")[2].strip())
    return result


CASES = cases()
