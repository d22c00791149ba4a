"""Commands on records: list, show, write their pages, share, tag, compare, ask by SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from playbook.cli.app import Outputs, Run, app, run_ids


@app.command(name="list")
def list_(
    model: Annotated[str | None, typer.Option(help="Only runs of this model.")] = None,
    server: Annotated[str | None, typer.Option(help="Only this kind: embedded, binary, docker, attach.")] = None,
    answer: Annotated[str | None, typer.Option(help="Only these: kept, not kept, not proven, none.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only runs with this tag.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Only runs of this day or later.")] = None,
    verdicts: Annotated[bool, typer.Option("--verdicts", help="The verdict of each run below it.")] = False,
    outputs: Outputs = Path("outputs"),
) -> None:
    """The records, newest first: date, promise, answer, rate, p99, gain, tags and notes."""
    from playbook.report import catalogue

    wanted = catalogue.Filter(model, server, answer, tag, since)
    typer.echo(catalogue.listing(outputs, wanted, verdicts))


@app.command()
def show(run_id: Run = "latest", outputs: Outputs = Path("outputs")) -> None:
    """One record in the terminal."""
    from playbook.records import runs
    from playbook.report import report, terminal

    typer.echo(terminal.rendered(report.show(runs.find(outputs, run_id))))


@app.command()
def record(run_id: Run = "latest", outputs: Outputs = Path("outputs")) -> None:
    """Write record.md and record.html of a run from whatever stages it has, and the index of all runs."""
    from playbook.records import runs
    from playbook.report import report

    typer.echo(f"Record: {report.write(runs.find(outputs, run_id))}")


@app.command()
def share(
    run_id: Run = "latest",
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where; .html makes one page with the data inside.")
    ] = None,
    outputs: Outputs = Path("outputs"),
) -> None:
    """Put a run, without its model, into one file: a zip of page, records, notebooks and data, or a page with them."""
    from playbook.records import runs
    from playbook.report import sharing

    run_dir = runs.find(outputs, run_id)
    file = sharing.share(run_dir, to or Path(f"{run_dir.name}.zip"))
    typer.echo(f"Shared: {file} ({file.stat().st_size / 2**20:.1f} MB), without the model: `publish` hands that on.")


@app.command()
def tag(
    run_id: Annotated[str, typer.Argument(metavar="RUN", autocompletion=run_ids)],
    tags: Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="Tags to add.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="TAG", help="A tag to take away.")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="A note in place of the one before.")] = None,
    outputs: Outputs = Path("outputs"),
) -> None:
    """Give a run tags and a note; `playbook list` and the index show them. The records stay as they are."""
    from playbook.records import remarks, runs

    said = remarks.change(runs.find(outputs, run_id), tags or (), remove or (), note)
    typer.echo(f"Tags: {', '.join(said.tags) or 'none'}. Note: {said.note or 'none'}")


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
        one, two = holding.again(one, two, outputs, say=typer.echo, force=force, gate=gate)
    result = comparing.compare(one, two, gate=gate, force=force)
    typer.echo(result.text)
    raise typer.Exit(1 if result.regression else 4 if result.undecided else 0)


@app.command()
def sql(
    query: Annotated[
        str | None,
        typer.Argument(metavar="QUERY", help="SQL, or the name of a ready-made question; nothing lists both."),
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="table, csv, md or json.")] = "table",
    outputs: Annotated[str, typer.Option("--outputs", help="Folder (or bucket) of the run folders.")] = "outputs",
) -> None:
    """SQL over every record and every raw sample; without a query: the tables, and questions by name."""
    from playbook.records import queries, store

    if not query:
        typer.echo(store.menu())
        return
    asked = queries.QUERIES.get(query.strip())
    statement = asked.sql if asked else query
    typer.echo(store.render(store.query(statement, outputs), format_))
    if missing := store.passed_over(statement, outputs):
        typer.echo(missing, err=True)
