"""One container or process to be started, as its text describes it, and whether it is the server's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from playbook.lint.checks.command import BINARY, ENTRYPOINT_SCRIPT, OFFICIAL, Place, nearest_flag
from playbook.lint.checks.image_tags import is_servers
from playbook.lint.forms.text import Text, Word
from playbook.tfserving.flags import FLAGS

# flags that other programs have, too, OpenVINO's server among them
_ANYBODYS = {"port", "version", "model_name", "file_system_poll_wait_seconds", "grpc_channel_arguments",
             "mixed_precision"}  # fmt: skip
_ALIKE = 0.85
_NAMED = re.compile(r"(?:^|/)tensorflow[-_]serving(?:[-_](?:gpu|cpu|mkl|arm\w*))?(?::|@|$)")  # images that others make

# the same inside a longer name, as companies call theirs; a word more may make another program of it
_CALLED = re.compile(r"(?:^|[/_.-])(?:tensorflow|tf)[-_]?serving(?![^:@/]*(?:proxy|client|api|exporter|loader|init|"
                     r"gateway|front|web|ui\b|test|build|devel))(?=$|[-_.:@])", re.IGNORECASE)  # fmt: skip


@dataclass
class Start:
    """One container or process to be started. `entry` None: the image's own entrypoint; `kubernetes`: `$(NAME)`."""

    path: str
    line: int | None
    image: str = ""
    entry: list[Word] | None = None
    args: list[Word] = field(default_factory=list)
    environment: dict[str, Word] = field(default_factory=dict)
    place: Place = field(default_factory=Place)
    cpus: int | None = None
    cpu_limit: float | None = None
    published: tuple[Word, ...] = ()
    kubernetes: bool = False
    open_environment: bool = False  # more variables come from elsewhere (env_file, envFrom)
    scripts: Mapping[str, Text] = field(default_factory=dict)  # scripts whose text is known, by their path inside
    implied: Mapping[str, str] | None = None  # what another platform puts in front
    managed: bool = False  # by a platform that measures and drains beside the server (KServe, Knative)
    filled: bool = False  # `$NAME` is filled in before the platform reads the text (envsubst)
    partial: bool = False  # a patch: the rest of the flags stands elsewhere
    reading: str = ""  # more text that may read the variables: the Dockerfile's own steps
    inherited: frozenset[str] = frozenset()  # variables of the image, which its Dockerfile is asked about
    build_arguments: frozenset[str] = frozenset()  # ARG of its Dockerfile, of which the build tells
    health: Word | None = None  # the command of its health check
    for_shell: frozenset[str] = frozenset()  # `$${NAME}` of compose: variables that its own shell is to fill in
    own_image: bool = False  # the image's environment and script are known from its Dockerfile


def is_server(image: str, words: list[Word] | list[str]) -> bool:
    """True for a container that serves: by its image, the binary's name, two of its flags, or one without an image."""
    named = (word.lstrip("-").partition("=")[0].partition(" ")[0] for word in words if word.startswith("--"))
    names = {name.replace("-", "_") for name in named}
    flags = names & FLAGS.keys()
    enough = 0 if "serving" in image or "model_base_path" in flags else 1
    if (
        is_servers(image)
        or any(BINARY in word or ENTRYPOINT_SCRIPT in word for word in words)
        or len(flags - _ANYBODYS) > enough
    ):
        return True
    return not image and any(nearest_flag(name, _ALIKE) for name in names - _ANYBODYS)  # a patch: no image in it


def is_anothers(image: str) -> bool:
    """True for an image that its name alone tells to be the server's, made by somebody else: its ports, variables and
    folders are its own."""
    return OFFICIAL not in image and bool(_NAMED.search(image))


def is_called_so(image: str) -> bool:
    """True for an image that somebody made and called by the server's name, within a name of its own: what it starts
    is not known here, but whom the objects around it are about is."""
    return OFFICIAL not in image and bool(_CALLED.search(image))


def tells_model(args: object) -> bool:
    """True for a whole list of arguments that says what is to be served: no flag of it stands elsewhere."""
    words = args if isinstance(args, list) else ()
    return any(str(word).startswith(("--model_base_path=", "--model_config_file=")) for word in words)


def is_run_with_flags(start: Start) -> bool:
    """True for an image of the server's program alone: nothing in its Dockerfile tells of a model or of ports."""
    told = {"MODEL_NAME", "MODEL_BASE_PATH"} & start.environment.keys() or "EXPOSE" in start.reading
    return len([*(start.entry or ()), *start.args]) == 1 and not told


def is_script(entry: list[Word] | list[str]) -> bool:
    """True when the entrypoint is the official image's script."""
    return bool(entry) and ENTRYPOINT_SCRIPT in entry[0]
