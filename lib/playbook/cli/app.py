"""The console script `playbook`: its application, and what every command shares."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="From a TensorFlow model and a promise to a configuration that keeps it, and the record that proves it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def folder(given: str | Path) -> Path:
    """The folder named by --outputs.

    Raises:
        typer.BadParameter: it is a bucket; says which commands take one.
    """
    if "://" in str(given):
        raise typer.BadParameter(
            f"{given} is a bucket, and this command reads a folder. `playbook run` copies a run to a bucket, "
            "`playbook sql` asks one; copy what you want to look at into a folder."
        )
    return Path(given)


CaFile = Annotated[str, typer.Option(help="Authorities (PEM) that signed its certificate, where that is TLS.")]
ClientCertificate = Annotated[str, typer.Option(help="PEM, where it asks for one.")]
ClientKey = Annotated[str, typer.Option(help="The key of that certificate.")]
ServerName = Annotated[str, typer.Option(help="The name its certificate is for, if not the address's.")]
Outputs = Annotated[Path, typer.Option("--outputs", parser=folder, metavar="DIR", help="Folder of the run folders.")]


def run_ids(incomplete: str) -> list[str]:
    """The runs of ./outputs, for a shell that completes words."""
    return sorted({path.parent.name for path in Path("outputs").glob(f"{incomplete}*/*.json")})


Run = Annotated[
    str,
    typer.Argument(metavar="[RUN]", help="Its id, a part of it that only one has, or latest.", autocompletion=run_ids),
]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"playbook {metadata.version('tfserving-playbook')} ({runs_root()})")
        raise typer.Exit


def runs_root() -> Path:
    """Where this playbook lies: it runs from an editable checkout, whose notebooks it executes."""
    return Path(__file__).resolve().parents[3]


@app.callback()
def everything(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """From a TensorFlow model and a promise to a configuration that keeps it, and the record that proves it."""
