"""Commands that run the chain, end what it left behind, and look at the machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from playbook.cli.app import Outputs, app
from playbook.cli.ctrl_c import importing


@app.command()
def run(
    params_path: Annotated[Path, typer.Argument(metavar="PARAMS", help="A parameters file, e.g. params/quick.yml.")],
    start: Annotated[str | None, typer.Option("--from", metavar="VERB", help="Begin at this verb.")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="VERB", help="Run just these verbs.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Override one.")] = None,
    outputs: Annotated[
        str, typer.Option("--outputs", help="Folder of the run folders, or s3://… or gs://….")
    ] = "outputs",
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN_ID", help="Finish this run; with --from: build on it.")
    ] = None,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit 3 when the promise is not kept, 4 when not proven.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Verify an image (server: docker) before its first run.")
    ] = True,
) -> None:
    """Run the chain, by papermill, and write the record."""
    with importing():
        from playbook.cli import chain
    folder, bucket = (Path("outputs"), outputs) if "://" in outputs else (Path(outputs), "")
    asked = chain.Asked(params_path, folder, set_ or [], only or [], start, resume, gate, verify, bucket)
    raise typer.Exit(chain.run(asked, lambda text: typer.echo(text, err=True)))


@app.command()
def plan(
    params_path: Annotated[Path, typer.Argument(metavar="PARAMS", help="A parameters file, e.g. params/quick.yml.")],
    start: Annotated[str | None, typer.Option("--from", metavar="VERB", help="Begin at this verb.")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="VERB", help="Plan just these verbs.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Override one.")] = None,
    outputs: Outputs = Path("outputs"),
) -> None:
    """What a run would do, how long it would take, and what it would leave out; nothing of it is run."""
    from playbook import plan as planning
    from playbook.chain import params

    typer.echo(planning.plan(params_path, params.assignments(set_ or []), outputs, only or [], start))


@app.command()
def stop(
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run; all of them when left out.")] = None,
    outputs: Outputs = Path("outputs"),
    force: Annotated[bool, typer.Option("--force", help="Also the servers of a run that still runs.")] = False,
) -> None:
    """Stop servers that a run left behind; those of a run that still runs only when told so."""
    from playbook.records import runs
    from playbook.serve import leftovers

    folders = [runs.find(outputs, run_id)] if run_id else [path.parent for path in outputs.glob("*/servers")]
    for folder, holder in leftovers.active(folders):
        asks = f"{folder.name} still runs ({holder.words}); its stage will fail. End its servers?"
        if not force and not (sys.stdin.isatty() and typer.confirm(asks)):
            typer.echo(f"{folder.name} still runs ({holder.words}): its servers are left alone; --force ends them.")
            folders.remove(folder)
    ended = leftovers.stop_noted(folders) + ([] if run_id else leftovers.stop_orphans())
    typer.echo("\n".join(f"Stopped the {words}." for words in ended) or "No server of ours is left behind.")
    if run_id and not folders:
        raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """What this machine can do, and how to get what it cannot."""
    from playbook import doctor as examining

    typer.echo(examining.report())
