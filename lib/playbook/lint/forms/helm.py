"""Helm charts rendered by Helm where it is here, else by our own reading of templates; lines are led back."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from playbook.lint.forms.go_expressions import TemplateError
from playbook.lint.forms.go_functions import UNKNOWN_VALUE, to_yaml
from playbook.lint.forms.go_templates import rendered
from playbook.lint.forms.helm_lines import SOURCE, Rendered, by_template
from playbook.lint.forms.text import Text
from playbook.lint.forms.yaml_bounds import check_bounds

_PATIENCE_S = 20
# a template that is not ours to fill in, or values that its functions refuse
_NOT_UNDERSTOOD = (TemplateError, RecursionError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError,
                   SyntaxError, re.error, yaml.YAMLError)  # fmt: skip


@dataclass
class Chart:
    """A chart here: its folder, and what Helm made of it, or why it made nothing."""

    folder: Path
    rendered: list[Rendered] = field(default_factory=list)
    problem: str = ""
    stops: list[str] = field(default_factory=list)  # names below values that it lacks: Helm stops there
    undefined: list[str] = field(default_factory=list)  # helpers that none of its files defines


def charts(texts: Mapping[Path, Text]) -> Iterator[Path]:
    """The folders of charts among the texts, those inside another chart left to that one."""
    folders = sorted({path.parent for path in texts if path.name == "Chart.yaml"})
    for folder in folders:
        if not any(folder != other and folder.is_relative_to(other) for other in folders):
            yield folder


def render(folder: Path, texts: Mapping[Path, Text], beside: Path | None = None) -> Chart:
    """What `helm template`, or our own reading of templates, makes of a chart with its own values.

    Nothing where Helm refuses it, or where it is not here and a template is not understood.

    Args:
        folder: the chart's.
        texts: the texts of the folder, by path.
        beside: a second file of values, whose values win over those of values.yaml.
    """
    chart, program = Chart(folder), shutil.which("helm")
    if program is None:
        chart.rendered = list(by_template(_filled_in(chart, texts, beside), folder, texts, beside))
        return chart
    more = ["--values", str(beside.resolve())] if beside is not None else []
    with tempfile.TemporaryDirectory(prefix="lint_helm_") as home:
        environment = {"PATH": "/usr/bin:/bin", "HOME": home}  # no plugins and no cluster of the user's
        try:
            done = subprocess.run([program, "template", "release", str(folder.resolve()), *more], capture_output=True,
                                  text=True, timeout=_PATIENCE_S, check=False, env=environment)  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            chart.problem = f"helm could not be run ({type(error).__name__})"
            return chart
    if done.returncode:
        words = done.stderr.strip().splitlines()
        chart.problem = f"helm refuses it ({words[-1].removeprefix('Error: ') if words else 'no reason given'})"
        chart.undefined = re.findall(r'no template "([^"]+)"', done.stderr)
        stops = re.findall(r"<\$?\.(Values\.[\w.]+)>: (nil pointer.*\}\.|can't evaluate field )(\w+)", done.stderr)
        for name, _, field_ in stops:  # at the first name below Values: the dot is no chart
            astray = field_ in ("Values", name.split(".")[1])
            chart.stops.append("." + (".".join(name.split(".")[:2]) if astray else name))
        return chart
    chart.rendered = list(by_template(done.stdout, folder, texts, beside))
    return chart


def _filled_in(chart: Chart, texts: Mapping[Path, Text], beside: Path | None) -> str:
    """The chart's templates filled in without Helm, as `helm template` would print them; "" where that fails."""
    folder = chart.folder
    inside = {path.relative_to(folder): text.content for path, text in texts.items() if path.is_relative_to(folder)}
    try:
        made = _made(inside, _table(texts[beside].content) if beside is not None else {}, {}, chart)
    except _NOT_UNDERSTOOD:
        return ""
    pieces = [(name, piece) for name, content in made.items() for piece in re.split(r"(?m)^---[ \t]*$", content)]
    return "".join(f"---\n{SOURCE}{name}\n{piece}\n" for name, piece in pieces if piece.strip())


def _made(inside: Mapping[Path, str], given: dict, helpers: Mapping[str, str], whole: Chart) -> dict[str, str]:
    """What a chart's templates make of its values and of those given to it, by `chart/PATH`; its charts' behind it.

    What Helm would stop at is kept in `whole`, the chart that all of this is a part of.
    """
    templates = {
        f"chart/{path}": content
        for path, content in inside.items()
        if path.parts[0] == "templates" or (path.parts[0] == "charts" and path.suffix == ".tpl")
    }
    values = _over(_table(inside.get(Path("values.yaml"), "")), given)
    chart = _table(inside[Path("Chart.yaml")])
    about = {name[:1].upper() + name[1:]: value for name, value in chart.items()}
    release = {"Name": "release", "Namespace": "default", "Service": "Helm", "IsInstall": True, "IsUpgrade": False}
    root = {"Values": {"global": {}, **values}, "Chart": about, "Release": release, "Capabilities": UNKNOWN_VALUE,
            "Files": {"Get": lambda name: inside.get(Path(name), ""), "Glob": lambda form: _Globbed(
                {str(path): content for path, content in inside.items() if path.match(form)})}}  # fmt: skip
    texts = rendered({**helpers, **templates}, root, whole.stops, whole.undefined)
    made = {name: text for name, text in texts.items() if name in templates}
    shared = {name: content for name, content in templates.items() if name.endswith(".tpl")}
    for folder in sorted(
        {path.parent for path in inside if path.match("charts/*/Chart.yaml") and len(path.parts) == 3}
    ):
        part = {path.relative_to(folder): content for path, content in inside.items() if path.is_relative_to(folder)}
        told = _dependency(chart, str(_table(part[Path("Chart.yaml")]).get("name", folder.name)))
        if _is_on(values, str(told.get("condition", ""))):
            own = values.get(str(told.get("alias") or told["name"]))
            both = {"global": values.get("global", {}), **(own if isinstance(own, dict) else {})}
            for name, content in _made(part, both, {**helpers, **shared}, whole).items():
                made[f"chart/{folder.as_posix()}/{name.partition('/')[2]}"] = content
    return made


def _dependency(chart: dict, name: str) -> dict:
    """What a chart says of another that lies in it; its name alone where it says nothing."""
    listed = chart.get("dependencies")
    found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return next((each for each in found if each.get("name") == name), {"name": name})


def _is_on(values: dict, condition: str) -> bool:
    """False where the value that a dependency's condition names is false."""
    value: Any = values
    for part in condition.split(",")[0].split(".") if condition else ():
        value = value.get(part, True) if isinstance(value, dict) else True
    return value is not False


class _Globbed(dict):
    """What `.Files.Glob` gives: contents by path, and all of them as a ConfigMap's or Secret's data."""

    def get(self, name: str, default: Any = None) -> Any:
        """A file's content, or one of the two texts."""
        by_name = {Path(path).name: content for path, content in self.items()}
        if name == "AsConfig":
            return to_yaml(by_name)
        if name == "AsSecrets":
            return to_yaml({key: base64.b64encode(text.encode()).decode() for key, text in by_name.items()})
        return super().get(name, default)


def _table(content: str) -> dict:
    try:
        check_bounds(content)
        table = yaml.safe_load(content)
    except yaml.YAMLError:
        return {}
    return table if isinstance(table, dict) else {}


def _over(values: dict, more: dict) -> dict:
    """Values with others that win over them: mappings are joined, null takes a value away."""
    whole = dict(values)
    for name, value in more.items():
        held = values.get(name)
        whole[name] = _over(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return {name: value for name, value in whole.items() if value is not None or name not in more}
