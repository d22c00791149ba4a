"""git's filter for notebooks: what JupyterLab saves is no change, a new source is."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from playbook.chain.committed import cleaned
from playbook.records import runs

NOTEBOOKS = sorted(runs.NOTEBOOK_DIR.glob("*.ipynb"))


def run_in_the_lab(text: str) -> str:
    """As JupyterLab saves a notebook that was run: outputs, counts, timings, more metadata, keys in its own order."""
    page = json.loads(text)
    for number, cell in enumerate(page["cells"]):
        cell["metadata"] = {**cell["metadata"], "scrolled": True}
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            cell["outputs"] = [{"output_type": "stream", "name": "stderr", "text": ["red\n"]}]
    page["metadata"] = {
        "kernelspec": page["metadata"]["kernelspec"],
        "language_info": {"version": "3.12"},
        "widgets": {},
    }
    return json.dumps(page, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_that_was_only_run_is_byte_for_byte_the_committed_one(path: Path) -> None:
    committed = path.read_text()
    assert run_in_the_lab(committed) != committed
    assert cleaned(run_in_the_lab(committed), committed) == committed


def test_a_changed_cell_is_a_change_without_its_outputs() -> None:
    committed = NOTEBOOKS[0].read_text()
    page = json.loads(run_in_the_lab(committed))
    place = next(n for n, cell in enumerate(page["cells"]) if "Markdown(" in "".join(cell["source"]))
    page["cells"][place]["source"] = "print(1)\nprint(2)"
    result = json.loads(cleaned(json.dumps(page), committed))
    changed, before = result["cells"][place], json.loads(committed)["cells"]
    assert (changed["source"], changed["outputs"], changed["execution_count"]) == (["print(1)\n", "print(2)"], [], None)
    assert [cell for n, cell in enumerate(result["cells"]) if n != place] == before[:place] + before[place + 1 :]


def test_a_new_notebook_comes_without_outputs_and_what_is_none_is_left_alone() -> None:
    page = json.loads(cleaned(run_in_the_lab(NOTEBOOKS[0].read_text()), None))
    assert not any(cell.get("outputs") for cell in page["cells"])
    assert any(cell["metadata"] == {"tags": ["parameters"]} for cell in page["cells"])
    assert cleaned("no notebook", None) == "no notebook"


def test_git_sees_no_change_after_a_session(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "notebooks").mkdir()
    shutil.copy(NOTEBOOKS[0], tmp_path / "notebooks")
    shutil.copy(runs.ROOT / ".gitattributes", tmp_path)
    script = runs.ROOT / "lib" / "playbook" / "chain" / "committed.py"
    subprocess.run([*git, "init", "-q"], check=True)
    command = f'"{sys.executable}" -I "{script}" %f'
    subprocess.run([*git, "config", "filter.playbook-notebook.clean", command], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    path = tmp_path / "notebooks" / NOTEBOOKS[0].name
    path.write_text(run_in_the_lab(path.read_text()))
    assert shown(*git, "diff", "HEAD", "--name-only") == ""
    subprocess.run([*git, "add", "-A"], check=True)
    assert shown(*git, "status", "--porcelain") == ""


def shown(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
