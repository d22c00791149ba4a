"""Rules of environment variables: those that nobody reads, those that are empty, and those that keep their quotes."""

from __future__ import annotations

# id, severity, message, remedy, source; line breaks stand where a sentence is longer than a line
# fmt: off
ROWS = (
    ("env-nobody-reads", "warning",
     "The environment variable {name} is read by nobody: {why}.",
     "{hint}",
     "tf_serving_entrypoint.sh"),
    ("flag-variable-refused", "error",
     "{flag} is given the variable {name}, which neither the image nor who runs it sets: it is empty, and {effect}.",
     "Set {name} where the container is started, or write the value.",
     "bash(1); main.cc"),
    ("flag-variable-unset", "warning",
     "{flag} is given the variable {name}, which neither the image nor who runs it sets: it is empty, and {effect}.",
     "Set {name} where the container is started, or write the value.",
     "bash(1); main.cc"),
    ("env-beside-flag", "note",
     "{names} {verb} read by nobody{why}: {given}.",
     "Drop {it}, or change {it} together with the flags: those alone count.",
     "tf_serving_entrypoint.sh"),
    ("variable-quoted", "error",
     "{name}={value} keeps its quotes: no shell takes them off here, so the server looks for its model in {base}, "
     "where none is.",
     "Write {name}={bare}; whoever wants quotes puts them around the whole item: \"{name}={bare}\".",
     "tf_serving_entrypoint.sh; compose file reference"),
)
