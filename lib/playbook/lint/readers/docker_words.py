"""The words of a `docker run` line: its options with their values, and what stands behind them."""

from __future__ import annotations

import re

from playbook.lint.forms.text import Word, is_unknown
from playbook.lint.readers.docker_options import swallows
from playbook.tfserving.flags import FLAGS

PROGRAMS = ("docker", "podman", "nvidia-docker", "nerdctl", "nvidia-docker2")
_ALONE = {"-d", "-i", "-t", "-P", "-q", "--rm", "--detach", "--init", "--interactive", "--tty",
          "--privileged", "--read-only", "--publish-all", "--quiet", "--no-healthcheck",
          "--oom-kill-disable", "--disable-content-trust", "--service-ports", "--use-aliases",
          "--no-deps", "--build", "--remove-orphans"}  # fmt: skip
_SHORT = re.compile(r"^-[ditPq]+$")
_WITH_VALUE = re.compile(r"^-([a-z]*)([pvewmlhua])(.*)$")


def run_arguments(words: list[Word]) -> list[Word] | None:
    """The words behind `docker run`; None when they are another command."""
    for place, word in enumerate(words):
        if word.rpartition("/")[2] in PROGRAMS:
            behind = [each for each in words[place + 1 :]]
            while behind and behind[0] not in ("run", "create"):
                if behind[0] in ("container", "service") or behind[0].startswith("-"):
                    behind = behind[2 if _takes_value(behind) else 1 :]
                    continue
                return None
            return behind[1:] if behind else None
    return None


def _takes_value(words: list[Word]) -> bool:
    """True where a word is the value of the option before it, in front of `run`."""
    option, following = words[0], words[1] if len(words) > 1 else Word("run")
    stays = following in ("run", "create", "container", "service") or following.startswith("-")
    return option.startswith("-") and "=" not in option and not stays


def options_of(words: list[Word]) -> tuple[list[tuple[str, Word]], list[Word]]:
    """Options with their values, and what follows them: the image and its arguments."""
    options: list[tuple[str, Word]] = []
    place = 0
    while place < len(words) and (words[place].startswith("-") or _stands_for_options(words[place:])):
        word = words[place]
        place += 1
        name, equals, value = word.partition("=")
        short = _WITH_VALUE.match(word) if not word.startswith("--") else None
        if word.startswith("$"):
            continue
        if (equals and word.startswith("--")) or is_servers(name):
            options.append((name, word.with_text(value)))
        elif word in _ALONE or _SHORT.match(word) or word in ("", "--") or swallows(word, words[place:]):
            options.append((word, Word("")))
        elif short and short[3]:
            options.append(("-" + short[2], word.with_text(short[3].removeprefix("="))))
        elif place < len(words):
            options.append(("-" + short[2] if short else name, words[place]))
            place += 1
        else:
            options.append(("-" + short[2] if short else name, word.with_text("")))  # its line ends here
    while place < len(words) and re.fullmatch(r"\$\{?[A-Z_]*(OPT|ARG|FLAG|GPU|RUNTIME)[A-Z_]*\}?", words[place]):
        place += 1
    return options, words[place:]


def lacks_image(words: list[Word]) -> bool:
    """True for a `docker run` that ends behind its options."""
    behind = run_arguments(words)
    return bool(behind) and not options_of(behind or [])[1]


def _stands_for_options(words: list[Word]) -> bool:
    """True for a variable of unknown value that an option of docker's follows: no image stands there."""
    if words[0] in ("", "$", "$@"):
        return True
    following = words[1] if len(words) > 1 else ""
    return is_unknown(words[0]) and words[0].startswith("$") and following.startswith("-") and not is_servers(
        following.partition("=")[0])  # fmt: skip


def is_servers(option: str) -> bool:
    """True for a flag of the server among the options of docker, which has none of that name."""
    return option.startswith("-") and option.lstrip("-") in FLAGS and option != "--version"
