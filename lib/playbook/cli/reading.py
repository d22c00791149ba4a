"""Commands that read records: list, show, compare, ask by SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from playbook.cli.app import Outputs, app


@app.command(name="list")
def list_(outputs: Outputs = Path("outputs")) -> None:
    """The records, newest first."""
    from playbook.report import report

    typer.echo(report.list_runs(outputs))


@app.command()
def show(run_id: Annotated[str, typer.Argument(metavar="RUN")] = "latest", outputs: Outputs = Path("outputs")) -> None:
    """One record in the terminal."""
    from playbook.records import runs
    from playbook.report import report

    typer.echo(report.show(runs.find(outputs, run_id)))


@app.command()
def compare(
    base: str,
    candidate: str,
    gate: Annotated[
        float | None,
        typer.Option(metavar="PERCENT", help="Exit 1 on a regression beyond it, 4 when that cannot be told."),
    ] = None,
    force: Annotated[bool, typer.Option(help="Compare even where environment, server or model differ.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Hold both once more, in turns: finds what hours apart would hide.")
    ] = False,
    outputs: Outputs = Path("outputs"),
) -> None:
    """What changed between two runs, in English, with confidence."""
    from playbook.analyze import again as holding
    from playbook.analyze import compare as comparing
    from playbook.records import runs

    one, two = (runs.find(outputs, name, whole=True) for name in (base, candidate))
    if again:
        one, two = holding.again(one, two, outputs, say=typer.echo, force=force)
    result = comparing.compare(one, two, gate=gate, force=force)
    typer.echo(result.text)
    raise typer.Exit(1 if result.regression else 4 if result.undecided else 0)


@app.command()
def sql(
    query: str,
    format_: Annotated[str, typer.Option("--format", help="table, csv, md or json.")] = "table",
    outputs: Annotated[str, typer.Option("--outputs", help="Folder (or bucket) of the run folders.")] = "outputs",
) -> None:
    """SQL over every record and every raw sample."""
    from playbook.records import store

    typer.echo(store.render(store.query(query, outputs), format_))
    if missing := store.passed_over(query, outputs):
        typer.echo(missing, err=True)
