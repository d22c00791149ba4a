"""Where texts put a version's warm-up requests and batching parameters: the places that the server reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.warmups import WARMUP
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_FOLDER = "assets.extra"
# a path in one word, or its last two parts as a program joins them
_PATH = re.compile(rf"[\w./{{}}$-]*/{WARMUP}[\w.-]*|{_FOLDER}/[\w.-]*warm[\w.-]*")
_JOINED = re.compile(rf"([\"'])([\w.]+)\1\s*[,/]\s*([\"'])({WARMUP}[\w.-]*)\3")
# a file of requests in another form or at another place that is put beside the models
_PUT = re.compile(
    r"(?i:COPY|ADD|cp|mv|-v|--volume|-)\s+(?:--?[\w=-]+\s+)*[\"']?[\w./${}:-]*warm[\w-]*\.(?:jsonl?|npy|npz|txt|csv|ya?ml|pb)"
    r"(?:\s+|:)[\"']?(?:[\w.-]+:)?(?P<target>/models/[\w./${}-]*)"
)
_NO_FOLDER = re.compile(r"assets|\d+")  # right below these it is not read; another name may be a variable's
_BATCHING = re.compile(
    rf"[\w./${{}}-]*{_FOLDER}/batching_params[\w.]*|batching_params\.pbtxt[\"']?\s+[\"']?([\w./${{}}-]*{_FOLDER})/?[\"']?\s*$"
)
_CONTRARY = re.compile(r"\b(not|instead|never|no longer)\b|n't\b", re.IGNORECASE)


def check_warmup_paths(text: Text) -> Iterator[Finding]:
    """Paths of warm-up requests at which no server looks, each at its line."""
    yield from _check_batching(text)
    if "warm" not in text.content:
        return
    told: set[str] = set()
    for number, line in enumerate(text.content.split("\n"), text.first_line):
        if "warm" not in line or _CONTRARY.search(line):
            continue
        paths = [match[0].rstrip(".") for match in _PATH.finditer(line)]
        paths += [f"{match[2]}/{match[4]}" for match in _JOINED.finditer(line)]
        put = [match["target"] for match in _PUT.finditer(line) if _FOLDER not in match["target"]]
        for path in put:
            yield finding("warmup-misplaced", text.path, number, path=path)
        for path in (each for each in paths if each not in told and _is_lost(each)):
            told.add(path)
            yield finding("warmup-misplaced", text.path, number, path=path)


def _check_batching(text: Text) -> Iterator[Finding]:
    """The first path of batching parameters among a version's assets, in a text that speaks of them."""
    for number, line in enumerate(
        text.content.split("\n") if "batching_params" in text.content else (), text.first_line
    ):
        if (match := _BATCHING.search(line)) and not _CONTRARY.search(line):
            path = f"{match[1]}/batching_params.pbtxt" if match[1] else match[0]
            yield finding("per-model-misplaced", text.path, number, path=path)
            return


def _is_lost(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    above = folder.rpartition("/")[2]
    return name != WARMUP if above == _FOLDER else bool(_NO_FOLDER.fullmatch(above))
