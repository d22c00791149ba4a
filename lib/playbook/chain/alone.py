"""A notebook that is run by itself: what it needs is taken over from the newest run or made with the smoke profile.

Whatever is done for it is said in a line. The committed example is never taken for the user's own. In the chain
nothing is done here: the stages before have left what is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadgen.workers import processes
from playbook import progress
from playbook.chain import params
from playbook.errors import ServerDied, StageFailed, VersionChanged
from playbook.records import record, runs, stale
from playbook.serve import alive
from playbook.serve.handle import Handle

LIVE = ("warmup", "stress")  # they ask the server of the run


def ready(verb: str, settings: Mapping[str, Any]) -> Path:
    """The run folder of this notebook, with all that the notebook needs in it.

    Args:
        verb: Whose notebook it is.
        settings: Its parameters; those that other notebooks have too hold for what is made here.

    Raises:
        StageFailed: what is needed could not be made; says which cell of which notebook failed.
        ServerDied: the server of an attached run does not answer any more.
    """
    run = Path(settings["run_dir"])
    if progress.CHANNEL in os.environ:
        return run
    if stale.missing(run, verb):
        _take_over(run, verb)
    missing = stale.missing(run, verb)
    if verb in LIVE and "serve" not in missing and _server_ended(run):
        missing.append("serve")
    if missing:
        if verb == "stress":
            processes.start_early()  # a load worker stands ready when the server does
        _make(run, missing, _in_common(verb, settings))
    for text in stale.words(run):
        print(text)
    return run


def _take_over(run: Path, verb: str) -> None:
    """Copy what the newest run of the user's own has into a scratch run without a model."""
    if not record.is_scratch(run) or record.has(run, "export"):
        return
    for base in runs.own(run.resolve().parent):
        if record.has(base, "export") and runs.has_model(base):
            wanted = [need.rstrip("?") for need in stale.READS[verb]]
            had = [need for need in wanted if record.has(base, need) and not (need == "serve" and verb in LIVE)]
            runs.inherit(run, base, had)
            print(f"Built on {base.name}, the newest run: {', '.join(had)} taken over into {run.name}.")
            return


def _server_ended(run: Path) -> bool:
    handle = Handle.load(run)
    try:
        alive.check_alive(handle)
    except (ServerDied, VersionChanged):
        if handle.server == "attach":
            raise
        return True
    return False


def _in_common(verb: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What was passed to this notebook and is not its default: it holds for the notebooks that are run for it."""
    defaults = params.defaults(verb)
    return {name: value for name, value in settings.items() if name != "run_dir" and value != defaults.get(name)}


def _make(run: Path, verbs: list[str], given: Mapping[str, Any]) -> None:
    """Run the notebooks of these verbs into the run folder, in a process of their own, a line for each."""
    run.mkdir(parents=True, exist_ok=True)
    again = {verb: record.load(run, verb)["params"] for verb in verbs if record.has(run, verb)}
    for verb in again:
        record.set_aside(run, verb)
    order = {"run_dir": str(run.resolve()), "verbs": verbs, "given": dict(given), "again": again}
    print(f"{run.name} lacks {' and '.join(verbs)}: made now with the smoke profile.", flush=True)
    code, said = _ordered(order)
    if code:
        raise StageFailed(said.strip() or f"{', '.join(verbs)} could not be made (exit {code}).")


def _ordered(order: Mapping[str, Any]) -> tuple[int, str]:
    """Carry out the order, printing its lines; its exit code, and what it said on stderr.

    The order goes over stdin, as a command line is everybody's to read and a parameter may be secret; stderr goes to a
    file, as a pipe that nobody empties would hold up whoever says more than fits into it.
    """
    command, pipe = [sys.executable, "-m", "playbook.chain.making"], subprocess.PIPE
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True) as made,
    ):
        assert made.stdin is not None  # pipes were asked for
        assert made.stdout is not None
        with contextlib.suppress(BrokenPipeError), made.stdin:  # one that has ended says why
            json.dump(order, made.stdin)
        for line in made.stdout:
            print(line.rstrip(), flush=True)
        code = made.wait()
        errors.seek(0)
        return code, errors.read()
