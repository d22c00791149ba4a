"""Somebody else changes the folder of the model that is served, or the disk fills while the record is written."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fault_driver import SMOKE, Chain, Outcome, left, until
from fault_kinds import LEVELS, fill, held, small_disk, stressed

from playbook.chain import unfinished


def _model(run_dir: Path) -> Path:
    (folder,) = [path for path in (run_dir / "models").iterdir() if path.is_dir()]
    return folder


def _add(model: Path) -> None:
    shutil.copytree(model / "1", model / ".coming")
    (model / ".coming").rename(model / "2")


def _remove(model: Path) -> None:
    (model / "1").rename(model.parent / "taken-away")


def version_changed(name: str, base: Path, change: Callable[[Path], None]) -> Outcome:
    """A stress that holds its second level; the server looks into its folder each second."""
    chain = stressed(base, *LEVELS)
    run_dir = chain.run_dir(base.parent)
    until(lambda: held(run_dir) >= 1, 60, chain.process)
    time.sleep(0.5)
    change(_model(run_dir))
    code = chain.end(120)
    (said,) = [line.strip() for _, line in chain.lines if "was expected at" in line]
    assert code == 1, chain.lines
    rows = json.loads((run_dir / "data" / "levels.json").read_text())
    (mixed,) = [row for row in rows if not row["valid"] and "version_changed" in row["failed_checks"]]
    assert mixed["level"] == len(rows) - 1, "nothing is held on after it"
    return Outcome(name, "the level that was held: it is INVALID", None, said, code, left(base.parent, run_dir))


def replaced(name: str, base: Path) -> Outcome:
    """The graph of a served version is overwritten: the server goes on, and the next one says what it met."""
    chain = stressed(base, *LEVELS)
    run_dir = chain.run_dir(base.parent)
    graph = _model(run_dir) / "1" / "saved_model.pb"
    graph.unlink()  # a copy of its own: runs may share the file
    graph.write_bytes(b"not a graph")
    first = chain.end(120)
    assert first == 0, chain.lines
    again = Chain(
        "run", SMOKE, "--resume", run_dir.name, "--from", "serve", "--only", "serve", "--outputs", base.parent
    )
    code = again.end(120)
    assert code == 1, again.lines
    assert not any("Traceback" in line for _, line in again.lines), again.lines
    return Outcome(name, "nothing: the run ends with 0, the next start fails", *again.told(again.began), code, left(base.parent, run_dir))  # fmt: skip  # noqa: E501


def full_in_the_report(name: str, base: Path) -> Outcome:
    """The disk fills when the last stage has its record, before the run's page is written."""
    with small_disk(8) as folder:
        copy = folder / base.name
        shutil.copytree(base, copy)
        chain = stressed(copy)
        run_dir = chain.run_dir(folder)
        assert until(lambda: _at_its_page(run_dir), 120, chain.process), chain.lines
        at = time.monotonic()
        fill(folder)
        code = chain.end(120)
        assert code == 1, chain.lines
        assert not any("Traceback" in line for _, line in chain.lines), chain.lines
        remains, kept = left(folder, run_dir), (run_dir / "stress.json").exists()
        (folder / "filling").unlink()
        again = Chain("run", SMOKE, "--resume", run_dir.name, "--outputs", folder)
        assert again.end() == 0, again.lines
        assert kept
        assert (run_dir / "record.html").exists()
        return Outcome(name, "nothing: --resume writes the page", *chain.told(at), code, remains)


def _at_its_page(run_dir: Path) -> bool:
    try:
        return (run_dir / unfinished.FILE).read_text() == unfinished.PAGE
    except OSError:
        return False


KINDS: dict[str, Callable[[str, Path], Outcome]] = {
    "a version added to the served folder by somebody else": partial(version_changed, change=_add),
    "the served version taken away by somebody else": partial(version_changed, change=_remove),
    "the graph of the served version overwritten": replaced,
    "disk full while the run's page is written": full_in_the_report,
}
