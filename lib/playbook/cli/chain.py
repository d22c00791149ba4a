"""`playbook run`: the chain, its page whatever happens, and the exit code with its reason."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playbook.chain import interrupts, open_files, outcome, params, pipeline, unfinished
from playbook.chain.terminal import StageLine
from playbook.cli.ctrl_c import INTERRUPTED
from playbook.errors import StageFailed
from playbook.records import buckets, runs, whole_file
from playbook.report import report, sharing
from playbook.verify import first_step

FAILED = 1
Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What the words of `playbook run` ask for."""

    params_path: Path
    outputs: Path
    overrides: Sequence[str] = ()
    only: Sequence[str] = ()
    start: str | None = None
    resume: str | None = None
    gate: bool = False
    verify: bool = True
    bucket: str = ""  # where the run folder is copied to when it has ended


def run(asked: Asked, complain: Say) -> int:
    """Run the chain and write its record; returns the exit code, whose reason has been told by then.

    Args:
        asked: What is to be run.
        complain: Prints on the error stream.

    Raises:
        ParameterError: bad input; nothing was started.
    """
    begun, line = time.monotonic(), StageLine()
    open_files.allow()
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of a home that nobody may write to
    if asked.bucket:
        buckets.check(asked.bucket)
    overrides = params.assignments(asked.overrides)
    run = pipeline.prepare(asked.params_path, asked.outputs, overrides, list(asked.only), asked.start, asked.resume)
    on = f", on what {run.builds_on} left" if run.builds_on else ""
    again = f" ({', '.join(run.aside)} again)" if run.aside else ""
    line.say(f"Run {run.run_dir.name}: {' → '.join(run.verbs) or 'nothing left to do'}{on}{again}")
    with interrupts.heard_once():
        try:
            return _run(run, asked, line, begun, complain)
        except KeyboardInterrupt as error:
            logging.getLogger("asyncio").disabled = True  # else it tells at exit of nbclient's task that was cut short
            threading.excepthook = lambda told: None  # a thread of a client whose kernel went has nothing to tell
            pipeline.clear(run.run_dir)  # once more: it may have been what was interrupted
            complain(f"Interrupted ({error.args[0] if error.args else 'SIGINT'}); everything started was ended.")
            with _said(complain):
                report.write(run.run_dir)
            return INTERRUPTED


def _run(run: pipeline.Run, asked: Asked, line: StageLine, begun: float, complain: Say) -> int:
    """What `run` does once the run folder is there; the exit code."""
    try:
        first_step.take(run.run_dir, asked.outputs, run.parameters["serve"], line.say, asked.verify)
        pipeline.execute(run, line)
    except StageFailed:  # told already, when it happened
        if runs.is_there(run.run_dir):
            with _said(complain):
                pipeline.pages(run)
                report.write(run.run_dir)
            _copied(run, asked.bucket, line.say)
        return FAILED
    with unfinished.marked(run.run_dir, unfinished.PAGE):
        code = _told(run, asked.gate, time.monotonic() - begun, line.say, complain)
        _copied(run, asked.bucket, line.say)
    return code


def _copied(run: pipeline.Run, bucket: str, say: Say) -> None:
    if bucket:
        say(f"Copied: {sharing.upload(run.run_dir, bucket)}")


def _told(run: pipeline.Run, gate: bool, total_s: float, say: Say, complain: Say) -> int:
    page = report.write(run.run_dir)
    rest = total_s - run.measured_s
    say(f"{total_s:.0f} s in all: {run.measured_s:.0f} s measuring and training, {rest:.0f} s everything else.")
    say(report.headline(run.run_dir).strip("*"))
    say(f"Record: {os.path.relpath(page) if Path.cwd() in page.parents else page}")
    ended = outcome.outcome(run.run_dir, gate)
    if ended.code:
        complain(f"Exit {ended.code}: {ended.why}")
    return ended.code


@contextlib.contextmanager
def _said(complain: Say) -> Iterator[None]:
    """A page that cannot be written after a failure is said in a sentence, and hides nothing of the failure."""
    try:
        yield
    except OSError as error:
        complain(f"Its page is not up to date: {whole_file.in_words(error)}")
    except Exception as error:  # whatever a page meets must not stand in the place of what failed
        complain(f"Its page is not up to date: {type(error).__name__}: {error}")
