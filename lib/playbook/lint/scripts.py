"""Shell text around a server: its command lines, `docker run`, files written by here-documents, and the order of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.command import BINARY, OFFICIAL, Place, is_server_word
from playbook.lint.containers import check_image
from playbook.lint.docker_cli import read_docker_run, run_arguments
from playbook.lint.image import read_dockerfile
from playbook.lint.launch import Start, launch
from playbook.lint.reading import Document, Reading
from playbook.lint.rules import Finding, finding
from playbook.lint.schema import kind_of
from playbook.lint.shell import Simple, simple_commands
from playbook.lint.text import Text, Word
from playbook.lint.yaml_files import collect, load, read_page

_BATCHING_FILE = re.compile(r"[\w/.${}-]*batch[\w-]*\.(?:config|conf|pbtxt|txt|cfg|proto)\b")
_REWRITES = re.compile(
    r"open\([^)]*[\"'][wra]\+?[\"']|write_text|writelines|sed\s+-i|\btee\b|(?<![<>&\d=-])>\s*[\w/$\"']"
)
_FIELDS = re.compile(r"max_batch_size|batch_timeout_micros|num_batch_threads|max_enqueued_batches")
_STARTS = re.compile(
    rf"{BINARY}|{OFFICIAL}|docker[ -]compose.*\bup\b|\brestart\b|systemctl|kubectl|helm |\bdocker start\b"
)
_AGAIN = re.compile(r"\bwhile\b|\bfor\b|sleep|schedule|adjust|adapt|dynamic|reload|sed\s+-i|\bupdate", re.IGNORECASE)
_NOT_RUN = ("echo", "printf", "grep", "egrep", "which", "pkill", "pgrep", "killall", "apt-get", "apt", "ls", "#")
_DEPTH = 3


def read_script(document: Document, depth: int = 0) -> Reading:
    """Server command lines of shell text, and what is said of its order."""
    reading, text = Reading(), document.text
    values: dict[str, str] = {}
    for command in simple_commands(text.content, values, text.first_line):
        reading.add(_read_command(command, values, document, depth))
    if depth == 0:
        reading.findings += check_rewriting(text)
    return reading


def _read_command(command: Simple, values: dict[str, str], document: Document, depth: int) -> Reading:
    reading, words = Reading(), command.words
    if command.fed:
        reading.add(_fed(command, document))
    if not words or words[0].rpartition("/")[2] in _NOT_RUN:
        return reading
    if run_arguments(words) is not None:
        return _joined(reading, read_docker_run(words, document))
    inner = [word for word in words if " " in word.strip() and (BINARY in word or "docker run" in word)]
    if inner and depth < _DEPTH:
        for word in inner:
            text = Text(str(word), document.text.path, word.line or 1, document.text.file)
            reading.add(read_script(Document(text, document.around), depth + 1))
        return reading
    if any(is_server_word(word) for word in words):
        return _joined(reading, _process(words, values, document))
    if any(word.startswith("--image") for word in words) and OFFICIAL in " ".join(words):
        return _joined(reading, _cluster_run(words, document))
    if len(words) > 2 and words[1] in ("pull", "push", "tag", "save") and OFFICIAL in words[2]:
        reading.counts["images"] += 1
        reading.findings += check_image(str(words[2]), document.text.path, words[2].line)
    return reading


def _joined(reading: Reading, other: Reading) -> Reading:
    reading.add(other)
    return reading


def _process(words: list[Word], values: dict[str, str], document: Document) -> Reading:
    place = next(index for index, word in enumerate(words) if is_server_word(word))
    line = words[place].line
    start = Start(document.text.path, line, "", [words[place]], words[place + 1 :], {}, Place(folder=document.folder),
                  document.around.cpus)  # fmt: skip
    return launch(start)


def _cluster_run(words: list[Word], document: Document) -> Reading:
    """`kubectl run` and `gcloud run deploy`: the image, and the arguments behind `--`."""
    reading = Reading()
    given = [word.with_text(word.partition("=")[2]) for word in words if word.startswith("--image=")]
    given += [words[place + 1] for place, word in enumerate(words[:-1]) if word == "--image"]
    args = words[words.index(Word("--")) + 1 :] if "--" in words else []
    for image in [each for each in given if OFFICIAL in each]:
        reading.counts["images"] += 1
        reading.findings += check_image(str(image), document.text.path, image.line)
        place = Place(True, image=str(image))
        reading.add(launch(Start(document.text.path, image.line, str(image), None, args, place=place,
                                 open_environment=True)))  # fmt: skip
    return reading


def _fed(command: Simple, document: Document) -> Reading:
    """A here-document: a config file, or YAML that is applied."""
    reading = Reading()
    name = str(command.target or next((word for word in command.words[1:] if "/" in word or "." in word), ""))
    path = document.text.path
    text = Text(command.fed, path, command.fed_line, document.text.file)
    if "dockerfile" in name.lower():
        return read_dockerfile(Document(text, document.around))
    if re.search(r"(?m)^(apiVersion|kind|services|scrape_configs)\s*:", command.fed):
        page = load(Document(text, document.around))
        collect(page)
        return read_page(page, [], [])
    if (flag := kind_of(command.fed)) is not None:
        reading.configs.append((flag, Text(command.fed, path, command.fed_line, templated="$" in command.fed)))
        document.around.sources.extra.append(Text(command.fed, f"{path}/{name.rpartition('/')[2]}", command.fed_line))
    return reading


def check_rewriting(text: Text) -> Iterator[Finding]:
    """A text that names a batching file, writes it and speaks of its fields, with no start of the server after it."""
    content = text.content
    if "batching_params.pbtxt" in content or not (_BATCHING_FILE.search(content) and _FIELDS.search(content)):
        return
    lines = content.splitlines()
    starts = max((number for number, line in enumerate(lines) if _STARTS.search(line)), default=-1)
    for number, line in enumerate(lines):
        if _REWRITES.search(line) and number >= starts and _AGAIN.search(content):
            what = text.path.rpartition("/")[2]
            yield finding("batching-rewritten-in-place", text.path, text.line(number + 1), what=what)
            return


def makefile_as_shell(content: str) -> str:
    """A Makefile's recipes as shell text on the same lines; its variables filled in."""
    values: dict[str, str] = {}
    result: list[str] = []
    continued = False
    for line in content.split("\n"):
        assigned = re.match(r"^(?:export\s+)?([A-Za-z_][\w.-]*)\s*(?::|\?|\+)?=\s*(.*?)\s*$", line)
        if line.startswith("\t") or continued:
            recipe = line.lstrip("\t").lstrip("@-+ ") if not continued else line
            result.append(_filled(recipe, values).replace("$$", "$"))
            continued = line.rstrip().endswith("\\")
            continue
        if assigned:
            values[assigned[1]] = _filled(assigned[2], values)
        result.append("")
    return "\n".join(result)


def _filled(text: str, values: dict[str, str]) -> str:
    """The text with `$(NAME)` filled in; an unknown one becomes a shell's variable."""
    fill = lambda match: values.get(match[1], "${" + re.sub(r"\W", "_", match[1]) + "}")  # noqa: E731
    return re.sub(r"\$[({]([\w.-]+)[)}]", fill, text)


def unit_as_shell(content: str) -> str:
    """A systemd unit's ExecStart lines as shell text on the same lines, with its Environment in front."""
    result: list[str] = []
    continued = False
    for line in content.split("\n"):
        started = re.match(r"^(\s*Exec(?:Start|StartPre)\s*=\s*)[-@:+!]*(.*)$", line)
        variables = re.match(r"^\s*Environment\s*=\s*(.*)$", line)
        if started or continued:
            result.append(started[2] if started else line)
            continued = line.rstrip().endswith("\\")
        else:
            result.append(f"export {variables[1]}" if variables and '"' not in variables[1] else "")
    return "\n".join(result)
