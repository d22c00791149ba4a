"""Which reader a piece of a document is for, by its language or its look, and whether it concerns a server."""

from __future__ import annotations

import re

from playbook.lint.checks.command import BINARY, NAMED, OFFICIAL
from playbook.lint.checks.config_kinds import is_config, kind_of
from playbook.lint.checks.launch import is_server
from playbook.lint.checks.start import is_called_so
from playbook.lint.forms.plain_prose import STARTED
from playbook.lint.forms.python_cells import is_python
from playbook.lint.forms.text import ENGINES

_WRITTEN = re.compile(r"(?m)^\s*(?:[$#>]\s+)?(?:sudo\s+)?(?:cat|tee)\b[^\n]*<<-?\s*\\?['\"]?\w")
_HERE = re.compile(r"\s*(#[^\n]*\n\s*)*(\$\s*)?(kubectl|oc|cat|tee)\b[^\n:]*<<")
_COMMENTS = r"\s*(?:#[^\n]*\n\s*|---\s*\n\s*)*(?:- )?"
_ANY_KEY = re.compile(_COMMENTS + r"[A-Za-z][\w.-]*:(\s|$)")
_YAML_KEY = re.compile(
    _COMMENTS + r"(apiVersion|kind|version|services|metadata|spec|containers|image|healthcheck|x-[\w-]+):(\s|$)"
)
_HOLDS = re.compile(r"(?m)^\s*(?:- )?(containers|services|image|args|command):")
_SHELL = ("sh", "bash", "shell", "console", "zsh", "terminal", "shell-session", "bat", "powershell", "cmd")
KINDS = {"dockerfile": "dockerfile", "docker": "dockerfile", "yaml": "yaml", "yml": "yaml", "helm": "yaml",
          "python": "python", "py": "python", "python3": "python", "makefile": "makefile", "make": "makefile",
          "ini": "unit", "systemd": "unit"}  # fmt: skip
# languages of programs, and how their files end
PROGRAMS = {"go": ".go", "golang": ".go", "java": ".java", "kotlin": ".kt", "scala": ".scala", "typescript": ".ts",
            "ts": ".ts", "tsx": ".tsx", "javascript": ".js", "js": ".js", "jsx": ".jsx", "rust": ".rs", "rs": ".rs",
            "csharp": ".cs", "cs": ".cs", "c#": ".cs", "groovy": ".groovy"}  # fmt: skip
NAMES = (BINARY, OFFICIAL, "model_config_list")
_DOCKERFILE = re.compile(r"(?m)^\s*FROM\s+\S+"), re.compile(r"(?m)^\s*(RUN|COPY|CMD|ENTRYPOINT|ENV|ADD)\s")
_BASE = re.compile(rf"\s*FROM\s+\S*{OFFICIAL}\S*\s*")
_ASKS = re.compile(r"\s*(#[^\n]*\n\s*)*(\$\s*)?curl\s")
_INSTRUCTION = re.compile(r"(?m)^\s*(FROM|RUN|COPY|CMD|ENTRYPOINT|ENV|ADD|EXPOSE|HEALTHCHECK)\s")
_STATEMENT = re.compile(r"(?m)^(import |from \w+ import|with |def |for |[\w.]+ = )")
_FLAG_LINE = re.compile(r"\s*(?:-\s+)?[\"']?--\w[^\n]*|\s*#.*|\s*")
_URLS = re.compile(
    r"(https?://|github\.com/|www\.)\S+|tensorflow/serving/(?:apis|predict|classify|regress|tree|blob|"
    r"issues|docs|g3doc|tensorflow_serving)\b|tensorflow/serving#\d+|tensorflow/serving (?:repo|source)"
)


def names_server(content: str) -> str:
    """Which of the server's names a text holds, links and prose about the repository apart; "" for none."""
    if not any(name in content for name in NAMES):
        return ""
    bare = _URLS.sub("", content)
    return next((name for name in NAMES if re.search(rf"(?<!\w){name}(?!\w)", bare)), "")


# tags, targets that a build makes, folders of the program's name, and images that are only brought somewhere
_NO_USE = re.compile(
    rf"</?\w[^<>\n]*>|\bname\s*=\s*\"{BINARY}\"|:{BINARY}\b|//[\w/]*{BINARY}|\b{BINARY}/[^\s\"']*|\bbazel\s+(build|run)\b.*"
    r"|\b(docker|podman|nerdctl|crictl|skopeo|crane)\s+(image\s+)?(pull|tag|push|save|load|copy|rmi|inspect|history)\b.*"
    r"|\bctr\b.*\bimages?\s+(pull|tag|push|import|export)\b.*|\b(kind\s+load\s+docker-image|minikube\s+image\s+load)\b.*"
)
_SENTENCE = re.compile(r"\s*(?:(?:\w|\d+)[.)]\s+|[-*+]\s+)?(?:[A-Z][a-z]*|[A-Z]+)(?:\s+[\w'-]+){4,}.*[.!?:]\s*$")
_BEGUN = re.compile(r"model_config_list\s*:?\s*(\{|<|\\n|$)")
_USED = re.compile(r"--\w|\b(docker|podman|image|from|run|exec\w*|command|args|nohup|popen)\b", re.IGNORECASE)


def uses_server(content: str) -> str:
    """Which of the server's names a text holds as one uses it (in a command, as an image, as a value by itself).

    "" where it is only told of: in a sentence, among other words of a value.
    """
    for line in _NO_USE.sub(" ", content).split("\n"):
        name = names_server(line)
        alone = re.fullmatch(rf"[^\s\w]*([\w.-]+\s*[:=]+\s*)?[\"'\[(]*[\w./$-]*{name}[\w.:@-]*[^\w]*", line.strip())
        if _SENTENCE.match(line) and "--" not in line:
            continue
        if name and (_BEGUN.search(line) if name == NAMES[-1] else alone or _USED.search(line)):
            return name
    return ""


CALLED = re.compile(r"(?m)^\s*(?:- )?image:\s*[\"']?(\S+?)[\"']?\s*(?:#.*)?$")
_PREDICTOR = re.compile(r"\bpredictor[\"']?\s*[:=]")  # in YAML, JSON or Terraform's language
_PREDICTS = re.compile(
    r"(?m)(?:^\s*[\"']?tensorflow[\"']?\s*[:=]|\bname[\"']?\s*[:=]\s*[\"']?tensorflow[\"']?)\s*(?:[,}{#].*)?$"
)


def _predicts(content: str) -> bool:
    """True for a predictor whose server KServe or Seldon brings: TensorFlow Serving, which nobody needs to name."""
    return "TENSORFLOW_SERVER" in content or bool(_PREDICTOR.search(content) and _PREDICTS.search(content))


def concerns(content: str) -> bool:
    """True for a text that names the server, gives flags that no other program has, or a predictor that it serves."""
    if names_server(content) or _predicts(content) or any(map(is_called_so, CALLED.findall(content))):
        return True
    return any(flag in content for flag in ("--model_base_path", "--model_config_file"))


def kind_of_block(language: str, content: str) -> str:
    """The reader a block is for, by its language or by its look; "" for one that nobody reads."""
    if _ASKS.match(content):
        return "shell"
    known, image = KINDS.get(language.lower()), all(look.search(content) for look in _DOCKERFILE)
    begins = _YAML_KEY if known else _ANY_KEY  # whatever it is called
    if not image and begins.match(content) and _HOLDS.search(content):
        return "yaml"
    if (
        (known == "yaml" and image)
        or (known in ("yaml", "python") and STARTED.match(content))
        or (known == "yaml" and _HERE.match(content))
        or (known == "dockerfile" and not _INSTRUCTION.search(content))
        or (known == "python" and (image or re.search(rf"(?m)^{STARTED.pattern}", content)) and not is_python(content))
    ):
        known = None  # what it holds tells more than what it is called
    if is_config(content):
        return "config"
    if known:
        return known
    if language.lower() in PROGRAMS and not re.search(rf"(?m)^{STARTED.pattern}", content):
        return "program"
    if flags_of(content):
        return "flags"
    if known is None and _STATEMENT.search(content) and concerns(content) and is_python(content):
        return "python"
    started = re.search(rf"{ENGINES} run|(?m:^\s*)[\w/.-]*{BINARY}\s+(\\\n\s*)?-", content)
    shell = language.lower() in _SHELL  # where a config's fields stand, a command writes them
    if kind_of(content) is not None and not started and not shell and not _WRITTEN.search(content):
        return "config"
    if _BASE.fullmatch(content):
        return "dockerfile"
    if image:
        return "shell" if re.search(r"cat\s*<<|cat\s*>|<<", content) else "dockerfile"
    if re.search(r"^(apiVersion|services|scrape_configs|version|healthcheck):|^\s*containers:$", content, re.MULTILINE):
        return "shell" if "<<" in content else "yaml"
    if (
        language.lower() in _SHELL
        or BINARY in content
        or re.search(rf"{NAMED}\s+--\w", content)
        or re.search(rf"\b{ENGINES}\s.*\b(run|cp|commit)\b", content)
        or re.search(r"(?m)^\s*(?:[$#>]\s+)?(?:kn\s+service|gcloud\s.*\brun\s+deploy)\s", content)
    ):
        return "shell"
    return ""


def flags_of(content: str) -> list[tuple[str, int]]:
    """The flags of a block of nothing but the server's flags, each with its line in the block; none for another."""
    lines = content.split("\n")
    if not all(_FLAG_LINE.fullmatch(line) for line in lines):
        return []
    stripped = [re.sub(r"^\s*(-\s+)?|[\s,;\\^`]+$", "", line) for line in lines]
    words = [(word.strip("\"'"), number) for number, line in enumerate(stripped, 1) for word in line.split()
             if not line.startswith("#")]  # fmt: skip
    return words if is_server("", [word for word, _ in words]) else []
