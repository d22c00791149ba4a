"""Command lines that start a server by another program: kubectl run, gcloud run deploy, kn, docker compose run."""

from __future__ import annotations

import re

from playbook.lint.checks.command import OFFICIAL, Place, entrypoint_flags, is_official
from playbook.lint.checks.containers import check_image
from playbook.lint.checks.launch import Start, is_server, launch
from playbook.lint.checks.own_images import as_built, built_as
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.text import Word
from playbook.lint.readers.docker_words import options_of
from playbook.lint.readers.option_values import divided, several, values_of

# options that may set more variables than their words tell
_MORE_VARIABLES = (
    "--env-vars-file",
    "--set-secrets",
    "--update-secrets",
    "--overrides",
    "--env-from",
    "--env-file",
    "--flags-file",
)
_CLOUD_RUN_PORT = 8080  # where Cloud Run sends requests unless --port says otherwise


def read_cluster_run(words: list[Word], document: Document) -> Reading | None:
    """`kubectl run`, `kubectl create deployment`, `gcloud run deploy`, `gcloud ai models upload`, `kn service create`;
    None for others.

    kubectl takes the arguments behind `--`, gcloud those of `--args`, divided by commas or by what `^X^` names, kn
    those of `--arg`, one each.
    """
    words = words[1:] if words[:1] == ["sudo"] else words
    prefix = "--container-" if words[1:2] == ["ai"] or words[1:3] == ["beta", "ai"] else "--"
    shown = document.text.path
    names = ("--container-image-uri",) if prefix != "--" else ("--image", "--container-image")
    named = [word for name in names for word in values_of(words, name)]
    images = [(word, built_as(document.around, word, shown)) for word in named]
    if (
        not named and _is_knatives(words) and is_server("", _given(words, ("--arg", "--argument")))
    ):  # of an image that it has
        images = [(words[0].with_text(""), None)]
    reading, met = Reading(), False
    for image, built in images:
        start = _start_of(words, prefix, image, shown)
        if OFFICIAL not in image and built is None and not is_server(str(image), [*(start.entry or ()), *start.args]):
            continue
        met = True
        reading.counts["images"] += bool(image)
        reading.findings += check_image(str(image), shown, image.line) if OFFICIAL in image and built is None else ()
        if "run" in words[1:3] and start.managed:
            start.published = tuple(values_of(words, "--port")[-1:]) or (Word(_CLOUD_RUN_PORT, image.line),)
        if _is_knatives(words):
            given = [*values_of(words, "--port"), *values_of(words, "-p")]
            given = [each.with_text(each.rpartition(":")[2]) for each in given]  # h2c:8500
            start.published = tuple(given[-1:]) or (Word(_CLOUD_RUN_PORT, image.line),)
        if prefix != "--":
            start.published = tuple(each for given in values_of(words, "--container-ports") for each in divided(given))
        reading.add(launch(start if built is None else as_built(start, built)))
    return reading if met else None


def _is_knatives(words: list[Word]) -> bool:
    """True for what creates or changes a service of Knative."""
    ibms = words[:2] == ["ibmcloud", "ce"] and words[2:3] in (["application"], ["app"])  # IBM's Code Engine
    of_service = words[2:] if words[:2] == ["kn", "service"] else words[3:] if ibms else []
    return of_service[:1] in (["create"], ["update"], ["apply"])


def _given(words: list[Word], names: tuple[str, ...]) -> list[Word]:
    """The values of an option that is given once for each, in their order, whichever of its names it has."""
    found = []
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            found += [word.with_text(value)] if equals else words[place + 1 : place + 2]
    return found


def _start_of(words: list[Word], prefix: str, image: Word, shown: str) -> Start:
    """The container of such a command: its entrypoint, arguments and variables."""
    args = words[words.index(Word("--")) + 1 :] if "--" in words else []
    args = args or [each for given in values_of(words, prefix + "args") for each in divided(given)]
    args = args or values_of(words, "--container-arg")  # of a virtual machine
    google, knative = words[0] == "gcloud", _is_knatives(words)
    args = args or (_given(words, ("--arg", "--argument")) if knative else [])
    entry = [each for given in values_of(words, prefix + "command") if google for each in divided(given)]
    if knative:
        entry = _given(words, ("--cmd", "--command"))
    elif not google and Word("--command") in words:  # then the words behind `--` are the program and its arguments
        entry, args = args[:1], args[1:]
    names = (
        "--env",
        "--set-env-vars",
        "--update-env-vars",
        "--container-env-vars",
        "--container-env",
        *(("-e",) if knative else ()),
    )
    pairs = [each for name in names for given in values_of(words, name)
             for each in (divided(given) if google else [given])]  # fmt: skip
    variables = {pair.partition("=")[0]: pair.with_text(pair.partition("=")[2]) for pair in pairs}
    hidden = any(
        word.startswith(("--container-mount", "--add-volume", "--update-secrets", "--mount", "--volume"))
        for word in words
    )
    # nothing but the image is in what these start: they have no option that mounts, save those above
    bare = "run" in words[1:3] and is_official(image) and not any(word.startswith("--overrides") for word in words)
    place = Place(True, closed=bare and not hidden, image=str(image), hidden_mounts=hidden, whole=bare)
    start = Start(shown, image.line, str(image), entry or None, args, variables, place)
    start.open_environment = any(word.startswith(_MORE_VARIABLES) for word in words)
    start.managed = google or knative
    start.partial = knative and Word("update") in words[2:4]  # what is not named stays as it was
    return start


def read_azure(words: list[Word], document: Document) -> Reading | None:
    """`az container create` of the server's image, whose command line stands in the entrypoint's place; None else."""
    if words[:3] not in (["az", "container", "create"], ["az", "containerapp", "create"]):
        return None
    told = [*values_of(words, "--command-line"), *several(words, "--args")]
    images = [word for word in values_of(words, "--image")
              if is_server(word, [each for given in told for each in given.split()])]  # fmt: skip
    reading = Reading()
    for image in images[-1:]:
        reading.counts["images"] += 1
        reading.findings += check_image(str(image), document.text.path, image.line) if OFFICIAL in image else ()
        lines = values_of(words, "--command-line")
        entry = [word for line in lines for command in simple_commands(line.written, {}, line.line or 1)
                 for word in command.words]  # fmt: skip
        given = [*several(words, "--environment-variables"), *several(words, "-e"), *several(words, "--env-vars")]
        variables = {word.partition("=")[0]: word.with_text(word.partition("=")[2]) for word in given}
        place = Place(True, image=str(image), hidden_mounts=True)
        args = several(words, "--args")
        start = Start(document.text.path, image.line, str(image), entry or None, args, variables, place=place)
        start.published = tuple([*several(words, "--ports"), *several(words, "--target-port")])
        reading.add(launch(start))
    return reading if images else None


def read_singularity(words: list[Word], document: Document) -> Reading | None:
    """`singularity run` (or `exec`, with a command of its own) of the server's image; None for another command.

    A file of an image (`.sif`) is the server's where its words are, or where a line here pulls the image.
    """
    if not words or words[0].rpartition("/")[2] not in ("singularity", "apptainer"):
        return None
    place = next((nth for nth, word in enumerate(words) if word.startswith(f"docker://{OFFICIAL}")), None)
    file = next((nth for nth, word in enumerate(words) if word.endswith((".sif", ".simg"))), None)
    at = place if place is not None else file
    if at is None or (place is None and not _is_pulled(words, at, document)):
        return None
    args = words[at + 1 :]
    image = words[at].with_text(words[at].removeprefix("docker://") if place is not None else OFFICIAL)
    reading = Reading(
        findings=list(check_image(str(image), document.text.path, image.line) if place is not None else ())
    )
    reading.counts["images"] += 1
    entry = args[:1] if "exec" in words[:at] else None
    if "instance" in words[:at]:
        args = args[1:]  # the instance's name
    if {"run", "instance"} & {*words[:at]} or entry:
        start = Start(document.text.path, image.line, str(image), entry, args[1:] if entry else args)
        start.place, start.open_environment = Place(True, image=str(image), hidden_mounts=True), True  # the host's
        reading.add(launch(start))
    return reading


def _is_pulled(words: list[Word], at: int, document: Document) -> bool:
    """True for an image's file that holds the server: its words say so, or a line here that makes the file."""
    made = rf"\b(pull|build)\b[^\n]*{re.escape(words[at])}[^\n]*docker://{OFFICIAL}"
    return is_server("", words[at + 1 :]) or bool(re.search(made, document.text.content))


def compose_arguments(words: list[Word]) -> list[Word] | None:
    """What stands behind `docker compose run`; None for another command."""
    names = [word.rpartition("/")[2] for word in words]
    if "docker-compose" in names:
        begin = names.index("docker-compose") + 1
    elif "compose" in names and names[names.index("compose") - 1] in ("docker", "podman"):
        begin = names.index("compose") + 1
    else:
        return None
    behind = words[begin:]
    while behind and behind[0].startswith("-"):  # -f FILE, -p NAME and the like
        behind = behind[1:] if "=" in behind[0] or len(behind) < 2 else behind[2:]
    return behind[1:] if behind and behind[0] == "run" else None


def read_compose_run(words: list[Word], document: Document) -> Reading:
    """The flags that `docker compose run SERVICE` gives in the place of the service's command."""
    _, rest = options_of(words)
    args = rest[1:]
    if not args or not is_server("", args):
        return Reading()
    place = Place(True, folder=document.folder, hidden_mounts=True)
    start = Start(document.text.path, rest[0].line, "", None, args, place=place, implied=entrypoint_flags({}))
    return launch(start)
