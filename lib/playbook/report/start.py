"""The start page of the lab: the questions in order with what this run has of each, the next step, a stop button."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from IPython.display import Markdown

from playbook import markdown
from playbook.records import record, runs, stale
from playbook.report import report
from playbook.serve import leftovers, serve
from playbook.serve.handle import Handle

FIRST = f"{runs.OUTPUTS}/{record.SCRATCH}"


def question(verb: str) -> str:
    """The one question that a verb's notebook answers, from its first cell."""
    cells = json.loads((runs.NOTEBOOK_DIR / f"{runs.NOTEBOOKS[verb]}.ipynb").read_text())["cells"]
    lines = [line for line in "".join(cells[0]["source"]).splitlines() if line and not line.startswith("#")]
    return lines[0]


def questions() -> str:
    """The notebooks in order, each with its question, as Markdown."""
    return "\n".join(f"1. [{name}]({name}.ipynb) · {question(verb)}" for verb, name in runs.NOTEBOOKS.items())


def state(run_dir: str = "") -> str:
    """What a run has of each verb and what comes next, as Markdown; the newest run of one's own when none is named."""
    run = _folder(run_dir)
    marks = stale.told(run)
    rows = [[f"[{name}]({name}.ipynb)", *_told(run, verb, marks)] for verb, name in runs.NOTEBOOKS.items()]
    about = f"**Run `{run.name}`**" if run.is_dir() else f"**Nothing is recorded yet.** A notebook makes `{run.name}`."
    return "\n\n".join([about, markdown.table(["notebook", "state", "verdict"], rows), _server(run), _next(run, marks)])


def stop_button(run_dir: str = "") -> Any:
    """A button that ends the servers of all runs, for the lab; what was ended is said below it."""
    from ipywidgets import HTML, Button, VBox

    outputs, button, said = _folder(run_dir).parent, Button(description="Stop the server"), HTML()

    def stop(_: Any) -> None:
        folders = [path.parent for path in outputs.glob("*/servers")]
        busy = [folder for folder, _ in leftovers.active(folders)]  # a chain that runs keeps its server
        ended = [words for folder in folders if folder not in busy for words in serve.stop_all(folder)]
        said.value = "<br>".join(f"Stopped the {words}." for words in ended) or "No server is running."

    button.on_click(stop)
    return VBox([button, said])


def record_page(run_dir: str = "") -> Any:
    """Write the record of a run from whatever it has, and link it."""
    run = _folder(run_dir)
    return report.link(run) if record.read_all(run) else Markdown("Nothing is recorded yet.")


def _folder(run_dir: str) -> Path:
    scratch = (runs.NOTEBOOK_DIR / runs.meant(run_dir or FIRST)).resolve()
    mine = [] if run_dir else runs.own(scratch.parent)
    return mine[0] if mine else scratch


def _told(run: Path, verb: str, marks: dict[str, Any]) -> list[str | None]:
    if not record.has(run, verb):
        return ["–", None]
    content = record.read_all(run)[verb]
    verdict = content.get("verdict") if isinstance(content, dict) else str(content)
    return [f"stale: {marks[verb]['because_of']} is newer" if verb in marks else "recorded", verdict]


def _server(run: Path) -> str:
    handles = [handle for _, handle in Handle.noted(run) if handle.process() is not None or handle.container_id]
    shown = [f"{handle.server} server of `{handle.model_name}` at `{handle.rest_url}`" for handle in handles]
    return f"Running: {', '.join(shown)}." if shown else "No server of this run is running."


def _next(run: Path, marks: dict[str, Any]) -> str:
    again = [verb for verb in runs.NOTEBOOKS if verb in marks]
    left = [verb for verb in runs.NOTEBOOKS if not record.has(run, verb)]
    if not (again or left):
        return f"Everything is recorded: [the record]({os.path.relpath(run, runs.NOTEBOOK_DIR)}/record.html)."
    verb = (again or left)[0]
    return f"**Next:** [{runs.NOTEBOOKS[verb]}]({runs.NOTEBOOKS[verb]}.ipynb) · {question(verb)}"
