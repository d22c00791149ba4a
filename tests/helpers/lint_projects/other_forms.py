"""A server's flags in the forms of the matrix; and a page that tells a script's command again."""

from __future__ import annotations

from lint_forms import FLAGS, written

from lint_projects.commands import docker_run
from lint_projects.draws import Draw
from lint_projects.servers import Server


def any_form(draw: Draw, server: Server) -> dict[str, str]:
    """The flags in one of the matrix's forms, which name no config files."""
    forms = [name for name, (_, frame) in FLAGS.items() if "--num_load_threads" not in frame]  # a flag of its own
    path, frame = FLAGS[draw.choose("which form", *forms)]
    return {path: written(frame, server.words(draw))}


def told_again(draw: Draw, server: Server) -> dict[str, str]:
    """A script that starts the container, and a page that tells the same command with more around it."""
    command = docker_run(draw, server)
    files = {f"conf/{name}": text for name, text in server.files(draw).items()}
    page = f"# Models\n\nBatches of 64 were best (see `conf/`).\n\n```bash\n{command}```\n\nAsk it:\n\n```bash\n"
    page += "curl http://localhost:8501/v1/models/ranker\n```\n\nThen `docker stop tfs`.\n"
    return files | {"run.sh": f"#!/bin/bash\n{command}", "README.md": page}
