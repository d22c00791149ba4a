"""Commands that run the chain, end what it left behind, and look at the machine."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from playbook.cli.app import Outputs, app


@app.command()
def run(
    params_path: Annotated[Path, typer.Argument(metavar="PARAMS", help="A parameters file, e.g. params/quick.yml.")],
    start: Annotated[str | None, typer.Option("--from", metavar="VERB", help="Begin at this verb.")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="VERB", help="Run just these verbs.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Override one.")] = None,
    outputs: Outputs = Path("outputs"),
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN_ID", help="Finish this run; with --from: build on it.")
    ] = None,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit 3 when the promise is not kept, 4 when not proven.")
    ] = False,
) -> None:
    """Run the chain, by papermill, and write the record."""
    from playbook.chain import outcome, params, pipeline
    from playbook.chain.terminal import StageLine
    from playbook.report import report

    begun, line = time.monotonic(), StageLine()
    prepared = pipeline.prepare(params_path, outputs, params.assignments(set_ or []), only or [], start, resume)
    on = f", on what {prepared.builds_on} left" if prepared.builds_on else ""
    line.say(f"Run {prepared.run_dir.name}: {' → '.join(prepared.verbs) or 'nothing left to do'}{on}")
    try:
        pipeline.execute(prepared, line)
    except KeyboardInterrupt as error:
        logging.getLogger("asyncio").disabled = True  # else it tells at exit of nbclient's task that was cut short
        typer.echo(
            f"Interrupted ({error.args[0] if error.args else 'SIGINT'}); everything started was ended.", err=True
        )
        raise typer.Exit(130) from error
    finally:
        page = report.write(prepared.run_dir)
    total = time.monotonic() - begun
    rest = total - prepared.measured_s
    line.say(f"{total:.0f} s in all: {prepared.measured_s:.0f} s measuring and training, {rest:.0f} s everything else.")
    line.say(report.headline(prepared.run_dir).strip("*"))
    line.say(f"Record: {os.path.relpath(page) if Path.cwd() in page.parents else page}")
    ended = outcome.outcome(prepared.run_dir, gate)
    if ended.code:
        typer.echo(f"Exit {ended.code}: {ended.why}", err=True)
        raise typer.Exit(ended.code)


@app.command()
def stop(
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run; all of them when left out.")] = None,
    outputs: Outputs = Path("outputs"),
) -> None:
    """Stop servers that a run left behind."""
    from playbook.records import runs
    from playbook.serve import serve

    folders = [runs.find(outputs, run_id)] if run_id else [path.parent for path in outputs.glob("*/servers")]
    ended = [words for folder in folders for words in serve.stop_all(folder)]
    typer.echo("\n".join(f"Stopped the {words}." for words in ended) or "No server of ours is running.")


@app.command()
def doctor() -> None:
    """What this machine can do, and how to get what it cannot."""
    from playbook import doctor as examining

    typer.echo(examining.report())
