"""The words of a command line as flags: what the server's parser takes, drops, or refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from playbook.lint.checks.command import Command, is_official, nearest_flag
from playbook.lint.forms.letters import printed_dash
from playbook.lint.forms.text import UNKNOWN, Word, is_unknown, line_of, place_of
from playbook.lint.rules.findings import Finding, finding
from playbook.tfserving.flags import FLAGS, INVENTED, RENAMED

_WIDE = (
    "load_retry_interval_micros",
    "tensorflow_session_parallelism",
    "tensorflow_intra_op_parallelism",
    "tensorflow_inter_op_parallelism",
)  # int64, the others int32; fmt: skip
_RETIRED = ("use_saved_model", "model_version_policy")  # known until 1.0
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:[+-]?(inf|infinity|nan))")
_TO_FILL_IN = re.compile(r"[A-Za-z]+(_[A-Za-z]+)+|[A-Z]+")  # rest_port, PORT: what a document's reader is to write
_IN_WORDS = re.compile(r"^[^/]*[^\x00-\x7f$…][^/]*$")  # of another script, and no path: what is to be put there
_DOCKER_OPTIONS = {"-p", "-v", "-e", "-d", "-it", "--name", "--mount", "--publish", "--volume", "--env", "--rm",
                   "--network", "--gpus", "--restart"}  # fmt: skip


def read_words(command: Command) -> tuple[dict[str, list[str]], dict[str, int | None], list[Finding]]:
    """The values of each flag in order, the line of its last one, and the findings on the words themselves."""
    findings: list[Finding] = []
    given: dict[str, list[str]] = {}
    lines: dict[str, int | None] = {}
    words = list(_parted(command, findings))
    left_over = next((word for word in words if _is_left_over(word)), "")
    if left_over == "--help":
        place = place_of(left_over, command.path, command.line)
        findings.append(finding("server-ends", *place, flag="--help", what="the usage"))
        words = [word for word in words if word != "--help"]
    for index, word in enumerate(words):
        if word == "--":
            findings += _behind_dashes(command, words[index:])
            break
        behind = words[index + 1 :]
        behind = behind[1:] if behind[:1] == ["="] else behind  # `--flag = value`, or `--flag =value`
        following = behind[0].removeprefix("=") if behind else ""
        hits = _check_word(command, word, following, given, lines)
        path = getattr(word, "path", "") or command.path
        findings += [hit if hit.path == path else replace(hit, path=path) for hit in hits]
    return given, lines, findings


def _parted(command: Command, findings: list[Finding]) -> Iterator[str]:
    """The words, those that hold several flags parted as they were meant; each such word is a finding."""
    for word in command.words:
        several = re.match(r"(--\w+)=\S*\s+(--\w+)", word) or re.match(r"(--\w+)=\S*?[^\s=](--[a-z]\w+)=", word)
        if several is None or several[2][2:] not in FLAGS:
            yield word
            continue
        line = line_of(word) or command.line
        findings.append(finding("flags-in-one-word", command.path, line, flag=several[1], other=several[2]))
        apart = word.replace(several[2] + "=", f" {several[2]}=")
        yield from (Word(part, line) for part in apart.split())


def _check_word(
    command: Command, word: str, following: str, given: dict[str, list[str]], lines: dict[str, int | None]
) -> Iterator[Finding]:
    line = line_of(word) or command.line
    if word[:1].isspace() and word.strip()[:2] == "--":  # a blank that a backslash keeps belongs to the word
        yield finding("unknown-flag", command.path, line, flag=repr(str(word)), hint="Drop the backslash before it.")
        return
    if dash := printed_dash(word):
        yield _printed(command, word, dash, following, line)
        return
    if not word.startswith("-") and word.partition("=")[0] in FLAGS and "=" in word:
        hint = f"Write --{word}, with two dashes."
        yield finding("unknown-flag", command.path, line, flag=word.partition("=")[0], hint=hint)
    if not word.startswith("-") or word.startswith("-$"):
        return
    shown, equals, value = word.partition("=")
    name = shown[2:] if shown.startswith("--") else ""
    kind = FLAGS.get(name)
    if kind is None:
        if name in _RETIRED and command.place.image and not is_official(command.place.image):
            return  # a server of its own, which may be as old as the flag
        if not is_unknown(shown.partition(" ")[0]):
            yield _unknown(command, word, following, line)
        elif (glued := re.match(r"--(\w+)(\$.*)", shown)) and glued[1] in FLAGS:
            hint = f"Write --{glued[1]}={glued[2]}, with an equals sign."
            yield finding("unknown-flag", command.path, line, flag=shown, hint=hint)
        return
    if not equals:
        if following and not following.startswith("-") and (kind != "true or false" or _switch(following)):
            yield finding("flag-value-after-blank", command.path, line, flag=word, value=following)
        elif kind != "true or false":
            yield finding("flag-value-after-blank", command.path, line, flag=word, value="<value>")
        if kind != "true or false":
            return
        value = "true"
    to_fill_in = value == "{}" or (kind != "text" and _TO_FILL_IN.fullmatch(value))
    if command.in_prose and (to_fill_in or _IN_WORDS.search(value)):
        value = UNKNOWN
    given.setdefault(name, []).append(value)
    lines[name] = line
    if kind != "text" and not is_unknown(value) and not _fits(name, kind, value):
        yield finding("flag-bad-value", command.path, line, flag=f"--{name}", value=value, kind=kind)


def _behind_dashes(command: Command, words: list[str]) -> Iterator[Finding]:
    """What stands behind two dashes alone, which end the flags."""
    named = [word for word in words[1:] if word.lstrip("-").partition("=")[0] in FLAGS]
    if not named:
        return
    remedy = "Drop the two dashes." if named[0].startswith("--") else f"Write --{named[0]}, without the blank."
    yield finding("flags-ended", command.path, line_of(words[0]) or command.line, words=" ".join(named), remedy=remedy)


def _printed(command: Command, word: str, dash: str, following: str, line: int | None) -> Finding:
    """A flag behind a dash of printed text: lost, and fatal where a port or a model was to be told by it."""
    shown, _, value = word.partition("=")
    name = shown[len(dash) :].replace("-", "_")
    default = command.implied.get(name, {"port": "8500", "rest_api_port": "0"}.get(name, ""))
    value = value or following
    if name in _TELL_WHERE:
        effect = f"the server does not know the word and keeps to {name} {default or 'of nothing'}"
        return finding("pasted-dash", command.path, line, word=shown, effect=effect, right=f"--{name}={value}")
    hint = f"It begins with a dash of printed text. Write --{name}, with two hyphens."
    return finding("unknown-flag", command.path, line, flag=shown, hint=hint)


_TELL_WHERE = ("port", "rest_api_port", "grpc_socket_path", "model_name", "model_base_path", "model_config_file")


def _is_left_over(word: str) -> bool:
    name, equals, _ = word.removeprefix("--").partition("=")
    kind = FLAGS.get(name) if word.startswith("--") else None
    return kind is None or not (equals or kind == "true or false")


def _bool(value: str) -> bool:
    return value.lower() in ("true", "false", "0", "1")


def _switch(value: str) -> bool:
    """True for a word that people write behind a switch."""
    return _bool(value) or value.lower() in ("yes", "no", "on", "off")


def _fits(name: str, kind: str, value: str) -> bool:
    if kind == "true or false":
        return _bool(value)
    if kind == "a number":
        return bool(_FLOAT.fullmatch(value))
    bits = 63 if name in _WIDE else 31
    return bool(re.fullmatch(r"[+-]?\d+", value)) and -(2**bits) <= int(value) < 2**bits


def _unknown(command: Command, word: str, following: str, line: int | None) -> Finding:
    shown, _, value = word.partition("=")
    name, _, inside = shown.lstrip("-").partition(" ")
    if word.startswith("--") and name in FLAGS:  # "--port 8500" as one quoted word
        return finding("flag-value-after-blank", command.path, line, flag=f"--{name}", value=inside.strip() or value)
    if not word.startswith("--") and name in FLAGS:
        hint = f"Write --{name}={value or following or '<value>'}, with two dashes."
    elif shown in _DOCKER_OPTIONS and command.place.container:
        hint = "It is an option of docker run: put it before the image's name."
    else:
        hint = _hint(name, value or following, command)
    return finding("unknown-flag", command.path, line, flag=shown, hint=hint)


def _hint(name: str, value: str, command: Command) -> str:
    if name in INVENTED:
        return INVENTED[name]
    right = RENAMED.get(name, name.replace("-", "_"))
    if name in RENAMED and any(re.match(rf"--{right}(=|$)", word) for word in command.words):
        return f"It is called --{right}, which is given too: keep one."
    if right in FLAGS:
        takes = FLAGS[right] != "true or false" or _bool(value)
        return f"Write --{right}={value}." if value and takes and not value.startswith("-") else f"Write --{right}."
    if name.startswith("no") and FLAGS.get(name[2:].lstrip("-_")) == "true or false":
        return f"Write --{name[2:].lstrip('-_')}=false."
    near = nearest_flag(name)
    near = "" if any(re.match(rf"--{near}(=|$)", word) for word in command.words) else near  # it is given by itself
    return f"Did you mean --{near}?" if near else "Drop it; tensorflow_model_server --help lists the flags."


# what only the platform config that the server makes itself is told of (server.cc)
_FOR_PLATFORM = (
    "enable_batching", "batching_parameters_file", "enable_per_model_batching_parameters",
    "tensorflow_session_config_file", "tensorflow_session_parallelism", "tensorflow_intra_op_parallelism",
    "tensorflow_inter_op_parallelism", "per_process_gpu_memory_fraction", "saved_model_tags", "enable_model_warmup",
    "num_request_iterations_for_warmup", "remove_unused_fields_from_bundle_metagraph", "prefer_tflite_model",
    "num_tflite_pools", "num_tflite_interpreters_per_pool", "mixed_precision",
)  # fmt: skip


def lost_to_platform(command: Command) -> list[str]:
    """The flags that a platform_config_file beside them makes the server ignore."""
    if not command.text("platform_config_file"):
        return []
    return [name for name in command.given if name in _FOR_PLATFORM]
