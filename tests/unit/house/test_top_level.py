"""The top level holds what the playbook is made of, and nothing that a run or a trial by hand left behind."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = {".ci", "docker", "docs", "lib", "notebooks", "outputs", "params", "tests"}
FILES = {
    ".gitattributes", ".gitignore", ".pre-commit-config.yaml", ".pre-commit-hooks.yaml", "CHANGELOG.md",
    "CONTRIBUTING.md", "LICENCES.md", "LICENSE", "Makefile", "README.md", "README.zh-CN.md", "SECURITY.md",
    "conftest.py", "environment.yml", "mkdocs.yml", "pyproject.toml", "requirements.lock",
}  # fmt: skip


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a copy without git: what belongs to it is not on record")
def test_only_what_the_playbook_is_made_of_is_committed() -> None:
    paths = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, text=True, capture_output=True, check=True
    ).stdout.splitlines()
    assert {path.partition("/")[0] for path in paths if "/" in path} == FOLDERS
    assert {path for path in paths if "/" not in path} == FILES
