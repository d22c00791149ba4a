"""The documentation is true of the code: its reference pages, its links, and every command in it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from make_docs import DOCS, METRICS, PAGES, ROOT, every_metric

from playbook.cli.entry import app

COMMANDS = typer.main.get_command(app).commands
READ = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "CONTRIBUTING.md"]
TARGETS = set(re.findall(r"^([a-z.]+):", (ROOT / "Makefile").read_text(), re.M))


def commands(page: Path) -> list[list[str]]:
    """The words of every command line in the console blocks of a page, comments and continuations taken care of."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(), re.S)
    lines = [line[2:] for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("$ ")]
    parts = [part for line in lines for part in line.split("&&")]
    return [shlex.split(part, comments=True) for part in parts]


ASKED = [(page, words) for page in READ for words in commands(page)]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_follows_from_the_code_is_up_to_date(page: str) -> None:
    assert (DOCS / page).read_text() == PAGES[page]().rstrip() + "\n", "run `make docs`"


def test_every_metric_has_a_meaning_and_every_meaning_a_metric() -> None:
    names = {re.sub(r"^/tensorflow/(serving|core|cc/saved_model)/", "", name) for name in every_metric()}
    assert names == set(METRICS)


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    built = subprocess.run(
        [Path(sys.executable).parent / "mkdocs", "build", "--quiet", "--strict", "--site-dir", tmp_path],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert (built.returncode, built.stderr) == (0, "")
    assert "KEPT" in (tmp_path / "index.html").read_text()


def test_there_are_commands_to_check() -> None:
    assert len(ASKED) > 20


@pytest.mark.parametrize(("page", "words"), ASKED, ids=lambda value: value.stem if isinstance(value, Path) else None)
def test_a_command_in_the_documents_exists(page: Path, words: list[str]) -> None:
    program, rest = words[0].removeprefix(".venv/bin/"), words[1:]
    if program == "make":
        assert [word for word in rest if "=" not in word and word not in TARGETS] == []
    if program == "playbook":
        options = {name for option in COMMANDS[rest[0]].params for name in option.opts + option.secondary_opts}
        given = {word.split("=")[0] for word in rest[1:] if re.match(r"--[a-z]", word)}
        assert rest[0] == "lint" or given <= options
    named = [word for word in rest if re.match(r"(params|notebooks|tests|docker)/", word.split("=")[-1])]
    assert [word for word in named if not (ROOT / word.split("=")[-1]).exists()] == []


@pytest.mark.parametrize("page", READ, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.S))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    if page.name != "record.md":  # made from outputs/README.md, whose links are its own folder's
        assert broken == []
