"""What a script puts right into a folder, as far as its words say: `cp -r /src /models/resnet` puts resnet there."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SHELL = re.compile(r"^\s*(?:/usr)?(?:/bin/)?(?:env )?(?:ba|da|a|z)?sh\s+(?:-\w+\s+)*")
_HARMLESS = re.compile(r"^\s*(?:sudo\s+)?(?:mkdir|chmod|chown|ls|find|du|echo|printf|test|\[|rm|stat|tree|touch)\b")
_COPIES = re.compile(
    r"\b(?:cp|mv|ln|rsync|scp|gsutil|gcloud|aws|s3cmd|s5cmd|rclone|azcopy|mc|wget|curl|git|dvc|tar|unzip)\b"
)
_UNPACKS = re.compile(r"\b(?:tar|unzip|bsdtar|7z|cpio|busybox)\b")
_INTO = r"(?:-C|-d|--directory|-o)[= ]?\s*{folder}/[\w.-]+"
_PLAIN = re.compile(r"[\w.-]*[A-Za-z0-9][\w.-]*")


def names_put(words: Sequence[str], folder: str) -> frozenset[str]:
    """The names that a command or script puts into a folder; none where it may put others there, or none is told."""
    script, folder = _SHELL.sub("", " ".join(map(str, words))), folder.rstrip("/")
    mention = re.compile(rf"(?<![\w./:-]){re.escape(folder)}(?P<rest>/[^\s'\";&|)\]]*)?(?![\w.-])")
    if not folder or re.search(rf"\b(?:cd|pushd)\s+[\"']?{re.escape(folder)}\b", script):
        return frozenset()
    names = set[str]()
    for command in re.split(r"[;&|\n]+", script):
        for found in mention.finditer(command):
            name = (found["rest"] or "/")[1:].partition("/")[0]
            if _HARMLESS.match(command):
                continue
            if not (_PLAIN.fullmatch(name) and _COPIES.search(command)):
                return frozenset()
            names.add(name)
        into = re.search(_INTO.format(folder=re.escape(folder)), command)
        if _UNPACKS.search(command) and not into:
            return frozenset()
    return frozenset(names)
