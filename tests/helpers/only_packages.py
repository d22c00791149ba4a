"""`python only_packages.py NAME... -- WORD...`: run `playbook WORD...` as if only these packages were installed."""

import re
import sys
from importlib import metadata

OURS = "tfserving-playbook"


def plain(name):
    return name.lower().replace("_", "-")


def needed(names):
    """The packages and all that they need."""
    found = set()
    todo = [*names]
    while todo:
        name = plain(todo.pop())
        if name in found:
            continue
        found.add(name)
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another system, or another Python
            continue
        todo += [re.match(r"[\w.-]+", line)[0] for line in lines if "extra ==" not in line]
    return found


class Only:
    """Finds no module of any other package."""

    def __init__(self, names):
        self.known, self.owners = needed(names) | {OURS}, metadata.packages_distributions()

    def find_spec(self, name, path=None, target=None):
        owners = {plain(each) for each in self.owners.get(name.partition(".")[0], [])}
        if owners and not owners & self.known:
            raise ModuleNotFoundError(f"{name} is of {', '.join(owners)}, which is not installed", name=name)


if __name__ == "__main__":
    place = sys.argv.index("--")
    sys.meta_path.insert(0, Only(sys.argv[1:place]))
    from playbook.cli.start import main

    sys.argv = ["playbook", *sys.argv[place + 1 :]]
    main()
