"""What was read: command lines and config texts, how many parts of each kind, and what was passed over and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from playbook.knobs import METRICS_PATH
from playbook.lint.checks.command import Command, Place
from playbook.lint.checks.lookup import Sources
from playbook.lint.forms.text import Text, Word
from playbook.lint.rules.findings import Finding, finding

# what reading a text of a shape that no schema would allow may raise
SHAPES = (AttributeError, TypeError, ValueError, LookupError, RecursionError)


@dataclass
class Reading:
    """What a reader got out of a text. `counts` by kind ("pods", "images", ...); `passed` says why nothing was read."""

    commands: list[Command] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    configs: list[tuple[str, Text]] = field(default_factory=list)  # flag, text of its kind that no flag has named yet
    counts: Counter[str] = field(default_factory=Counter)
    scraped: list[Word] = field(default_factory=list)  # targets of Prometheus' that are meant for a server here
    watched: list[Word] = field(default_factory=list)  # Prometheus' jobs that ask for the path of a server's metrics
    passed: str = ""

    def add(self, other: Reading) -> None:
        """Take over what another reader got."""
        self.commands += other.commands
        self.findings += other.findings
        self.configs += other.configs
        self.counts += other.counts
        self.scraped += other.scraped
        self.watched += other.watched
        self.passed = self.passed or other.passed

    def report(self, rule: str, path: str, line: int | None, /, **words: object) -> None:
        """Keep a finding."""
        self.findings.append(finding(rule, path, line, **words))

    def without(self, rule: str, words: str) -> Reading:
        """The same without what a rule says in these words, which another said."""
        return replace(self, findings=[hit for hit in self.findings if hit.rule != rule or words not in hit.message])

    @property
    def understood(self) -> bool:
        """True when anything was read."""
        return bool(self.commands or self.configs or any(self.counts.values()))


@dataclass
class Surroundings:
    """What the texts of one folder know of each other; readers look here for what stands in another file."""

    sources: Sources
    config_maps: dict[str, Mapping[str, Text]] = field(default_factory=dict)
    served: str = METRICS_PATH  # where the server shows metrics
    images: dict[str, Image] = field(default_factory=dict)  # by the Dockerfile's path
    builds: dict[str, list[tuple[str, Image, str]]] = field(default_factory=dict)  # see own_images
    containers: dict[tuple[str, str], Container] = field(default_factory=dict)  # by text and name; see committed
    entered: dict[str, Entered] = field(default_factory=dict)  # by document: the container whose shell it last opens
    added: dict[str, set[int]] = field(default_factory=dict)  # of diffs: the lines that they add, by path
    cpus: int | None = None
    exported: Mapping[str, str] = field(default_factory=dict)  # variables that shells of this text find set
    origins: dict[str, Sequence[tuple[str, int]]] = field(default_factory=dict)  # of rendered texts: path, line by line
    as_written: list[Finding] = field(default_factory=list)  # of charts, at the lines of their templates
    rendered: dict[Path, str] = field(default_factory=dict)  # what a chart's templates make, in the place of their text
    readers: Mapping[str, Callable[[Document], Reading]] = field(default_factory=dict)  # of texts inside texts


@dataclass(frozen=True)
class Image:
    """An image as its Dockerfile makes it: what its start would run, its variables and what was copied into it."""

    base: str
    entry: tuple[str, ...] | None
    cmd: tuple[str, ...]
    environment: Mapping[str, str]
    mounts: tuple = ()
    closed: bool = False
    folder: Path | None = None
    reading: Reading | None = None  # what is said of a Dockerfile that nobody else reads: inside a text, or one stage
    inline: bool = False  # its Dockerfile stands in the text that builds it
    path: str = ""  # the Dockerfile, as it is shown
    scripts: Mapping[str, Text] = field(default_factory=dict)  # whose text is known, by their path inside
    partial: bool = False  # what it would run was lost, and is said of the Dockerfile
    arguments: frozenset[str] = frozenset()  # what ARG names in it
    workdir: str = ""  # where it starts, if the Dockerfile says so


@dataclass(frozen=True)
class Entered:
    """A container of the server's image in whose shell one types: where that is, and its published ports."""

    place: Place
    published: tuple[Word, ...]


@dataclass
class Container:
    """A container of the server's image that a text starts by name: what it copies into it, and whether that is all."""

    image: str
    mounts: list = field(default_factory=list)
    closed: bool = True


@dataclass
class Document:
    """A text to read, with its surroundings and where it stands."""

    text: Text
    around: Surroundings

    @property
    def folder(self) -> Path | None:
        """The folder the text lies in."""
        return self.text.file.parent if self.text.file is not None else None

    def read_as(self, kind: str, text: Text) -> Reading:
        """What the reader of another kind makes of a text inside this one; nothing where there is none."""
        reader = self.around.readers.get(kind)
        return reader(Document(text, self.around)) if reader is not None else Reading()


def with_exported(document: Document, variables: Mapping[str, str]) -> Document:
    """The document, whose shells find these variables set beside those that they have."""
    if not variables:
        return document
    around = replace(document.around, exported={**document.around.exported, **variables})
    return Document(document.text, around)
