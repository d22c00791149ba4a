"""A server's command line with all that decides what it means: its place, its limits, the files it can see."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from playbook import knobs
from playbook.lint.forms.text import Text, Word, is_unknown, line_of
from playbook.tfserving.flags import ENTRYPOINT, FLAGS

BINARY = "tensorflow_model_server"
OFFICIAL = "tensorflow/serving"
PACKAGE = BINARY.replace("_", "-")  # as Debian calls it
# the ends of its name that tell how it was built: for a chip, by a release
BUILT = (
    r"(?:[-_.](?:neuron|universal|gpu|cpu|tpu|cuda|mkl|onednn|arm\w*|aarch64|amd64|x86|avx\w*|sse\w*|native|opt|debug|"
    r"release|static|linux|tf\d*|v?\d[\w.]*))+(?![\w.-]*\.(?:py|sh)\b)"
)
# as people write the program's name: right, as its package, or as a module that Python is to run
NAMED = (
    rf"(?:tensorflow[_-]model[_-]serv(?:er|ing)(?:{BUILT})?|-m\s+tensorflow_(?:model_)?serv\w*(?:\.\w+)+"
    r"|(?:tensorflow|tf)[_-]?(?:model[_-]?)?serv(?:ing|er)(?:[_-]server)?(?=\s+(?:\\\s*)?--(?:port|rest_api_port|model_)))"
)
ENTRYPOINT_SCRIPT = "tf_serving_entrypoint.sh"


@dataclass(frozen=True)
class Mount:
    """Something put at `target` in a container: a host's path, a ConfigMap's keys, or a volume nobody can see into.

    `source` is the path here, None where it lies elsewhere; `named` how the text writes it; `files` the whole content
    where it is a ConfigMap (of the name `config_map`) or written by the image's own steps.
    """

    target: str
    source: Path | None = None
    named: str = ""
    files: Mapping[str, Text] | None = None
    config_map: str = ""
    line: int | None = None
    claim: str = ""  # the name of a claim, which other pods mount, too
    whole: bool = False  # a whole volume of a pod's, which is a folder: no file can lie at the target itself
    by_key: bool = False  # one path of a pod's volume (subPath), which stays as it was when the pod began
    flat: bool = False  # of ConfigMaps and Secrets alone, whose keys are files: no folder lies in it
    filled: frozenset[str] = frozenset()  # the names that containers beside the server's put into it; none: not told
    copied: bool = False  # by the steps of an image, not mounted where it is run

    def rest_of(self, path: str) -> str | None:
        """`path` below the target ("" for the target itself); None when it lies elsewhere."""
        target = self.target.rstrip("/") or "/"
        if path.rstrip("/") == target:
            return ""
        prefix = target.rstrip("/") + "/"
        return path[len(prefix) :] if path.startswith(prefix) else None


@dataclass(frozen=True)
class Place:
    """Where a process runs. `closed`: nothing is in its container but the official image and the mounts."""

    container: bool = False
    closed: bool = False
    mounts: tuple[Mount, ...] = ()
    folder: Path | None = None  # of the text that starts it: host paths are relative to it
    image: str = ""
    hidden_mounts: bool = False  # a mount whose target is not known
    built: bool = False  # by a Dockerfile alone: more may be mounted when it is run
    whole: bool = False  # a pod's text that leaves nothing out: what is not mounted there is nowhere
    dockerfile: str = ""  # the text that makes the image, where it is built here and run elsewhere
    workdir: str = ""  # of the container, where the official image's (/) is changed

    def absolute(self, path: str) -> str:
        """The path as the process sees it; containers of the image start in /, or in their own working folder."""
        whole = path if path.startswith("/") or not self.container else f"{self.workdir}/{path.removeprefix('./')}"
        return re.sub("/{2,}", "/", whole)

    def over(self, path: str) -> Iterator[tuple[Mount, str]]:
        """Mounts at or above `path`, nearest first, with what remains of it."""
        nearest = sorted(self.mounts, key=lambda mount: -len(mount.target))
        for mount in nearest:
            rest = mount.rest_of(path)
            if rest is not None:
                yield mount, rest

    def below(self, path: str) -> set[str]:
        """Names right below `path` that mounts deeper down bring into being."""
        prefix = path.rstrip("/") + "/"
        return {mount.target[len(prefix) :].partition("/")[0] for mount in self.mounts
                if mount.target.startswith(prefix)}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A command line and where it stands.

    `cpus` is what the process may be scheduled on (None unknown), `cpu_limit` a quota that does not change that;
    `implied` the flags that an entrypoint puts in front. `given` holds the flags as read: the last one wins, bare
    booleans read as "true"; `lines` where each stands.
    """

    words: Sequence[str]
    path: str = "command line"
    line: int | None = None
    cpus: int | None = None
    cpu_limit: float | None = None
    implied: Mapping[str, str] = field(default_factory=dict)
    place: Place = Place()
    given: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int | None] = field(default_factory=dict)
    published: tuple[Word, ...] = ()  # ports of the container that are published, where that is the point of the text
    managed: bool = False  # by a platform that measures and drains beside the server (KServe, Knative)
    pasted: bool = False  # one text of flags, as it is copied from where they are used
    unread: Mapping[str, str] = field(default_factory=dict)  # variables that were to be settings, and are none
    since: int | None = None  # a line above which nothing is said: what stands there is run, and judged by itself
    health: Word | None = None  # the command of its container's health check
    partial: bool = False  # flags of which the rest stands elsewhere (a patch, a fragment, a template's branch)
    called: tuple[str, ...] = ()  # the names by which containers beside its own reach it
    step: bool = False  # of a container that is only there for an image to be made of it: nobody asks it
    beside: bool = False  # its script starts other programs too, which have ports of their own

    @property
    def in_prose(self) -> bool:
        """True for a line of a document: it does not say in which folder it is run, and has values to fill in."""
        return self.path.lower().endswith((".md", ".rst", ".ipynb", ".markdown", ".mdx", ".adoc"))

    def text(self, name: str, default: str = "") -> str:
        """The value in force, the entrypoint's own flags included."""
        return self.given[name] if name in self.given else self.implied.get(name, default)

    def number(self, name: str, default: int = 0) -> int:
        """The whole number in force; a value that does not parse counts as `default` (another rule reports it)."""
        text = self.text(name)
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else default

    def on(self, name: str) -> bool:
        """True when a boolean flag is set."""
        return self.text(name).lower() in ("true", "1")

    def threads(self, name: str) -> int | None:
        """A server thread count: set, or the default for the CPUs known; None when neither is known."""
        if is_unknown(self.text(name)):
            return None
        set_to = self.number(name)
        if set_to > 0:
            return set_to
        return None if self.cpus is None else knobs.default(name, self.cpus)

    def at(self, name: str) -> int | None:
        """The line of a flag, or of the variable that gives it; the command's own where neither is known."""
        implied = None if name in self.given else line_of(self.implied.get(name))
        return self.lines.get(name) or implied or self.line

    def knows(self, name: str) -> bool:
        """False where the flag's value is filled in later."""
        return not is_unknown(self.text(name))


def entrypoint_flags(environment: Mapping[str, str]) -> dict[str, str]:
    """What the official image's script puts in front, from MODEL_NAME and MODEL_BASE_PATH."""
    name = environment.get("MODEL_NAME") or "model"
    base = environment.get("MODEL_BASE_PATH") or "/models"
    path = f"{base}/{name}"
    return {
        **ENTRYPOINT,
        "model_name": name,
        "model_base_path": base.with_text(path) if isinstance(base, Word) else path,
    }


def is_server_word(word: str) -> bool:
    """True for the binary's name, with or without its folder; not for where it is fetched from."""
    return word.rpartition("/")[2] == BINARY and "://" not in word


def after_binary(words: Sequence[str]) -> list[str]:
    """The arguments behind the server's name, all words when it is not named."""
    places = [index for index, word in enumerate(words) if is_server_word(word)]
    return list(words[places[-1] + 1 :]) if places else list(words)


def nearest_flag(name: str, likeness: float = 0.6) -> str:
    """The flag that a name without its dashes is likely to mean, "" for none."""
    near = get_close_matches(name.replace("-", "_"), FLAGS, n=1, cutoff=likeness)
    return near[0] if near else ""


def is_known(image: str) -> bool:
    """False for an image of somebody's own, whose entrypoint may give any flag."""
    return not image or "tensorflow" in image or "serving" in image


def is_path(word: str) -> bool:
    """True for a path or a metric's name that holds the image's name: /tensorflow/serving/request_count."""
    return word.startswith("/") or f"{OFFICIAL}/" in word


def is_official(image: str) -> bool:
    """True for the official image: its name without a registry of somebody else's in front."""
    name = image.partition("@")[0]
    named = re.match(r"^(docker\.io/|index\.docker\.io/)?tensorflow/serving(:|$)", name)
    return bool(named) and not has_own_tag(name)


def has_own_tag(image: str) -> bool:
    """True for a tag of letters that no release has: somebody made that image, of which nothing is known."""
    return bool(re.search(rf"{OFFICIAL}:(?!latest|nightly|[vV]\d)[A-Za-z_]", image))
