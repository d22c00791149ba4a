"""The console script `playbook`: each command is a few lines around one function of the library."""

from __future__ import annotations

import logging
import os
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from playbook.errors import ParameterError, PlaybookError, StageFailed

app = typer.Typer(
    help="From a TensorFlow model and a promise to a configuration that keeps it, and the record that proves it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Outputs = Annotated[Path, typer.Option("--outputs", help="Folder of the run folders.")]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"playbook {metadata.version('tfserving-playbook')} ({runs_root()})")
        raise typer.Exit


def runs_root() -> Path:
    """Where this playbook lies: it runs from an editable checkout, whose notebooks it executes."""
    return Path(__file__).resolve().parents[2]


@app.callback()
def everything(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """From a TensorFlow model and a promise to a configuration that keeps it, and the record that proves it."""


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


@app.command()
def monitor(
    url: str,
    every: Annotated[float, typer.Option(metavar="S", help="Seconds between samples.")] = 1.0,
    for_: Annotated[float | None, typer.Option("--for", metavar="S", help="Stop after so long.")] = None,
    outputs: Outputs = Path("outputs"),
) -> None:
    """Collect a server's metrics into the same store."""
    from playbook.monitor import monitor as monitoring

    typer.echo(monitoring.collect(url, every_s=every, for_s=for_, outputs=outputs))


@app.command()
def adapt(
    url: Annotated[str, typer.Option(help="REST address of the server, e.g. http://127.0.0.1:8501.")],
    base_path: Annotated[Path, typer.Option(help="The model's directory as the server polls it, mounted here.")],
    policy: Annotated[str, typer.Option(help="threshold, aimd or model.")] = "aimd",
    model_name: Annotated[str, typer.Option(help="The servable's name; the base path's last part when left out.")] = "",
    p99_limit_ms: Annotated[float, typer.Option(help="The promise.")] = 50.0,
    every: Annotated[float, typer.Option(metavar="S", help="Seconds between decisions.")] = 5.0,
    for_: Annotated[float, typer.Option("--for", metavar="S", help="Stop after so long; 0 runs on.")] = 0.0,
    keep: Annotated[int, typer.Option(help="Versions to keep.")] = 3,
    tuned_run: Annotated[
        Path | None, typer.Option(help="Folder of a run with tune.json, for the policy 'model'.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what would be changed, change nothing.")] = False,
    outputs: Outputs = Path("outputs"),
) -> None:
    """Let the batching parameters follow the load of a server that runs, by publishing versions."""
    from playbook.adapt import command
    from playbook.records import runs
    from playbook.serve.cores import step_aside

    settings = command.Settings(
        url=url,
        base_path=base_path,
        policy=policy,
        model_name=model_name,
        p99_limit_ms=p99_limit_ms,
        every_s=every,
        for_s=for_,
        keep=keep,
        tuned_run=tuned_run,
        dry_run=dry_run,
    )
    step_aside()
    command.run(settings, runs.create(outputs, Path("adapt"), {"url": url}), say=typer.echo)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def lint(
    context: typer.Context,
    target: Annotated[
        list[str] | None,
        typer.Argument(metavar="DIR_OR_FLAGS", help="Folders, files, or flags as the server gets them."),
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="text, json or sarif.")] = "text",
    fix: Annotated[bool, typer.Option("--fix", help="Mend what has one right answer; shows the diff first.")] = False,
    explain: Annotated[str | None, typer.Option(metavar="RULE", help="What a rule means; 'all' lists them.")] = None,
    allow_nothing: Annotated[
        bool, typer.Option("--allow-nothing", help="Exit 0, not 3, when nothing concerned a server (pre-commit).")
    ] = False,
) -> None:
    """Everything TensorFlow Serving would silently accept and get wrong, with the remedy.

    Exits 0 when all was read and is right, 1 with warnings, 2 with errors, 3 when nothing was read.
    """
    from playbook.lint import command_line

    words = [*(target or []), *context.args]
    raise typer.Exit(command_line.run(words, format_, fix, explain, allow_nothing, say=typer.echo, ask=typer.confirm))


@app.command()
def publish(run_id: str, destination: str, outputs: Outputs = Path("outputs")) -> None:
    """Write a run's model version and its record to a folder, s3:// or gs://, whole or not at all."""
    from playbook.deploy import publishing

    typer.echo("\n".join(publishing.publish_found(outputs, run_id, destination)))


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


def main() -> None:
    """Entry point: an error of ours is printed as it is, without a traceback, and exits 1 (2 for bad input)."""
    try:
        app()
    except ParameterError as error:
        sys.exit(_say(error, 2))
    except StageFailed as error:
        sys.exit(_say(error, 1))
    except PlaybookError as error:
        sys.exit(_say(f"{type(error).__name__}: {error}", 1))


def _say(message: object, code: int) -> int:
    print(message, file=sys.stderr)
    return code
