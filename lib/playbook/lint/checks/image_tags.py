"""Tags of the server's image on Docker Hub: what is wrong with one that no release can have been given."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches

from playbook.lint.checks.command import OFFICIAL
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding

_HUB = re.compile(rf"(?:docker\.io/|index\.docker\.io/)?{OFFICIAL}:(?P<tag>[\w.-]+)")
# names of the user `tensorflow` at Docker Hub who has none of these images: what is told apart there is the tag
_NO_IMAGE = re.compile(
    r"(?:docker\.io/|index\.docker\.io/)?tensorflow/(?:serving-(?P<kind>(?:cpu|devel|gpu|mkl)(?:-gpu|-mkl)?)"
    r"|(?:tf|tensorflow)[-_]?(?:model[-_]?)?(?:serving|server)(?P<end>-gpu|-devel)?|model[-_]?(?:server|serving))"
    r"(?::(?P<tag>[\w.-]+))?"
)
_LETTER = re.compile(r"[vV](?P<number>\d[\w.-]*)")
_SHORT = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<rest>(?:-[\w.-]+)?)")
_LAST_OF_ONE = 15  # the first series ended with 1.15
_WORDS = ("latest", "nightly", "devel", "gpu", "mkl")  # all that a tag is made of, besides a release's numbers
_ALIKE = 0.79


def wrong_tag(image: str) -> tuple[str, str]:
    """Why Docker Hub has no such tag of the image, and the image that is likely to be meant; "", "" for any other.

    Releases are called by three numbers (2.20.0, 2.20.0-gpu); a tag of letters may be somebody's own.
    """
    if (other := _NO_IMAGE.fullmatch(image)) is not None:
        return "the user tensorflow has no image of that name there", _right_name(other)
    named = _HUB.fullmatch(image)
    tag = named["tag"] if named else ""
    if letter := _LETTER.fullmatch(tag):
        return "releases are called by their numbers alone", f"{OFFICIAL}:{_whole(letter['number'])}"
    if short := _SHORT.fullmatch(tag):
        return "releases are called by three numbers", f"{OFFICIAL}:{_whole(short['number'] + short['rest'])}"
    release = re.match(r"1\.(\d+)\.", tag)
    if release and int(release[1]) > _LAST_OF_ONE:
        return "the releases of TensorFlow 1 end with 1.15", f"{OFFICIAL}:1.15.0"
    if other := re.search(r"-(py[23]|jupyter)(?=-|$)", tag):
        return (
            f"tags with {other[1]} are tensorflow/tensorflow's",
            f"{OFFICIAL}:{re.sub(r'-(py[23]|jupyter)(?=-|$)', '', tag)}",
        )
    for part in tag.split("-"):
        if (meant := _misspelt(part)) and re.match(r"[\d.]+-|[a-z]+(-|$)", tag):
            return f"no tag has the word {part}", f"{OFFICIAL}:{re.sub(rf'(?<![a-z]){part}(?![a-z])', meant, tag)}"
    return "", ""


def is_servers(image: str) -> bool:
    """True for an image by the name of the server's, or by one that it is meant by and never had."""
    return OFFICIAL in image or _NO_IMAGE.fullmatch(image) is not None


def _right_name(other: re.Match[str]) -> str:
    """The image that a name is meant as; what tells its kind apart stands in the tag."""
    kind = (other["kind"] or (other["end"] or "").removeprefix("-")).replace("cpu", "")
    tag = other["tag"] or "latest"
    return f"{OFFICIAL}:{tag}" if not kind or tag.endswith(kind) else f"{OFFICIAL}:{tag}-{kind}"


def _misspelt(part: str) -> str:
    """The word of a tag's that a part of one is nearly; "" for one that is a word itself, or like none."""
    return "" if part in _WORDS else next(iter(get_close_matches(part, _WORDS, 1, _ALIKE)), "")


def _whole(tag: str) -> str:
    """The tag with as many numbers as a release has."""
    number, dash, rest = tag.partition("-")
    parts = [*number.split("."), "0", "0"][: max(3, number.count(".") + 1)]
    return ".".join(parts) + dash + rest


def without_made(hits: Iterable[Finding], texts: Iterable[Text]) -> list[Finding]:
    """The findings without those of a tag that a text here gives an image itself."""
    held = list(hits)
    odd = {hit: match[0] for hit in held if hit.rule == "image-tag-unknown"
           and (match := re.search(rf"{OFFICIAL}:[\w.-]+|(?<=has no )\S+(?=:)", hit.message))}  # fmt: skip
    made = {image for image in odd.values() for text in texts if _makes(image, text.content)}
    return [hit for hit in held if odd.get(hit) not in made or hit not in odd]


def without_own_tags(hits: Iterable[Finding], texts: Iterable[Text]) -> list[Finding]:
    """The findings without those of a tag that is left out of an image which a text here builds by that very name."""
    held, contents = list(hits), [text.content for text in texts]
    named = {hit: hit.message.split()[1] for hit in held if hit.rule == "image-not-pinned"}
    bare = {image for image in named.values() if ":" not in image and OFFICIAL not in image}
    own = {image for image in bare if any(_makes(image, each) for each in contents)}
    return [hit for hit in held if hit not in named or named[hit] not in own]


def without_pulled(hits: Iterable[Finding], texts: Iterable[Text]) -> list[Finding]:
    """The findings without those of a tag where an image is only pulled, which the same text uses at another line."""
    held, lines = list(hits), {text.path: text.content.split("\n") for text in texts}
    tags = [hit for hit in held if hit.rule == "image-not-pinned"]
    pulled = {
        hit for hit in tags if hit.line and re.search(r"\bpull\b", "".join(lines.get(hit.path, ())[hit.line - 1 :][:1]))
    }
    used = {(hit.path, hit.message) for hit in tags if hit not in pulled}
    return [hit for hit in held if hit not in pulled or (hit.path, hit.message) not in used]


def are_old(texts: Iterable[Text]) -> bool:
    """True where all releases of the official image that these texts name are older than 2.7."""
    found = {(int(major), int(minor)) for text in texts
             for major, minor in re.findall(rf"{OFFICIAL}:(\d+)\.(\d+)", text.content)}  # fmt: skip
    return bool(found) and max(found) < (2, 7)


def at_their_values(hits: Iterable[Finding], texts: Iterable[Text]) -> list[Finding]:
    """The findings on an image where it is named, also where a use of Terraform's variable was read as its value."""
    lines = {text.path: text.content.split("\n") for text in texts}
    given = sorted((path for path in lines if path.endswith((".tf", ".tfvars"))), key=lambda path: path.endswith(".tf"))
    return [_at_value(hit, lines, given) if given and hit.rule == "image-not-pinned" else hit for hit in hits]


def _at_value(hit: Finding, lines: dict[str, list[str]], given: list[str]) -> Finding:
    image, own = hit.message.split()[1], lines.get(hit.path, [])
    if hit.line is None or not 0 < hit.line <= len(own) or image in own[hit.line - 1]:
        return hit
    value = re.compile(rf"=\s*\"{re.escape(image)}\"")
    for path in given:
        for number, line in enumerate(lines[path], 1):
            if value.search(line):
                return replace(hit, path=path, line=number)
    return hit


def _makes(image: str, content: str) -> bool:
    return bool(re.search(rf"\b(?:tag|commit|build|buildx)\b[^\n]*\s{re.escape(image)}(?![\w.-])", content))
