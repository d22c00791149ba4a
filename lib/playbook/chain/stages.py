"""One stage of the chain: its notebook executed in a kernel of its own, its page, and what is said when it fails."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadgen import memory
from playbook import progress
from playbook.chain import unfinished
from playbook.chain.kernels import WarmStarter
from playbook.errors import StageFailed
from playbook.records import record, runs, whole_file
from playbook.serve import owner
from playbook.serve.handle import Handle

KERNEL_DIED = "its kernel died, as it started or while a cell ran."

SILENT = {  # errors that carry no words of their own
    "MemoryError": "it asked for more memory than it may take. Raise what limits it (ulimit -v), or give it less to do."
}


@dataclass
class Run:
    """One pass through the chain: which verbs, with what, and what each cost."""

    run_dir: Path
    verbs: list[str]
    parameters: dict[str, dict[str, Any]]
    seconds: dict[str, float] = field(default_factory=dict)
    builds_on: str | None = None
    aside: list[str] = field(default_factory=list)  # verbs whose record no longer holds, as it will be made again

    @property
    def measured_s(self) -> float:
        """Seconds inside measurement windows and training, as the records state them."""
        return sum(record.load(self.run_dir, verb).get("measured_s") or 0.0 for verb in self.seconds)


def progress_file(run_dir: Path) -> Path:
    """Where a stage's kernel tells how far it is."""
    return Path(run_dir) / ".progress.json"


def run_stage(run: Run, verb: str, starter: WarmStarter | None = None, servers_stay: bool = False) -> None:
    """Execute one notebook into the run folder and write its Markdown; that of a stage that fails, `pages` writes.

    Arguments and errors as `execute_stage`.
    """
    with _written(run, verb), unfinished.marked(run.run_dir, verb):
        execute_stage(run, verb, starter, servers_stay)
        write_page(run, verb)


def execute_stage(run: Run, verb: str, starter: WarmStarter | None = None, servers_stay: bool = False) -> None:
    """Execute one notebook into the run folder.

    Args:
        run: The run and its parameters.
        verb: Whose notebook.
        starter: Makes its kernel; None starts it the ordinary way.
        servers_stay: Its servers outlive this process; else they end with it.

    Raises:
        StageFailed: a cell raised, its kernel died, or a file could not be written.
    """
    from playbook.chain import executing  # papermill: loaded while the warm_starters warm up

    values = {**run.parameters[verb], "run_dir": _from_notebooks(run.run_dir)}
    channel = progress_file(run.run_dir)
    watch = memory.OomWatch()
    env = {progress.CHANNEL: str(channel), owner.CHANNEL: "" if servers_stay else str(os.getpid())}
    try:
        with _written(run, verb):
            source = runs.NOTEBOOK_DIR / f"{runs.NOTEBOOKS[verb]}.ipynb"
            executing.execute(source, _executed(run, verb), values, env, starter)
    except executing.PapermillExecutionError as error:
        raise StageFailed(_failure(run, _cell(verb, error))) from error
    except executing.DeadKernelError as error:
        raise StageFailed(_failure(run, [f"Stage '{verb}' failed: {KERNEL_DIED} {watch.why()}"])) from error
    finally:
        channel.unlink(missing_ok=True)


def write_page(run: Run, verb: str) -> None:
    """Write the Markdown of a notebook that was executed.

    Raises:
        StageFailed: a file could not be written.
    """
    from playbook.chain import executing

    with _written(run, verb):
        executing.to_markdown(_executed(run, verb))


def finish_page(run: Run) -> None:
    """The Markdown that a chain before this one ended in, if it came as far as that. Raises as `write_page`."""
    for verb in unfinished.without_page(run.run_dir):
        if verb not in run.verbs:
            with _written(run, verb), unfinished.marked(run.run_dir, verb):
                write_page(run, verb)


def pages(run: Run) -> None:
    """The Markdown of a notebook that failed, as far as it came."""
    from playbook.chain import executing

    for verb in run.verbs:
        executed = _executed(run, verb)
        if executed.exists() and not _is_newer(executed.with_suffix(".md"), executed):
            executing.to_markdown(executed)


def _executed(run: Run, verb: str) -> Path:
    return run.run_dir / f"{runs.NOTEBOOKS[verb]}.ipynb"


def _is_newer(page: Path, executed: Path) -> bool:
    """Whether a page is of the notebook that lies there, not of an attempt before it."""
    return page.exists() and page.stat().st_mtime_ns >= executed.stat().st_mtime_ns


@contextlib.contextmanager
def _written(run: Run, verb: str) -> Iterator[None]:
    """A file that cannot be written fails the stage, in words."""
    try:
        yield
    except OSError as error:
        why = whole_file.in_words(error, places=(tempfile.gettempdir(), run.run_dir))
        raise StageFailed(_failure(run, [f"Stage '{verb}' failed: {why}"])) from error


def _from_notebooks(run_dir: Path) -> str:
    """Relative inside the repository, so that an executed notebook names no path of this machine."""
    return os.path.relpath(run_dir, runs.NOTEBOOK_DIR) if runs.ROOT in run_dir.parents else str(run_dir)


def _cell(verb: str, error: Any) -> list[str]:
    name = error.ename.rsplit(".", 1)[-1]
    return [
        f"Stage '{verb}' failed in cell {error.exec_count} of {runs.NOTEBOOKS[verb]}.ipynb:",
        *(f"    {line}" for line in error.source.strip().splitlines()[:6]),
        f"  {name}: {error.evalue.strip() or SILENT.get(name, 'it says no more than that.')}",
    ]


def _failure(run: Run, lines: list[str]) -> str:
    if "serve" in run.verbs and record.has(run.run_dir, "serve"):  # a server of this run, not one told of by an earlier
        handle = Handle.load(run.run_dir)
        lines += [f"  The server's last log lines ({handle.log_path}):", *handle.log_tail(5).splitlines()]
    lines += [f"  {limited}"] if (limited := memory.limit()) else []
    kept = [name for name in runs.NOTEBOOKS if record.has(run.run_dir, name)]
    lines.append(f"  Kept in {run.run_dir}: {', '.join(kept) or 'nothing yet'}; the notebook as far as it came.")
    return "\n".join(lines)
