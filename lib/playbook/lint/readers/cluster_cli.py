"""Command lines that start a server by another program: kubectl run, gcloud run deploy, docker compose run."""

from __future__ import annotations

from playbook.lint.checks.command import OFFICIAL, Place, entrypoint_flags
from playbook.lint.checks.containers import check_image
from playbook.lint.checks.launch import Start, is_server, launch
from playbook.lint.checks.own_images import as_built, built_as
from playbook.lint.checks.reading import Document, Reading
from playbook.lint.checks.schema import kind_of
from playbook.lint.forms.shell import simple_commands
from playbook.lint.forms.text import Text, Word
from playbook.lint.readers.docker_cli import options_of
from playbook.lint.readers.yaml_files import read_page
from playbook.lint.readers.yaml_pages import load

# options that may set more variables than their words tell
_MORE_VARIABLES = ("--env-vars-file", "--set-secrets", "--update-secrets", "--overrides", "--env-from", "--flags-file")
_CLOUD_RUN_PORT = 8080  # where Cloud Run sends requests unless --port says otherwise


def read_cluster_run(words: list[Word], document: Document) -> Reading | None:
    """`kubectl run`, `kubectl create deployment`, `gcloud run deploy` and `gcloud ai models upload`; None for others.

    kubectl takes the arguments behind `--`, gcloud those of `--args`, divided by commas or by what `^X^` names.
    """
    prefix = "--container-" if words[1:2] == ["ai"] or words[1:3] == ["beta", "ai"] else "--"
    shown = document.text.path
    named = _values(words, "--container-image-uri" if prefix != "--" else "--image")
    images = [(word, built_as(document.around, word, shown)) for word in named]
    reading, met = Reading(), False
    for image, built in images:
        if OFFICIAL not in image and built is None:
            continue
        met = True
        reading.counts["images"] += 1
        reading.findings += check_image(str(image), shown, image.line) if built is None else ()
        start = _start_of(words, prefix, image, shown)
        if "run" in words[1:3] and start.managed:
            start.published = tuple(_values(words, "--port")[-1:]) or (Word(_CLOUD_RUN_PORT, image.line),)
        if prefix != "--":
            start.published = tuple(each for given in _values(words, "--container-ports") for each in _divided(given))
        reading.add(launch(start if built is None else as_built(start, built)))
    return reading if met else None


def _start_of(words: list[Word], prefix: str, image: Word, shown: str) -> Start:
    """The container of such a command: its entrypoint, arguments and variables."""
    args = words[words.index(Word("--")) + 1 :] if "--" in words else []
    args = args or [each for given in _values(words, prefix + "args") for each in _divided(given)]
    google = words[0] == "gcloud"
    entry = [each for given in _values(words, prefix + "command") if google for each in _divided(given)]
    if not google and Word("--command") in words:  # then the words behind `--` are the program and its arguments
        entry, args = args[:1], args[1:]
    pairs = [each for name in ("--env", "--set-env-vars", "--update-env-vars", "--container-env-vars")
             for given in _values(words, name) for each in (_divided(given) if google else [given])]  # fmt: skip
    variables = {pair.partition("=")[0]: pair.with_text(pair.partition("=")[2]) for pair in pairs}
    start = Start(shown, image.line, str(image), entry or None, args, variables, Place(True, image=str(image)))
    start.open_environment = any(word.startswith(_MORE_VARIABLES) for word in words)
    start.managed = google
    return start


def read_azure(words: list[Word], document: Document) -> Reading | None:
    """`az container create` of the server's image, whose command line stands in the entrypoint's place; None else."""
    if words[:3] not in (["az", "container", "create"], ["az", "containerapp", "create"]):
        return None
    images = [word for word in _values(words, "--image") if OFFICIAL in word]
    reading = Reading()
    for image in images[-1:]:
        reading.counts["images"] += 1
        reading.findings += check_image(str(image), document.text.path, image.line)
        lines = _values(words, "--command-line")
        entry = [word for line in lines for command in simple_commands(line.written, {}, line.line or 1)
                 for word in command.words]  # fmt: skip
        given = [*_several(words, "--environment-variables"), *_several(words, "-e"), *_several(words, "--env-vars")]
        variables = {word.partition("=")[0]: word.with_text(word.partition("=")[2]) for word in given}
        place = Place(True, image=str(image), hidden_mounts=True)
        args = _several(words, "--args")
        start = Start(document.text.path, image.line, str(image), entry or None, args, variables, place=place)
        start.published = tuple([*_several(words, "--ports"), *_several(words, "--target-port")])
        reading.add(launch(start))
    return reading if images else None


def read_config_maps(words: list[Word], document: Document) -> Reading | None:
    """Config files that `kubectl create configmap` (or `secret`) is given as `--from-literal`; None for others."""
    if words[0].rpartition("/")[2] not in ("kubectl", "oc") or not {"configmap", "cm", "secret"} & {*words[1:4]}:
        return None
    reading = Reading()
    for literal in _values(words, "--from-literal"):
        name, _, content = literal.partition("=")
        if (flag := kind_of(content)) is not None:
            text = Text(content, document.text.path, literal.line or 1, templated="$" in content)
            reading.configs.append((flag, text))
            document.around.sources.extra.append((name, text))
    return reading if reading.configs else None


def read_kubectl(words: list[Word], document: Document) -> Reading | None:
    """Images that `kubectl set image` names, and what `kubectl patch` adds among arguments; None for others."""
    if words[0].rpartition("/")[2] not in ("kubectl", "oc") or len(words) < 3:
        return None
    reading = Reading()
    if words[1:3] == ["set", "image"]:
        for image in [word.with_text(word.partition("=")[2]) for word in words if OFFICIAL in word and "=" in word]:
            reading.counts["images"] += 1
            reading.findings += check_image(str(image), document.text.path, image.line)
    for patch in [*_values(words, "-p"), *_values(words, "--patch")] if "patch" in words[1:4] else ():
        text = Text(patch.written, document.text.path, patch.line or 1, document.text.file, document.text.templated)
        reading.add(read_page(load(Document(text, document.around)), [], []))
    return reading if reading.counts else None


def _several(words: list[Word], name: str) -> list[Word]:
    """The values of an option that takes several words: all up to the next option."""
    begin = next((place for place, word in enumerate(words) if word == name), len(words))
    end = next((place for place in range(begin + 1, len(words)) if words[place].startswith("-")), len(words))
    return words[begin + 1 : end]


def read_singularity(words: list[Word], document: Document) -> Reading | None:
    """`singularity run` (or `exec`, with a command of its own) of the server's image; None for another command."""
    place = next((nth for nth, word in enumerate(words) if word.startswith(f"docker://{OFFICIAL}")), None)
    if place is None or words[0].rpartition("/")[2] not in ("singularity", "apptainer"):
        return None
    image, args = words[place].with_text(words[place].removeprefix("docker://")), words[place + 1 :]
    reading = Reading(findings=list(check_image(str(image), document.text.path, image.line)))
    reading.counts["images"] += 1
    entry = args[:1] if "exec" in words[:place] else None
    if "run" in words[:place] or entry:
        start = Start(document.text.path, image.line, str(image), entry, args[1:] if entry else args)
        start.place, start.open_environment = Place(True, image=str(image), hidden_mounts=True), True  # the host's
        reading.add(launch(start))
    return reading


def _values(words: list[Word], name: str) -> list[Word]:
    """The values of an option, written behind `=` or as the next word."""
    given = [word.with_text(word.partition("=")[2]) for word in words if word.startswith(f"{name}=")]
    return given + [words[place + 1] for place, word in enumerate(words[:-1]) if word == name]


def _divided(given: Word) -> list[Word]:
    mark = given[1:].partition("^")[0] if given.startswith("^") else ","
    bare = given[len(mark) + 2 :] if given.startswith("^") else str(given)
    return [given.with_text(part) for part in bare.split(mark)]


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
