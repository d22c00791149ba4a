"""One small example of each lint rule that stands in a folder of files; what follows a command line is in the tests."""

from __future__ import annotations

from lint_examples.builds import BUILDS
from lint_examples.clusters import CLUSTERS
from lint_examples.commands import COMMANDS
from lint_examples.configs import CONFIGS

FOLDERS = {**CONFIGS, **COMMANDS, **CLUSTERS, **BUILDS}
assert len(FOLDERS) == sum(map(len, (CONFIGS, COMMANDS, CLUSTERS, BUILDS))), "an example stands twice"
