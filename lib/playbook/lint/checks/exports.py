"""Variables that a script exports for TensorFlow, and that the container it starts never gets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from playbook.lint.checks.command import OFFICIAL
from playbook.lint.forms.simple import Simple
from playbook.lint.forms.text import ENGINES, Word
from playbook.lint.rules.findings import Finding, finding

_RUNTIME = ("TF_XLA_FLAGS", "TF_CPP_MIN_LOG_LEVEL", "TF_CPP_VMODULE", "TF_FORCE_GPU_ALLOW_GROWTH",
            "TF_ENABLE_ONEDNN_OPTS", "TF_GPU_THREAD_MODE", "TF_GPU_THREAD_COUNT")  # fmt: skip
_OTHERS = ("[", "[[", "cd", "clear", "curl", "date", "echo", "elif", "else", "exit", "export", "fi", "if", "ls",
           "mkdir", "printf", "set", "shift", "sleep", "then", "unset", "wait")  # read none of them  # fmt: skip


def check_exports(commands: Sequence[Simple], shown: str) -> Iterator[Finding]:
    """Exports of TensorFlow's own variables, in a script that does nothing with them but run the server's container."""
    runs = [command.words for command in commands if _engine(command.words) == "run"]
    if not any(OFFICIAL in word for words in runs for word in words):
        return
    if any(not (_engine(each.words) or _is_plain(each.words)) for each in commands if each.words):
        return
    given = {re.sub(r"^(?:--env=|-e=?(?=T))", "", word).partition("=")[0] for words in runs for word in words}
    if "--env-file" in given:
        return
    for command in commands:
        for word in command.words[1:] if command.words[:1] == ["export"] else ():
            name, equals, value = word.partition("=")
            if equals and name in _RUNTIME and name not in given:
                why = "docker hands a container none of the shell's variables"
                yield finding("env-nobody-reads", shown, word.line, name=name, why=why,
                              hint=f"Give docker run -e {name}={value}.")  # fmt: skip


def _engine(words: Sequence[Word]) -> str:
    """The command of docker's, as run; "" for another program's."""
    plain = [str(word) for word in words if word not in ("sudo", "nohup", "then", "else", "do")]
    return plain[1] if len(plain) > 1 and re.fullmatch(ENGINES, plain[0]) and plain[1] != "compose" else ""


def _is_plain(words: Sequence[Word]) -> bool:
    """True for a command that hands the variables to no other program."""
    plain = [word for word in words if not re.match(r"[A-Za-z_]\w*=", word)]
    return not plain or plain[0] in _OTHERS
