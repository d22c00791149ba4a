"""Parameters: a flat YAML file for all notebooks, where a name means one thing and a typo is refused."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from playbook import markdown
from playbook.chain import ranges, shapes, texts
from playbook.errors import ParameterError
from playbook.records import names, record
from playbook.records.runs import NOTEBOOK_DIR, NOTEBOOKS, meant

REPEATABLE = ("analyze",)  # the same from the same records, as often as it is run
_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
}


def read(path: Path) -> dict[str, Any]:
    """The flat parameters of a YAML file.

    Raises:
        ParameterError: no such file, not YAML, or no list of `name: value`; names the file, and the line of what is no
            YAML. Or a value is none that JSON holds.
    """
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path} was expected as a parameters file and cannot be read: {error}.") from error
    values = shapes.loaded(text, lambda why: ParameterError(f"{path} is not YAML: {why}")) or {}
    if not isinstance(values, dict):
        raise ParameterError(f"{path} must hold lines of `name: value`; it holds a {type(values).__name__}.")
    shapes.check_all(values)
    return values


def assignments(pairs: Iterable[str]) -> dict[str, Any]:
    """`NAME=VALUE` words of the command line, each value read as YAML.

    Raises:
        ParameterError: a word without a name or `=`, or a value that is no YAML, or none that JSON holds.
    """
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ParameterError(f"--set needs NAME=VALUE, not {pair!r}.")
        told = f"--set {name}: {value[:80]!r} is not a YAML value"
        refused = lambda why, told=told: ParameterError(f"{told}: {why}")  # noqa: E731
        values[name.strip()] = shapes.loaded(value, refused) if value else ""  # YAML would say null
    shapes.check_all(values)
    return values


def declared(notebook: Path) -> dict[str, tuple[str, Any]]:
    """Each parameter of a notebook with its type and default, from the cell tagged `parameters`.

    Raises:
        ParameterError: no such cell, or a line that is not `name: type = literal`.
    """
    parameters = {}
    for line in ast.parse(_source(Path(notebook))).body:
        if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value):
            raise ParameterError(f"{notebook.name}, parameters, line {line.lineno}: not `name: type = literal`.")
        parameters[line.target.id] = (ast.unparse(line.annotation), ast.literal_eval(line.value))
    return parameters


def defaults(verb: str) -> dict[str, Any]:
    """The parameters of a verb's notebook at their defaults."""
    return {name: value for name, (_, value) in declared(NOTEBOOK_DIR / f"{NOTEBOOKS[verb]}.ipynb").items()}


def meanings(notebook: Path) -> dict[str, str]:
    """What each parameter of a notebook means, with its unit: the comment behind it."""
    lines = _source(Path(notebook)).splitlines()
    return {line.partition(":")[0].strip(): line.partition("  # ")[2].strip() for line in lines if "  # " in line}


def table(notebook: Path, values: Mapping[str, Any]) -> str:
    """The parameters a notebook was run with, as Markdown: each with its value, its default and its meaning.

    Args:
        notebook: The notebook, executed or not.
        values: What was passed in; the others are at their defaults.
    """
    explained = meanings(notebook)
    rows = [
        [f"`{name}`", _shown(values.get(name, default)), _shown(default), explained.get(name)]
        for name, (_, default) in declared(notebook).items()
    ]
    return markdown.table(["parameter", "value", "default", "meaning"], rows)


def _source(notebook: Path) -> str:
    cells = json.loads(notebook.read_text())["cells"]  # nbformat costs two seconds to import, in every kernel
    sources = ["".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    if len(sources) != 1:
        raise ParameterError(f"{notebook.name} must have one cell tagged 'parameters'; it has {len(sources)}.")
    return sources[0]


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def select(values: Mapping[str, Any], notebooks: Iterable[Path]) -> dict[Path, dict[str, Any]]:
    """Give each notebook the parameters it declares, checked against their types.

    Raises:
        ParameterError: a name that no notebook declares (names the nearest), or a value of another type.
    """
    table = {notebook: declared(notebook) for notebook in notebooks}
    known = {name: kind for of_one in table.values() for name, (kind, _) in of_one.items()}
    for name, value in values.items():
        if name not in known:
            raise _unknown(name, known)
        _check(name, value, known[name])
    return {book: {name: values[name] for name in of_one if name in values} for book, of_one in table.items()}


def _check(name: str, value: Any, annotation: str) -> None:
    wanted = _TYPES.get(annotation.split("[")[0])
    if wanted is None:
        return
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        how = (
            f" papermill's -p passes text: -y '{{{name}: {value}}}' passes it as meant."
            if _is_text_of(value, wanted)
            else ""
        )
        seen = type(value).__name__
        raise ParameterError(f"Parameter {name!r} must be of type {annotation}; {value!r} is a {seen}.{how}")


def _is_text_of(value: Any, wanted: tuple[type, ...]) -> bool:
    """Whether this is the text of something that would do."""
    try:
        return isinstance(value, str) and isinstance(shapes.loaded(value, ParameterError), wanted)
    except ParameterError:
        return False


def resolved(verb: str, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a notebook as they stand in its namespace: defaults, then what was passed in, all checked.

    From here on the kernel works in the notebooks folder, as in JupyterLab and in the chain, wherever papermill was
    called: relative paths mean the same everywhere.

    Raises:
        ParameterError: a value of another type, out of its range, or a name that is none; as the chain says it.
        RecordExists: the verb is recorded in this run folder already; nothing was started.
    """
    kinds = declared(NOTEBOOK_DIR / f"{NOTEBOOKS[verb]}.ipynb")
    _refuse_unknown(_injected(namespace) - kinds.keys(), NOTEBOOK_DIR)
    values = {name: namespace[name] for name in kinds}
    for name, value in values.items():
        _check(name, value, kinds[name][0])
    check_values(values)
    os.chdir(_notebooks(NOTEBOOKS[verb], NOTEBOOK_DIR))
    values["run_dir"] = meant(values["run_dir"])
    if verb not in REPEATABLE:
        record.check_free(Path(values["run_dir"]), verb)
    return of_the_model(values)


def of_the_model(values: dict[str, Any]) -> dict[str, Any]:
    """The parameters with the rows a request must have, where the model takes no other number and none was asked for.

    Args:
        values: A notebook's, with its `run_dir`, whose export.json says what the model takes.
    """
    run_dir = Path(values["run_dir"])
    if values.get("rows_per_request") != 1 or values.get("request_mix") or not record.has(run_dir, "export"):
        return values
    fixed = record.load(run_dir, "export")["results"].get("max_rows_per_request")
    return values | {"rows_per_request": fixed or 1}


def _injected(namespace: Mapping[str, Any]) -> set[str]:
    """The names that papermill passed in, from the cell it adds below the parameters; none where it did not."""
    cells = [text for text in namespace.get("In") or [] if str(text).startswith("# Parameters\n")]
    lines = ast.parse(cells[-1]).body if cells else []
    targets = [target for line in lines if isinstance(line, ast.Assign) for target in line.targets]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _refuse_unknown(names: set[str], notebooks: Path) -> None:
    """Plain papermill only warns, alike of a slip and of what another notebook of the same file takes."""
    known = {name for path in notebooks.glob("[0-9]*.ipynb") for name in declared(path)}
    for name in sorted(names - known):
        raise _unknown(name, known)


def _unknown(name: object, known: Iterable[str]) -> ParameterError:
    near = get_close_matches(str(name), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return ParameterError(f"No notebook has a parameter named {name!r}.{hint}")


def _notebooks(name: str, ours: Path) -> Path:
    """The notebooks folder of the checkout that the kernel was started in, else of this one."""
    here = Path.cwd()
    return next((folder for folder in (here, here / "notebooks") if (folder / f"{name}.ipynb").exists()), ours)


def check_values(values: Mapping[str, Any]) -> None:
    """Names, addresses, texts and numbers as their tables allow them.

    Raises:
        ParameterError: names the parameter, the value and what was expected.
    """
    names.check_all(values)
    shapes.check_all(values)
    texts.check_all(values)
    ranges.check_all(values)
    shapes.check_finite(values)
