"""What holds for every container, however it is started: its image, health check, CPU limit, mounts and ports."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from playbook.lint.checks.command import BINARY, OFFICIAL, Command, Mount, is_official, is_path
from playbook.lint.checks.image_tags import wrong_tag
from playbook.lint.checks.lookup import Sources
from playbook.lint.checks.port_remedies import of_published
from playbook.lint.forms.text import Word, is_unknown, line_of, place_of
from playbook.lint.rules.findings import Finding, finding

IMAGE = re.compile(rf"(docker\.io/)?{OFFICIAL}(:[\w.-]+)?(@sha256:\w+)?")
IMAGE_IN_JSON = re.compile(rf"\"\w*[iI]mage\"\s*:\s*\"{IMAGE.pattern}\"")
_AVAILABLE = re.compile(r'state[\\"\']*\s*[:.]?.{0,12}AVAILABLE', re.DOTALL)


def check_image(image: str, shown: str, line: int | None) -> Iterator[Finding]:
    """A tag that moves or that no release has, or no tag at all, of an image that serves."""
    if not image or is_unknown(image) or "@sha256:" in image or is_path(image):
        return
    if image.endswith(":"):  # a program puts the tag behind it
        return
    why, right = wrong_tag(image)
    if why:
        yield finding("image-tag-unknown", shown, line, image=image, why=why, right=right)
        return
    tag = image.rpartition("/")[2].partition(":")[2]
    if not tag or tag.startswith(("latest", "nightly")):
        problem = "the tag moves" if tag else "without a tag it means latest"
        yield finding("image-not-pinned", shown, line, image=image, problem=problem)


_TRAINING = re.compile(r"(docker\.io/)?tensorflow/tensorflow(:[\w.-]+)?(@sha256:\w+)?")
_SERVERS_OWN = {"MODEL_NAME", "MODEL_BASE_PATH", "8500", "8501"}


def check_other_image(image: Word, words: Sequence[Word], told: set[str], shown: str) -> Iterator[Finding]:
    """TensorFlow's own image in the place of the server's; `told` holds names of variables and ports."""
    meant = any(BINARY in word for word in words[:1]) if words else bool(_SERVERS_OWN & told)
    if _TRAINING.fullmatch(image) and meant:
        yield finding("image-without-server", shown, line_of(image), image=image)


TOOLS = ("curl", "wget", "python3", "python", "nc", "grpc_health_probe")


def check_health(text: str, image: str, tools: set[str], shown: str, line: int | None) -> Iterator[Finding]:
    """Findings of one health check's command; `tools` are those the image was given."""
    has_curl = "gpu" in image or "devel" in image
    official = OFFICIAL in image
    for tool in TOOLS:
        called = re.search(rf"(^|[\s;&|'\"(`/]){tool}\s", text)
        if official and called and tool not in tools and not (has_curl and tool == "curl") and "devel" not in image:
            yield finding("tool-not-in-image", shown, line, who="The health check", tool=tool,
                          image=image or "the CPU image",
                          remedy="Read the state through bash's /dev/tcp (see docker/Dockerfile).")  # fmt: skip
            break
    if "/v1/models" not in text and "curl" not in text:
        return
    if "AVAILABLE" not in text:
        yield finding("health-by-code", shown, line)
    elif not _AVAILABLE.search(text):
        yield finding("health-word-available", shown, line)


def count_cpus(cpuset: str) -> int | None:
    """How many CPUs a set such as "0-3,6" names; None when it is none."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", cpuset):
        return None
    spans = [part.partition("-") for part in cpuset.split(",") if part]
    return sum(int(last or first) - int(first) + 1 for first, _, last in spans)


def cores(quantity: Any) -> float | None:
    """A CPU quantity of Kubernetes or compose ("1500m", "2", 1.5) in cores; None when it is a variable."""
    text = str(quantity)
    try:
        value = float(text[:-1]) / 1000 if text.endswith("m") else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


GPU = "nvidia.com/gpu"
_UNITS = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "": 1}


def quantity(value: Any) -> float | None:
    """A quantity of Kubernetes ("1500m", "2Gi", 3) as a number; None for none or a variable."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti|)", str(value))
    return float(match[1]) * _UNITS[match[2]] if match else None


def for_cpus(image: str) -> bool:
    """True for a tag of the official image that is built for CPUs."""
    return is_official(image) and "gpu" not in image and "@" not in image and not is_unknown(image)


def for_gpus(image: str) -> bool:
    """True for a tag of the official image that is built for GPUs, and serves."""
    return is_official(image) and image.endswith("-gpu") and "devel" not in image


def host_path(named: str, folder: Path | None, sources: Sources) -> Path | None:
    """The path here that a mount's source means, relative to the text's folder; None where it lies elsewhere."""
    text = re.sub(r"^(\$PWD|\$\{PWD\}|\$\(pwd\)|%cd%)/?", "./", named)
    if is_unknown(text) or text.startswith("~"):
        return None
    bases = [folder, sources.root] if not text.startswith("/") else [Path("/")]
    for base in bases:
        if base is None:
            continue
        path = (base / text.lstrip("/")) if text.startswith("/") else base / text
        if path.exists():
            return path
    return None


def bind(named: str, target: str, folder: Path | None, sources: Sources, line: int | None) -> Mount:
    """A bind mount as written in a text."""
    target = re.sub(r"^//+", "/", target)  # which Git Bash is kept from rewriting by
    return Mount(target.rstrip("/") or "/", host_path(named, folder, sources), named, line=line)


_TO_FILL = re.compile(
    r"<|\{|[A-Z]+(_[A-Z]+)+(/|$)|\w+[-_](path|dir|folder)$"
    r"|(?i:(abs(olute)?|full|complete|my)[-_ ]?path|your[-_/ ]|path[-_/ ]?to[-_/ ])"
)


def check_relative_source(
    named: str, target: str, shown: str, line: int | None, bind: bool = False
) -> Iterator[Finding]:
    """A mount's source that docker refuses: relative, without a `./` in front.

    `-v name:...` is a volume's name, PATH_TO_MODEL a placeholder.
    """
    relative = bool(named) if bind else "/" in named.strip("/")
    if relative and not re.match(r"[/.~$%\\`]|[A-Za-z]:", named) and not _TO_FILL.match(named):
        yield relative_source(named, target, shown, line)


def relative_source(named: str, target: str, shown: str, line: int | None) -> Finding:
    """What is said of such a source; `pwd/x` was to be in the folder that `pwd` prints."""
    right = "$PWD/" + re.sub(r"^pwd/", "", named, flags=re.IGNORECASE)
    return finding("mount-source-relative", shown, line, source=named, target=target, right=right)


def listening(command: Command) -> set[int] | None:
    """The ports the server listens on; None where they are not known."""
    told = command.place.container and {"port", "rest_api_port"} <= command.given.keys()
    if not (command.knows("port") and command.knows("rest_api_port")) or (command.partial and not told):
        return None
    return {command.number("port", 8500), command.number("rest_api_port")} - {0}


def closed_words(command: Command) -> dict[str, object]:
    """How a finding about a closed port names the open ones."""
    rest = command.number("rest_api_port")
    return {"grpc": command.number("port", 8500) or "off", "rest": f"on {rest}" if rest else "off (rest_api_port is 0)"}


def check_published(command: Command, asked: Collection[str] = ()) -> Iterator[Finding]:
    """Ports that are published and on which nothing listens; another program's beside the server may be any but its.

    `asked` are the ports of a host that texts here ask by HTTP: what leads from there is to be REST's.
    One beside both of the server's own misleads who reads it, and keeps nobody from the server.
    """
    own = [port for port in command.published if not command.beside or port.partition("/")[0] in ("8500", "8501")]
    led = {port.partition("/")[0] for port in own}
    reached = {str(command.number("port", 8500)), str(command.number("rest_api_port"))}
    if len(reached) == 2 and "0" not in reached and reached <= led:
        yield from check_told(own, command, command.path, "The list of published ports")
        return
    for port, flag in _closed(own, command):
        right = of_published(port, flag, command, asked)
        words = {"port": port.partition("/")[0], "how": "published", "right": right, **closed_words(command)}
        yield finding("port-nobody-listens", *place_of(port, command.path, command.line), **words)


def check_told(ports: Iterable[Word], command: Command, shown: str, where: str) -> Iterator[Finding]:
    """Ports that a text tells its readers of (EXPOSE, containerPort) and on which nothing listens."""
    for port, flag in _closed(ports, command):
        words = {"where": where, "port": port.partition("/")[0], "flag": flag, **closed_words(command)}
        yield finding("port-told-closed", *place_of(port, shown, command.line), **words)


def _closed(ports: Iterable[Word], command: Command) -> Iterator[tuple[Word, str]]:
    """Of these ports the closed ones, and a flag that would open each."""
    open_ports, both = listening(command), command.number("rest_api_port") == command.number("port", 8500)
    held = [*ports] if open_ports is not None else []
    numbers = [port.partition("/")[0] for port in held]
    closed = [number for number in numbers if number.isdigit() and int(number) not in (open_ports or set())]
    if both and str(command.number("port", 8500)) in numbers:  # said as such; one is REST's
        closed = [number for number in closed if number != ("8501" if "8501" in closed else closed[0])]
    for port, number in zip(held, numbers, strict=True):
        if number in closed:
            rest_off = not command.number("rest_api_port")
            of_rest = (rest_off and number != "8500") or str(command.number("port", 8500)) in numbers
            of_rest = of_rest or number == "8501" or ("port" not in command.given and "rest_api_port" in command.given)
            flag = f"--rest_api_port={number}" if of_rest else f"--port={number}"
            yield port, flag
