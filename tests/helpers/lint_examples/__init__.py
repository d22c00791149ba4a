"""One small example of each lint rule that stands in a folder of files; what follows a command line is in the tests."""

from __future__ import annotations

from lint_examples.clusters import CLUSTERS
from lint_examples.commands import COMMANDS
from lint_examples.configs import CONFIGS

FOLDERS = {**CONFIGS, **COMMANDS, **CLUSTERS}
assert len(FOLDERS) == len(CONFIGS) + len(COMMANDS) + len(CLUSTERS), "an example stands twice"
