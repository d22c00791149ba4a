"""SARIF as GitHub's code scanning reads it: the repository's paths, lines that exist, results that stay the same."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from tables import each_row

from playbook.lint.line_hashes import line_hashes
from playbook.lint.linter import examine
from playbook.lint.output import as_sarif, what_was_read

PLAYBOOK = Path(sys.executable).parent / "playbook"
FAULTY = "# ünï 🙂\n\ttensorflow_model_server --port 8500 --model_base_path=models/m --rest_api_prt=1  # 🙂\r\n"
END = "c129715d7a2bc9a3:1"


def run_of(report):
    return json.loads(as_sarif(report))["runs"][0]


def line_of(result):
    return result["locations"][0]["physicalLocation"]["region"]["startLine"]


def made(folder):
    """A repository with one faulty script."""
    (folder / ".git").mkdir()
    (folder / "deploy" / "a b").mkdir(parents=True)
    (folder / "deploy" / "a b" / "run #1.sh").write_bytes(FAULTY.encode())
    return folder


@pytest.fixture
def repository(tmp_path):
    return made(tmp_path)


def test_a_log_names_its_schema_tool_and_version(repository):
    log = json.loads(as_sarif(examine(repository)))
    assert (log["version"], log["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    driver = log["runs"][0]["tool"]["driver"]
    assert driver["name"] == "playbook lint"
    assert driver["version"].count(".") == 2


def test_every_rule_says_in_words_what_it_is_and_every_result_names_its_rule(repository):
    run = run_of(examine(repository))
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules) > 2
    for rule in rules:
        texts = [rule["shortDescription"]["text"], rule["fullDescription"]["text"], rule["help"]["text"]]
        assert all(0 < len(text) < 1024 for text in texts)
        assert rule["help"]["markdown"]
        assert not any("{" + word + "}" in "".join(texts) for word in ("flag", "value", "path", "name"))
        assert rule["defaultConfiguration"]["level"] in ("note", "warning", "error")
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert result["ruleId"] == rule["id"]
        assert result["level"] == rule["defaultConfiguration"]["level"]
        assert result["message"]["text"]


@each_row("given", [".", "deploy", "deploy/a b", "deploy/a b/run #1.sh"])
@each_row("called_in", [".", "deploy"])
def test_paths_are_the_repositorys_whatever_folder_was_named_or_stood_in(given, called_in, tmp_path):
    repository = made(tmp_path)
    with contextlib.chdir(repository / called_in):
        run = run_of(examine(os.path.relpath(repository / given)))
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in run["results"]]
    assert {unquote(place["uri"]) for place in places} == {"deploy/a b/run #1.sh"}
    assert {place["uriBaseId"] for place in places} == set(run["originalUriBaseIds"])
    assert run["originalUriBaseIds"]["%SRCROOT%"]["uri"] == repository.as_uri() + "/"


def test_without_a_repository_paths_begin_where_lint_was_called(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "run.sh").write_text(FAULTY)
    with contextlib.chdir(tmp_path):
        place = run_of(examine("x"))["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "x/run.sh"


def test_a_link_is_told_at_the_file_that_it_leads_to(repository):
    real = repository / "real.sh"
    real.write_text(FAULTY)
    (repository / "link.sh").symlink_to(real)
    run = run_of(examine(repository / "link.sh"))
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "real.sh"


def test_regions_are_whole_lines_in_utf_16_columns(repository):
    run = run_of(examine(repository))
    assert run["columnKind"] == "utf16CodeUnits"
    regions = [result["locations"][0]["physicalLocation"]["region"] for result in run["results"]]
    line = FAULTY.split("\n")[1].rstrip()
    whole = {"startLine": 2, "endLine": 2, "startColumn": 2, "endColumn": len(line) + 2}
    assert whole in regions
    assert all(region["startLine"] >= 1 and region["endColumn"] >= region["startColumn"] >= 1 for region in regions)


def test_a_result_keeps_its_identity_when_lines_above_it_come_and_go(repository):
    def prints():
        return sorted((each["ruleId"], each["partialFingerprints"]["primaryLocationLineHash"])
                      for each in run_of(examine(repository))["results"] if line_of(each) > 1)  # fmt: skip

    before = prints()
    file = repository / "deploy" / "a b" / "run #1.sh"
    file.write_bytes(("# one\n# two\n" + FAULTY).encode())
    assert prints() == before
    assert before


def test_line_hashes_are_those_of_githubs_upload():
    assert line_hashes("") == [END]
    assert line_hashes(" a\nb\n  \t\tc\n d") == ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1",
                                               "a23a3dc5e078b07b:1"]  # fmt: skip
    ends = {tuple(line_hashes(f" hello; \t{end}world!!!{end}{end}{end}  \t\tGreetings{end} End{end}"))
            for end in ("\n", "\r", "\r\n")}  # fmt: skip
    assert [(each[0], each[-1]) for each in ends] == [("e9496ae3ebfced30:1", END)]
    assert line_hashes("Lorem ipsum dolor sit amet.\n" * 10)[4:7] == [
        "a7f2ff13bc495cf2:5", "a7f2ff13bc495cf2:6", "a7f2ff1481e87703:1"]  # fmt: skip


def test_flags_and_piped_texts_stand_in_no_file(tmp_path):
    report = examine(["--model_base_path=models/m"])
    run = run_of(report)
    assert run["results"][0]["locations"] == [{"logicalLocations": [{"name": "command line", "kind": "parameter"}]}]
    assert run["properties"]["read"] == what_was_read(report)
    done = subprocess.run([PLAYBOOK, "lint", "--format", "sarif", "-"], capture_output=True, text=True, input=FAULTY)
    run = json.loads(done.stdout)["runs"][0]
    assert "originalUriBaseIds" not in run
    assert all("physicalLocation" not in result["locations"][0] for result in run["results"])


def test_a_folder_that_holds_no_version_is_told_at_the_folder(repository):
    (repository / "run.sh").write_text("tensorflow_model_server --model_base_path=$PWD/m --rest_api_port=8501\n")
    (repository / "m" / "x").mkdir(parents=True)
    (repository / "m" / "x" / "saved_model.pb").write_bytes(b"")
    for result in run_of(examine(repository))["results"]:
        assert result["partialFingerprints"]["primaryLocationLineHash"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 1 or (
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith(".sh"))  # fmt: skip
