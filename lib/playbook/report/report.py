"""The page a team shares: `record.md` and `record.html` of a run, from whatever stages it has."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playbook import progress
from playbook.analyze import analysis
from playbook.drawing import pages
from playbook.drawing.canvas import Picture
from playbook.promise import Promise
from playbook.records import run_folder, runs, whole_file
from playbook.records.run_folder import RunFolder
from playbook.report import catalogue, opening, sections

FIGURES = "figures"


def write(run_dir: Path) -> Path:
    """Write `record.md` (with `figures/`) and `record.html`, bring the folder's index up to date; returns record.md.

    A section that cannot be made says why in its place; the rest of the page is still made.
    """
    run = run_folder.read(run_dir)
    analysis = _analysis(run)
    pictures: dict[str, Picture] = {}
    parts = [opening.opening(run), ""]
    for title, section in sections.ALL:
        text = _guarded(section, run, analysis, pictures)
        parts += [f"## {title}", "", text, ""] if text else []
    for address, picture in pictures.items():
        picture.save(Path(run_dir) / FIGURES, Path(address).stem)
    page = "\n".join(parts).rstrip() + "\n"
    path = Path(run_dir) / "record.md"
    whole_file.write_text(path, page)
    html = pages.html(page, pictures, f"{run.run_id}: performance record")
    whole_file.write_text(path.with_suffix(".html"), html)
    if run.run_dir.resolve().name != runs.EXAMPLE:
        catalogue.write_index(Path(run_dir).absolute().parent)  # where it is named, which a link may be
    return path


def link(run_dir: Path) -> Any:
    """Write the record of a run as far as it has come and link it, at the end of a notebook; in the chain, which
    writes it once at its end, nothing."""
    if progress.CHANNEL in os.environ:
        return None
    from IPython.display import Markdown

    example = Path(run_dir).resolve().name == runs.EXAMPLE  # as it is committed
    written = Path(run_dir) / "record.md" if example else write(run_dir).with_suffix(".html")
    page = os.path.relpath(written, Path.cwd())
    return Markdown(f"The record of this run so far: [{page}]({quote(page)})")


def headline(run_dir: Path) -> str:
    """The verdict of a run in plain words, the bold line below the title of its page."""
    return f"**{opening.headline(run_folder.read(run_dir))}**"


def show(run_dir: Path) -> str:
    """One record for the terminal: the page without its pictures."""
    run = run_folder.read(run_dir)
    analysis, parts = _analysis(run), [opening.opening(run), ""]
    for title, section in sections.ALL:
        lines = _guarded(section, run, analysis, {}).splitlines()
        text = "\n".join(line for line in lines if not line.startswith("!["))
        parts += [f"## {title.upper()}", "", text.strip(), ""] if text.strip() else []
    return "\n".join(parts).rstrip()


def _analysis(run: RunFolder) -> dict[str, Any] | None:
    """What analyze recorded; analysed here where that stage has not run."""
    if results := run.results("analyze"):
        return results
    if not run.levels:
        return None
    stress = run.params("stress")
    promise = Promise.of(stress | {"p99_limit_ms": stress.get("p99_limit_ms") or 50.0})
    try:
        return analysis.results(run, promise)
    except Exception as error:  # the page must come whatever one part of it meets
        run.problems.append(f"The analysis failed: {type(error).__name__}: {error}")
        return None


def _guarded(section: Callable[..., str], run: RunFolder, analysis: dict | None, pictures: dict[str, Picture]) -> str:
    try:
        return section(run, analysis, pictures)
    except Exception as error:  # one broken record must not cost the reader the others
        return f"This part could not be made: {type(error).__name__}: {error}."
