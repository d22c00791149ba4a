"""Prompts before commands: read in documents, said in scripts."""

from tables import each_row

from playbook.lint.linter import examine

SERVE = "tensorflow_model_server --rest_port=8501 --model_base_path=/models/m"
PROMPTS = ["$ ", "# ", "> ", "% ", "root@host:~# ", "(venv) user@host:~/x$ ", "[user@host x]$ ", r"PS C:\x> ", "PS> "]


@each_row("language", ["", "console"])
@each_row("prompt", PROMPTS)
def test_a_command_behind_a_prompt_is_read_in_a_document(prompt, language, tmp_path):
    (tmp_path / "a.md").write_text(f"Start it:\n\n```{language}\n{prompt}{SERVE}\n```\n")
    assert ("unknown-flag", 4) in {(hit.rule, hit.line) for hit in examine(tmp_path).findings}


def test_powershell_goes_on_behind_its_own_prompt(tmp_path):
    (tmp_path / "a.md").write_text(
        "```\nPS C:\\x> docker run -p 8501:8501 `\n>> -v C:\\m:/models/model `\n"
        ">> tensorflow/serving:2.20.0 --rest_port=8501\n```\n"
    )
    assert ("unknown-flag", 4) in {(hit.rule, hit.line) for hit in examine(tmp_path).findings}


def test_a_command_in_a_comment_beside_others_is_no_prompts(tmp_path):
    (tmp_path / "a.md").write_text(f"```\n# {SERVE}\ncurl http://host/x\n```\n")
    assert "unknown-flag" not in {hit.rule for hit in examine(tmp_path).findings}


@each_row(("line", "lines"), [(f"$ {SERVE}\n", [1]), (f"# {SERVE}\n", []), (f"{SERVE}\n", [])])
def test_a_prompt_in_a_script_is_said(line, lines, tmp_path):
    (tmp_path / "r.sh").write_text(line)
    assert [hit.line for hit in examine(tmp_path).findings if hit.rule == "prompt-in-script"] == lines
