"""The chain: run the notebooks in order by papermill, tell progress, stop the server whatever happens."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playbook.chain import params, resuming, temporary
from playbook.chain.kernels import warm_starters
from playbook.chain.stages import Run, finish_page, pages, progress_file, run_stage
from playbook.chain.terminal import StageLine
from playbook.errors import ParameterError, StageFailed
from playbook.records import attempts, lock, names, record, runs, secrets, whole_file
from playbook.serve import serve

__all__ = ["Run", "choose", "clear", "execute", "pages", "prepare", "progress_file", "run_stage"]

NEEDS_SERVER = ("warmup", "stress")  # tune and adapt start servers of their own


def choose(only: list[str], start: str | None) -> list[str]:
    """The verbs to run, in the chain's order; `serve` joins when one of them needs a running server.

    Raises:
        ParameterError: an unknown verb.
    """
    order = list(runs.NOTEBOOKS)
    for verb in [*only, *([start] if start else [])]:
        if verb not in order:
            raise ParameterError(f"{verb!r} is not a verb of the chain; the verbs are {', '.join(order)}.")
    chosen = [verb for verb in order if verb in only] if only else order[order.index(start) if start else 0 :]
    if any(verb in NEEDS_SERVER for verb in chosen) and "serve" not in chosen:
        chosen = sorted([*chosen, "serve"], key=order.index)
    return chosen


def prepare(
    params_path: Path,
    outputs: Path,
    overrides: dict[str, Any],
    only: list[str],
    start: str | None,
    resume: str | None,
) -> Run:
    """Check every parameter, then make (or reopen) the run folder. Nothing has been started yet.

    Raises:
        ParameterError: a parameter, a verb, a place or a run that cannot be used, or a chain that still works in it.
        NotWritten: what the run builds on could not be copied; no run is left behind.
    """
    names.check_place(outputs)
    verbs = choose(only, start)
    values = params.read(params_path)
    values.pop("run_dir", None)
    run_dir = runs.find(outputs, resume) if resume and not start and not only else None
    if run_dir:
        lock.check_free(run_dir)
        given = resuming.parameters(run_dir, values, overrides)
    else:
        given = {**values, **overrides}
        given.pop("run_dir", None)
    given = secrets.taken(given)  # notebooks get *** and find the credentials in the run folder
    notebooks = {verb: runs.NOTEBOOK_DIR / f"{name}.ipynb" for verb, name in runs.NOTEBOOKS.items()}
    selected = params.select(given, notebooks.values())
    params.check_values(given)
    parameters = {verb: selected[notebook] for verb, notebook in notebooks.items()}
    if run_dir:
        return _resumed(run_dir, verbs, parameters)
    base, earlier = _base(params_path, outputs, verbs, resume)
    run_dir = runs.create(outputs, params_path, given, verbs, base.name if base else None, overrides)
    if base:
        _take_over(run_dir, base, earlier)
    return Run(run_dir, verbs, parameters, builds_on=base.name if base else None)


def _take_over(run_dir: Path, base: Path, verbs: list[str]) -> None:
    try:
        runs.inherit(run_dir, base, verbs)
    except BaseException:
        shutil.rmtree(run_dir, ignore_errors=True)  # half a run is none
        raise


def _resumed(run_dir: Path, verbs: list[str], parameters: dict[str, dict[str, Any]]) -> Run:
    """What is left of a run, on a new server where one is needed."""
    left, aside = resuming.left(run_dir, verbs), resuming.aside(run_dir, verbs)
    if any(verb in NEEDS_SERVER for verb in left) and "serve" not in left:
        left, aside = ["serve", *left], [*aside, "serve"]
    return Run(run_dir, left, parameters, aside=aside)


def _base(params_path: Path, outputs: Path, verbs: list[str], resume: str | None) -> tuple[Path | None, list[str]]:
    """The run a part of the chain builds on, and the verbs before its last one that it takes over from there."""
    order = list(runs.NOTEBOOKS)
    before = [verb for verb in order[: order.index(verbs[-1])] if verb not in verbs]
    if "export" in verbs:  # a new model: what an earlier run measured is not about it
        return None, []
    base = runs.find(outputs, resume) if resume else runs.base_for(outputs, params_path, ["export"])
    if record.has(base, "export") and not runs.has_model(base):
        raise ParameterError(
            f"{base.name} was to be built on, and its model is not there. Name another run, or export."
        )
    return base, [verb for verb in before if record.has(base, verb)]


def execute(run: Run, line: StageLine) -> None:
    """Run every stage; the server is stopped at the end whatever happens.

    Raises:
        StageFailed: names the stage, the cell, the error and the server's last log lines; earlier records stand.
        KeyboardInterrupt: SIGINT or SIGTERM came; everything that was started has been ended.
    """
    with lock.held(run.run_dir), temporary.folder(), _cleared(run.run_dir):
        for verb in run.aside:
            record.set_aside(run.run_dir, verb)
        _finish_page(run, line)
        with warm_starters(run.verbs) as warm:
            for verb in run.verbs:
                attempts.begin(run.run_dir, verb)
                begun = time.monotonic()
                try:
                    with line.stage(verb, progress_file(run.run_dir)):
                        run_stage(run, verb, warm.of(verb))
                    _check_there(run)
                except StageFailed as error:
                    line.failed(_gone(run) or str(error))  # at once: what follows takes its time
                    raise
                run.seconds[verb] = time.monotonic() - begun
                line.done(verb, run.seconds[verb], record.load(run.run_dir, verb)["verdict"])


def _finish_page(run: Run, line: StageLine) -> None:
    try:
        finish_page(run)
    except StageFailed as error:
        line.failed(str(error))
        raise


def _check_there(run: Run) -> None:
    if gone := _gone(run):
        raise StageFailed(gone)


def _gone(run: Run) -> str:
    if runs.is_there(run.run_dir):
        return ""
    since = " (remove first what was written to the old place since)" if run.run_dir.exists() else ""
    return (
        f"The run folder {run.run_dir} was expected to stay while the chain runs in it, and was removed or moved "
        f"away. Everything started was ended. Put it back{since} and --resume it, or start a new run."
    )


@contextlib.contextmanager
def _cleared(run_dir: Path) -> Iterator[None]:
    """Servers are ended and private copies of models removed: those a killed chain left, and in the end our own."""
    clear(run_dir)
    try:
        yield
    finally:
        clear(run_dir)


def clear(run_dir: Path) -> None:
    """End every server of a run, remove what killed writers left and the private copies of its model."""
    serve.stop_all(run_dir)
    whole_file.sweep_below(run_dir)
    for copies in (".tune-*", ".drill-*"):
        for folder in Path(run_dir).glob(copies):
            shutil.rmtree(folder, ignore_errors=True)
