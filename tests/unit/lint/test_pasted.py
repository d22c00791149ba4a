# ruff: noqa: E501  (tables of texts, one a line)
"""What a page, a chat or another system leaves in a text: printed quotes and dashes, odd blanks, marks, line ends."""

import subprocess
import sys

from tables import each_row

from playbook.lint import fixes
from playbook.lint.linter import examine

IMAGE = "tensorflow/serving:2.20.0"
LINE = "tensorflow_model_server --rest_api_port=8501 --model_base_path=/m"
RUN = f"docker run -p 8501:8501 -v /m:/models/m -e MODEL_NAME=m {IMAGE} --enable_batching"
CONFIG = 'model_config_list { config { name: "a" base_path: "/models/a" model_platform: "tensorflow" } }\n'
SERVICE = f"services:\n  s:\n    image: {IMAGE}\n    volumes: ['/m:/models/model']\n"


def said(folder, files):
    """Rules and places of errors and warnings in these files."""
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return {(hit.rule, hit.path, hit.line) for hit in examine(folder).findings if hit.severity != "note"
            } - {("monitoring-missing", name, number) for name in files for number in range(9)}  # fmt: skip


# what is wrong -> the file, its text, the rule, the line
WRONG = {
    "a dash before docker's option": ("run.sh", RUN.replace("-p", "–p"), "pasted-dash", 1),
    "a long dash in the place of two": ("run.sh", RUN.replace("-v /m", "—volume /m"), "pasted-dash", 1),
    "a dash and a hyphen before a port": ("run.sh", LINE.replace("--rest", "–-rest"), "pasted-dash", 1),
    "a hyphen and a dash": ("run.sh", LINE.replace("--rest", "-–rest"), "pasted-dash", 1),
    "a dash before another flag": ("run.sh", LINE + " –enable_batching", "unknown-flag", 1),
    "quotes around a value": ("run.sh", LINE.replace("/m", "“/m”"), "pasted-quote", 1),
    "quotes around docker's value": ("run.sh", RUN.replace("8501:8501", "“8501:8501”"), "pasted-quote", 1),
    "quotes around a variable's value": ("run.sh", RUN.replace("NAME=m", "NAME=‘m’"), "pasted-quote", 1),
    "quotes in YAML": ("c.yaml", SERVICE + "    command:\n    - “--port=8500”\n", "pasted-quote", 6),
    "quotes in an array of Docker's": (
        "Dockerfile",
        f"FROM {IMAGE}\nCOPY m /models/model\nCMD [“--port=8500”]\n",
        "exec-form-not-json",
        3,
    ),
    "quotes in a config": ("m.config", CONFIG.replace('"a"', "“a”"), "config-bad-value", 1),
    "a blank that binds, between flags": ("run.sh", LINE.replace(" --model", "\u00a0--model"), "odd-blank", 1),
    "a blank that binds, before a flag": ("run.sh", LINE.replace(" --model", " \\\n\u00a0 --model"), "odd-blank", 2),
    "a blank that binds, in docker's words": ("run.sh", RUN.replace("run -p", "run\u00a0-p"), "odd-blank", 1),
    "a blank without width": ("run.sh", LINE + "\u200b", "odd-blank", 1),
    "such a blank in a list": ("c.yaml", SERVICE + '    command: ["--port=8500\u00a0"]\n', "odd-blank", 5),
    "such a blank in an indent": ("c.yaml", SERVICE + "\u00a0   command: ['--port=8500']\n", "odd-blank", 5),
    "such a blank behind a key": ("c.yaml", SERVICE.replace("image: ", "image:\u00a0"), "odd-blank", 3),
    "such a blank in a config": ("m.config", CONFIG.replace("config {", "config\u00a0{"), "config-file-broken", 1),
    "a tab in YAML": ("c.yaml", SERVICE + "\tcommand: ['--enable_batchin']\n", "unreadable", 5),
    "UTF-16 of a config": ("m.config", CONFIG.encode("utf-16"), "text-encoding", 1),
    "UTF-16 without a mark": ("m.config", CONFIG.encode("utf-16-le"), "text-encoding", 1),
    "a mark before a config": ("m.config", b"\xef\xbb\xbf" + CONFIG.encode(), "text-encoding", 1),
    "UTF-16 of a Dockerfile": ("Dockerfile", f"FROM {IMAGE}\n".encode("utf-16"), "text-encoding", 1),
    "a mark before a script": ("run.sh", b"\xef\xbb\xbf#!/bin/sh\n" + LINE.encode(), "text-encoding", 1),
    "a script of Windows'": ("run.sh", f"#!/bin/bash\r\n{LINE}\r\n", "windows-line-ends", 1),
    "a quote left open": ("run.sh", f"{RUN} --model_name='m\n{LINE}\n", "quote-not-closed", 1),
    "a quote left open in a document": (
        "README.md",
        f"```sh\n# now\n{RUN} --model_name='m\n```\n\nand\n",
        "quote-not-closed",
        3,
    ),
    "ends of lines as two letters": (
        "run.sh",
        "#!/bin/bash\nC=\"model_config_list {\\n\"\nfor m in a b; do\n  C+=\"  config { name: '$m' base_path: '/models/$m' "
        'model_platform: \'tensorflow\' }\\n"\ndone\necho "$C}" > m.config\n'
        "tensorflow_model_server --model_config_file=m.config\n",
        "config-file-broken",
        6,
    ),
    "a port that is counted to another": (
        "run.sh",
        f"P=8500\nR=8499\n((R++))\n{LINE.replace('=8501', '=$R')} --port=$P\n",
        "rest-port-is-grpc-port",
        4,
    ),
}


@each_row("what", WRONG)
def test_what_was_pasted_is_named(what, tmp_path):
    name, text, rule, line = WRONG[what]
    assert (rule, name, line) in said(tmp_path, {name: text})


# what is right, or nobody can know -> the files
RIGHT = {
    "plain dashes and quotes": {"run.sh": RUN.replace("-p 8501:8501", "-p '8501:8501' --name \"tfs\"")},
    "a dash and quotes in a comment": {"run.sh": f"# start – “as told”\n{LINE}\n"},
    "an apostrophe in what is shown": {"README.md": f"```sh\n$ {LINE}\nIt's up\n$ {LINE} --port=8500\n```\n"},
    "a config in a Chinese project": {"m.config": CONFIG.replace('"a"', '"模型"') + "# 一\u3000个\n"},
    "line ends of Windows in what may have them": {
        "Dockerfile": f'FROM {IMAGE}\r\nCOPY m /models/model\r\nCMD ["--port=8500", \\\r\n  "--rest_api_port=8501"]\r\n',
        "c.yaml": SERVICE.replace("\n", "\r\n"),
        "m.config": CONFIG.replace(" ", "\r\n"),
        "start.bat": RUN.replace(" -v", " ^\r\n  -v") + "\r\n",
        "README.md": f"```sh\r\n{RUN} \\\r\n  --port=8500\r\n```\r\n",
    },
    "marks that do no harm": {
        "c.yaml": b"\xef\xbb\xbf" + SERVICE.encode(),
        "start.ps1": RUN.encode("utf-16"),
        "Dockerfile": b"\xef\xbb\xbf" + f"FROM {IMAGE}\nCOPY m /models/model\n".encode(),
    },
    "letters of an older encoding": {
        "run.sh": ("# café\n" + LINE * 2).encode("latin-1").replace(b"/mtens", b"/m\ntens")
    },
    "ends of lines that echo makes": {
        "run.sh": "#!/bin/bash\necho -e \"model_config_list {\\n config { name: 'a' base_path: '/a' "
        "model_platform: 'tensorflow' }\\n}\" > m.config\ntensorflow_model_server --model_config_file=m.config\n"
    },
    "ends of lines that a plain shell's echo makes": {
        "run.sh": "#!/bin/sh\necho \"model_config_list {\\n config { name: 'a' base_path: '/a' "
        "model_platform: 'tensorflow' }\\n}\" > m.config\ntensorflow_model_server --model_config_file=m.config\n"
    },
    "ports that a loop counts up": {
        "run.sh": "P=8500\nfor m in a b; do\n  tensorflow_model_server --port=$P --rest_api_port=$((P+1)) "
        "--model_base_path=/m/$m &\n  ((P+=2))\ndone\n"
    },
    "ports counted apart": {
        "run.sh": f"P=8500\nR=$P\nlet R++\n{LINE.replace('=8501', '=$R')} --port=$P\n"
        f"Q=8500\nQ=`expr $Q + 1`\n{LINE.replace('=8501', '=$Q')} --port=8500\n"
    },
    "flags added as text": {"run.sh": f"F='--port=8500'\nF+=' --enable_batching=false'\n{LINE} $F\n"},
}


@each_row("what", RIGHT)
def test_what_does_no_harm_is_not_named(what, tmp_path):
    assert said(tmp_path, RIGHT[what]) - {("base-path-not-here", "", None)} == set()


def test_a_fix_keeps_the_ends_of_lines_and_leaves_other_encodings_alone(tmp_path):
    config, foreign = tmp_path / "b.config", tmp_path / "c.config"
    config.write_bytes(b"max_batch_size: 64\r\nnum_batch_threads { value: 2 }\r\n")
    foreign.write_bytes("max_batch_size: 64\n".encode("utf-16"))
    fixes.write(fixes.fixed(examine(tmp_path)))
    assert config.read_bytes() == b"max_batch_size { value: 64 }\r\nnum_batch_threads { value: 2 }\r\n"
    assert foreign.read_bytes() == "max_batch_size: 64\n".encode("utf-16")


def test_what_is_read_behind_a_quote_left_open_is_what_stands_there(tmp_path):
    (tmp_path / "run.sh").write_text(f"{LINE} --model_name='m\n{LINE} --rest_api_num_threads=1\n")
    assert ("rest-threads-one", 2) in {(hit.rule, hit.line) for hit in examine(tmp_path).findings}


@each_row(
    "text",
    [
        CONFIG.replace("config {", "config\u00a0{"),
        "\ufeff" + CONFIG,
        CONFIG.replace('"a"', "“a”"),
        CONFIG[:19] + "\\n" + CONFIG[19:],
    ],
)
def test_a_server_ends_of_a_config_that_lint_calls_broken(text, tmp_path):
    (tmp_path / "m.config").write_text(text)
    assert {hit.severity for hit in examine(tmp_path).findings} >= {"error"}
    flags = [f"--model_config_file={tmp_path}/m.config", "--port=0", f"--grpc_socket_path={tmp_path}/s"]
    done = subprocess.run([sys.executable, "-m", "model_server", *flags], capture_output=True, check=False)
    assert done.returncode == 255
