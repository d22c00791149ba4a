"""--beside, as the hook of pre-commit calls lint: a commit's files are told of, among what lies beside them."""

import contextlib
import re
from pathlib import Path

import yaml
from lint_corpus import CASES

from playbook.lint.linter import examine
from playbook.lint.output import exit_code

ROOT = Path(__file__).parents[3]
HOOK = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())[0]


def test_a_file_of_a_commit_is_told_what_the_whole_folder_is_told_of_it(tmp_path):
    """One loop over the corpus' charts and folders: each file by itself, with what lies beside it."""
    wrong, tried = [], 0
    for nth, (name, (files, _, _)) in enumerate(CASES.items()):
        flat = len({Path(path).parent for path in files}) == 1
        charts = {Path(path).parent for path in files if path.endswith("Chart.yaml")}
        if len(files) < 2 or not (flat or charts):
            continue
        folder = tmp_path / str(nth)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
        whole = {(hit.path, hit.rule) for hit in examine(folder).findings}
        with contextlib.chdir(folder):
            for path in files if flat else [path for path in files if charts & {*Path(path).parents}]:
                tried += 1
                seen = {(hit.path, hit.rule) for hit in examine([path], beside=True).findings}
                wrong += [(name, each) for each in seen - whole]
    assert wrong == []
    assert tried > 300


def test_files_that_are_not_named_are_not_told_of_and_nothing_of_one_is_nothing_read(tmp_path):
    (tmp_path / "run.sh").write_text("tensorflow_model_server --port 8500\n")
    (tmp_path / "notes.txt").write_text("nothing\n")
    report = examine([tmp_path / "notes.txt"], beside=True)
    assert (report.findings, report.files, exit_code(report)) == ([], [], 3)
    (tmp_path / "run.sh").write_text(
        "tensorflow_model_server --model_base_path=/m --monitoring_config_file=/not/here\n"
    )
    (tmp_path / "other.png").write_bytes(b"\0")
    with contextlib.chdir(tmp_path):
        report = examine(["run.sh", "notes.txt"], beside=True)
    assert report.files == ["run.sh"]
    assert report.passed == {"names no server": ["notes.txt"], "config files that are not here": ["/not/here"]}


def test_the_hook_takes_every_kind_of_file_that_lint_reads():
    assert HOOK["entry"].split() == ["playbook", "lint", "--allow-nothing", "--beside"]
    names = re.compile(HOOK["files"])
    read = {path for files, faults, _ in CASES.values() for path in files if path in {place for place, _, _ in faults}}
    left = {path for path in read if "." in Path(path).name and not names.search(path)}
    assert left <= {"models.config.c"}, left
    assert not names.search("logo.png")
