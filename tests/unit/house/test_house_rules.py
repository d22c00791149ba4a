"""The house rules: walls between the rooms, the anatomy of a notebook, a README that names what there is."""

import ast
import copy
import importlib
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import nbformat
import nbstripout
import pytest
import rooms
import yaml

from playbook.chain import params
from playbook.records import runs
from playbook.report import start

ROOT = Path(__file__).parents[3]
PACKAGES = ("playbook", "loadgen", "model_server")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
MODULES = sorted((ROOT / "lib").glob("*/**/*.py"))
TENSORFLOW_OWNERS = ("model_server",)


def imports(path: Path, late: bool = True) -> set[str]:
    """Dotted names a module imports; without `late`, only those that run when the module is imported."""
    tree = rooms.parsed(path)
    bodies = [tree] if late else [node for node in tree.body if not isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    found: set[str] = set()
    for body in bodies:
        if isinstance(body, ast.If) and "TYPE_CHECKING" in ast.unparse(body.test):
            continue
        for node in ast.walk(body):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def package_of(path: Path) -> str:
    return path.relative_to(ROOT / "lib").parts[0]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "lib").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tops(path: Path, late: bool = True) -> set[str]:
    """Packages a module imports, as `imports` takes them."""
    return {name.split(".")[0] for name in imports(path, late)}


def test_no_room_reaches_into_another() -> None:
    allowed = {"playbook": {"playbook", "loadgen"}, "loadgen": {"loadgen"}, "model_server": {"model_server"}}
    reached = {name_of(path): tops(path) & set(PACKAGES) - allowed[package_of(path)] for path in MODULES}
    assert len(reached) > 300
    assert {name: others for name, others in reached.items() if others} == {}


def test_tensorflow_is_never_imported_with_a_module() -> None:
    clients = [path for path in MODULES if package_of(path) != "model_server"]
    servers = {"tensorflow", "keras", "tensorflow_serving"}
    assert [name_of(path) for path in clients if tops(path, late=False) & servers] == []
    generator = [path for path in clients if package_of(path) == "loadgen"]
    assert [name_of(path) for path in generator if tops(path) & {"tensorflow", "pandas", "keras"}] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_rooms_import_each_other(package: str) -> None:
    assert not rooms.mutual(rooms.arrows(package)), "a room is a folder; late and type-only imports count"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_room_imports_one_that_stands_above_it(package: str) -> None:
    arrows = rooms.arrows(package)
    order = rooms.told_order(package)
    assert sorted(order) == sorted(arrows), f"lib/{package}/README.md tells the rooms from low to high"
    assert not rooms.upward(arrows, order), f"lib/{package}/README.md tells the rooms from low to high"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_one_another_in_a_circle(package: str) -> None:
    known = rooms.modules(package)
    needs = {name: rooms.imported(path, known) - {name, package} for name, path in known.items()}
    assert not rooms.circular(needs)


def test_the_walls_see_late_and_type_only_imports_in_both_directions(tmp_path: Path) -> None:
    for name, text in {
        "playbook/low/a": "def f():\n    from playbook.high import b\n",
        "playbook/high/b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from playbook.low.a import f\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / f"{name}.py").write_text(text)
    arrows = rooms.arrows("playbook", tmp_path)
    assert arrows == {"low": {"high"}, "high": {"low"}}
    assert rooms.mutual(arrows) == [("high", "low")]
    assert rooms.upward(arrows, ["low", "high"]) == [("low", "high")]
    assert rooms.circular(arrows) == {"low", "high"}


def test_a_module_is_one_job_and_says_which() -> None:
    silent = [name_of(path) for path in MODULES if not ast.get_docstring(rooms.parsed(path))]
    assert silent == [], "they do not say what they are for"
    long = {name_of(path): lines for path in MODULES if (lines := len(path.read_text().splitlines())) > 260}
    assert long == {}, "they have grown: split them"


def test_the_notebooks_are_the_verbs_in_order() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(runs.NOTEBOOKS.values())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_asks_one_question_on_one_page(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    verb = path.stem[3:]
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith(f"# {path.stem[:2]} · {verb.capitalize()}\n")
    assert "?" in cells[0].source
    assert "**Reads**" in cells[0].source
    assert "**Writes**" in cells[0].source
    assert len(cells) <= 36
    assert any(cell.source.startswith("## Verdict") for cell in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_cell_is_short_and_defines_nothing(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code" or "parameters" in cell.metadata.get("tags", []):
            continue
        assert len(cell.source.splitlines()) <= 14, cell.source
        nodes = list(ast.walk(ast.parse(cell.source)))  # a `!shell` line would not parse
        assert not any(isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Lambda)) for node in nodes), cell.source
        assert not re.search(r"\bsleep\(|perf_counter|\btime\.", cell.source), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_parameter_has_a_type_a_literal_and_a_meaning(path: Path) -> None:
    found = params.declared(path)
    source = next(
        c.source for c in nbformat.read(path, as_version=4).cells if "parameters" in c.metadata.get("tags", [])
    )
    assert "run_dir" in found
    for name, line in zip(found, source.splitlines(), strict=True):
        assert re.search(r"  # \w", line), f"{path.stem}: {name} does not say what it means"


def test_a_parameter_means_one_thing_in_every_notebook() -> None:
    types: dict[str, set[str]] = {}
    for path in NOTEBOOKS:
        for name, (kind, _) in params.declared(path).items():
            types.setdefault(name, set()).add(kind)
    assert not {name: kinds for name, kinds in types.items() if len(kinds) > 1}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(path: Path) -> None:
    if path.stem == "50_analyze":
        return
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_verbs_package_lists_what_its_notebook_uses(path: Path) -> None:
    verb = path.stem[3:]
    package = importlib.import_module(f"playbook.{verb}")
    used = {
        node.attr
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == verb
    }
    assert set(package.__all__) == used | {"results", "verdict", "warnings"}
    for name in package.__all__:
        assert hasattr(package, name)
        if (Path(package.__file__).parent / f"{name}.py").exists():
            assert isinstance(getattr(package, name), ModuleType), f"{name} is a module and something else as well"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_ends_by_keeping_its_record_and_telling_the_verdict(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    record, keep, heading, verdict, page = cells[-5:]
    run = "run.run_dir" if path.stem == "50_analyze" else "run"
    assert record.source.startswith("## Record")
    assert keep.source.splitlines()[-1] == f"saved = record.keep({run}, {path.stem[3:]}, settings, results)"
    assert (heading.source, verdict.source) == ("## Verdict", 'Markdown(saved["verdict"])')
    assert page.source == f"from playbook.report import report\n\nreport.link({run})"


def test_the_start_page_asks_every_question_in_order() -> None:
    cells = nbformat.read(ROOT / "notebooks" / "index.ipynb", as_version=4).cells
    assert start.questions() in cells[1].source


@pytest.mark.parametrize("path", sorted((ROOT / "params").glob("*.yml")), ids=lambda path: path.stem)
def test_a_params_file_names_only_parameters_there_are(path: Path) -> None:
    params.select(params.read(path), NOTEBOOKS)


def test_the_readme_names_every_target_and_params_file() -> None:
    readme = (ROOT / "README.md").read_text()
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    missing = [f"make {target}" for target in targets if target != "help" and f"make {target}" not in readme]
    missing += [path.name for path in (ROOT / "params").glob("*.yml") if path.name not in readme]
    missing += [name for name in runs.NOTEBOOKS.values() if name not in readme]
    assert not missing


def test_what_a_package_exports_is_listed_and_no_more() -> None:
    """loadgen's names are held by its own test, a verb's by its notebook; the other two are used by command."""
    import model_server
    import playbook

    assert (model_server.__all__, playbook.__all__) == ([], [])


def test_the_parts_of_a_package_stand_in_its_readme() -> None:
    for package in PACKAGES:
        assert sorted(rooms.told_order(package)) == sorted(rooms.arrows(package))


def test_the_tiers_of_the_tests_are_told() -> None:
    told = (ROOT / "tests" / "README.md").read_text()
    folders = [path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith("__")]
    assert not [name for name in folders if f"| `{name}/` |" not in told]


def test_the_glossary_is_in_order_one_line_a_word_and_linked() -> None:
    lines = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)[1:]
    words = [word.strip().lower() for word, _ in lines]
    assert len(words) > 40
    assert words == sorted(words)
    assert "docs/glossary.md" in (ROOT / "README.md").read_text()


def test_the_hooks_before_a_commit_name_what_there_is() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    for hook in hooks:
        program, *words = hook["entry"].split()
        assert (ROOT / program).exists(), f"{hook['id']}: make .venv builds {program}"
        assert all((ROOT / word).exists() for word in words if word.startswith("tests/"))


def test_a_commit_of_notebooks_changes_nothing_in_those_that_are_there(tmp_path: Path) -> None:
    """nbstripout, as the hook runs it, leaves every committed notebook as it is."""
    for path in NOTEBOOKS:
        if path.stem != "50_analyze":
            read = nbformat.read(path, as_version=4)
            stripped = nbstripout.strip_output(copy.deepcopy(read), keep_output=False, keep_count=True, keep_id=True)
            assert stripped.cells == read.cells


def test_the_version_is_said_and_has_its_entry_in_the_changelog() -> None:
    version, command = metadata.version("tfserving-playbook"), Path(sys.executable).with_name("playbook")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"playbook {version} (")
    assert re.search(rf"^## \[?{re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_readme_names_every_command() -> None:
    from playbook.cli.entry import app

    readme = (ROOT / "README.md").read_text()
    names = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert not [name for name in names if f"playbook {name}" not in readme]


def test_lock_project_and_conda_agree() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    wanted = metadata.requires("tfserving-playbook")
    pinned = set(re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE))
    assert {re.split(r"[^A-Za-z0-9_.-]", name)[0] for name in wanted} <= pinned
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert not re.search(r"https?://|--(extra-)?index|--find-links", lock)
    conda = (ROOT / "environment.yml").read_text()
    assert "-r requirements.lock" in conda
    minimum = metadata.metadata("tfserving-playbook")["Requires-Python"].removeprefix(">=")
    version = re.search(r"python=(\d+\.\d+)", conda)[1]
    assert tuple(map(int, version.split("."))) >= tuple(map(int, minimum.split(".")))
