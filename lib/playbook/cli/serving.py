"""Commands for what is served or deployed: verify, watch and adapt it, check its configuration, publish a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from playbook.cli.app import CaFile, ClientCertificate, ClientKey, Outputs, ServerName, app


def _over_tls(urls: list[str], ca_file: str, client_certificate: str, client_key: str, server_name: str) -> None:
    """Whom connections to these addresses believe, where they want TLS. Raises ParameterError as `trust.chosen`."""
    from playbook.records import trust

    chosen = trust.chosen(ca_file, client_certificate, client_key, server_name)
    for url in urls:
        trust.note(url, chosen)


@app.command()
def monitor(
    url: str,
    every: Annotated[float, typer.Option(metavar="S", help="Seconds between samples.")] = 1.0,
    for_: Annotated[float | None, typer.Option("--for", metavar="S", help="Stop after so long.")] = None,
    ca_file: CaFile = "",
    client_certificate: ClientCertificate = "",
    client_key: ClientKey = "",
    server_name: ServerName = "",
    outputs: Outputs = Path("outputs"),
) -> None:
    """Collect a server's metrics into the same store."""
    from playbook.monitor import monitor as monitoring

    _over_tls([url], ca_file, client_certificate, client_key, server_name)
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
    ca_file: CaFile = "",
    client_certificate: ClientCertificate = "",
    client_key: ClientKey = "",
    server_name: ServerName = "",
    outputs: Outputs = Path("outputs"),
) -> None:
    """Let the batching parameters follow the load of a server that runs, by publishing versions.

    Exits 1 where the server ended or a change could not be made.
    """
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
    _over_tls([url], ca_file, client_certificate, client_key, server_name)
    step_aside()
    adapted = command.run(settings, runs.create(outputs, Path("adapt"), {"url": url}), say=typer.echo)
    raise typer.Exit(0 if adapted.to_the_end else 1)


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
    beside: Annotated[
        bool, typer.Option("--beside", help="Read what lies beside named files too; tell of them alone (pre-commit).")
    ] = False,
) -> None:
    """Everything TensorFlow Serving would silently accept and get wrong, with the remedy.

    Exits 0 when all was read and is right, 1 with warnings, 2 with errors, 3 when nothing was read.
    """
    from playbook.lint import command_line

    words = [*(target or []), *context.args]
    say, ask = typer.echo, typer.confirm
    raise typer.Exit(command_line.run(words, format_, fix, explain, allow_nothing, say, ask, beside))


@app.command()
def verify(
    url: Annotated[str, typer.Argument(metavar="[URL]", help="REST address of a server that runs.")] = "",
    image: Annotated[str, typer.Option(help="An image of TensorFlow Serving; servers of it are started.")] = "",
    server: Annotated[str, typer.Option(help="embedded or binary; servers of it are started.")] = "",
    model: Annotated[str, typer.Option(help="The model that the server of URL serves.")] = "model",
    grpc_url: Annotated[str, typer.Option(help="Its gRPC address, host:port.")] = "",
    metrics_url: Annotated[str, typer.Option(help="Its metrics page.")] = "",
    ca_file: CaFile = "",
    client_certificate: ClientCertificate = "",
    client_key: ClientKey = "",
    server_name: ServerName = "",
    outputs: Outputs = Path("outputs"),
) -> None:
    """Whether a server is what this playbook's advice takes TensorFlow Serving to be; exits 1 where it differs."""
    from playbook.errors import ParameterError
    from playbook.verify import verify as verifying

    if sum(map(bool, (url, image, server))) != 1:
        raise ParameterError("verify asks one server: give a URL, --image NAME or --server embedded|binary.")
    if image:
        found = verifying.image(image, outputs, typer.echo)
    elif server:
        found = verifying.process(server, outputs, typer.echo)
    else:
        _over_tls([url, grpc_url, metrics_url], ca_file, client_certificate, client_key, server_name)
        found = verifying.attached(url, model, outputs, grpc_url, metrics_url, typer.echo)
    raise typer.Exit(1 if found["differs"] else 0)


@app.command()
def publish(run_id: str, destination: str, outputs: Outputs = Path("outputs")) -> None:
    """Write a run's model version and its record to a folder, s3:// or gs://, whole or not at all."""
    from playbook.deploy import publishing

    typer.echo("\n".join(publishing.publish_found(outputs, run_id, destination)))
