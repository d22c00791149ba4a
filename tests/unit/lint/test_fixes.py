"""--fix: what has one right answer is mended, nothing else of the file is touched, and a second --fix finds nothing."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from lint_corpus import CASES
from tables import each_row

from playbook.lint import fixes
from playbook.lint.linter import examine

PLAYBOOK = Path(sys.executable).parent / "playbook"
LINE = "tensorflow_model_server --model_base_path=/models/m --rest_api_port=8501"
MODEL = 'model_config_list { config { name: "m" base_path: "/m" %s } }\n'
# What is true of a setting that was lost before, and is read when its spelling is mended.
UNMASKED = {"monitoring-missing", "batching-defaults", "batching-no-small-size", "base-path-missing",
            "config-file-missing", "config-file-not-copied", "platform-warmup-off", "ssl-no-authority"}  # fmt: skip
# Mended wherever it is found in a file of its own, and most often elsewhere.
CERTAIN = {"batching-bare-field", "batching-wrapped-field", "batching-allowed-order", "flag-value-after-blank",
           "model-platform-missing", "pasted-dash"}  # fmt: skip


def mended(folder, report=None):
    """The changes that --fix would make to a folder, of which this is the report."""
    return fixes.settled(report or examine(folder), lambda instead: examine(folder, instead=instead))


def told(report):
    return Counter((hit.path, hit.rule, hit.message) for hit in report.findings)


def lines_of(content):
    """The lines of a text with their ends, as often as they stand there."""
    return Counter(content.splitlines(keepends=True))


def test_the_corpus_is_mended_without_harm_and_for_good(tmp_path):
    """One loop over all cases with something to mend; every second has Windows' line ends and a byte order mark."""
    left, met, wrong = Counter(), Counter(), []
    for nth, (name, (files, faults, _)) in enumerate(CASES.items()):
        if not {rule for _, _, rule in faults} & set(fixes.FIXES):
            continue
        folder, windows = tmp_path / str(nth), nth % 2
        for shown, content in files.items():
            (folder / shown).parent.mkdir(parents=True, exist_ok=True)
            content = content.replace("\n", "\r\n") if windows else content
            (folder / shown).write_bytes(content.encode("utf-8-sig" if windows else "utf-8"))
        before = examine(folder)
        changes = mended(folder, before)
        fixes.write(changes)
        after = examine(folder)
        new = {(path, rule) for path, rule, _ in told(after) - told(before)} if changes else set()
        wrong += [(name, "new", each) for each in new if each[1] not in UNMASKED]
        wrong += [(name, "not for good", str(path)) for path in mended(folder, after)]
        for path, (old, now) in changes.items():
            wrong += [(name, "line ends", path.name)] if windows and "\n" in now.replace("\r\n", "") else []
            wrong += [(name, "mark", path.name)] if old.startswith("\ufeff") != now.startswith("\ufeff") else []
            wrong += [(name, "final newline", path.name)] if old.endswith("\n") != now.endswith("\n") else []
            touched = {hit.line for hit in before.findings if hit.rule in fixes.FIXES}
            gone = lines_of(old) - lines_of(now)
            wrong += [(name, "other lines", path.name)] if sum(gone.values()) > 3 * len(touched) else []
        for rule in CERTAIN:
            met[rule] += sum(hit.rule == rule for hit in before.findings)
            left[rule] += sum(hit.rule == rule for hit in after.findings)
    assert wrong == []
    assert all(left[rule] * 5 <= met[rule] for rule in CERTAIN), (left, met)
    assert met["flag-value-after-blank"] > 30


SHELL = [
    ("--port 8500", "--port=8500"),
    ("--port = 8500", "--port=8500"),
    ("--model-name=m", "--model_name=m"),
    ("--model-name m", "--model_name=m"),
    ("-model_name=m", "--model_name=m"),
    ("–model_name=m", "--model_name=m"),
    ("–port 8500", "--port=8500"),
    ("--noenable_model_warmup", "--enable_model_warmup=false"),
    ("--grpc_port=9000", "--port=9000"),
    ("--grpc_port 9000", "--port=9000"),
    ("--use_tflite_model", "--prefer_tflite_model"),
    ("--enable_profiler=no", "--enable_profiler=false"),
    ("--enable_profiler=On", "--enable_profiler=true"),
    ("--num_load_threads=4.0", "--num_load_threads=4"),
    ("--load_retry_interval_micros=60_000_000", "--load_retry_interval_micros=60000000"),
    ("“--model_name=m”", "--model_name=m"),
]


@each_row(("wrong", "right"), SHELL)
def test_a_flag_is_written_as_the_server_reads_it(wrong, right, tmp_path):
    (tmp_path / "run.sh").write_text(f"# {wrong}\n{LINE} {wrong} # {wrong}x\n")
    fixes.write(mended(tmp_path))
    assert (tmp_path / "run.sh").read_text() == f"# {wrong}\n{LINE} {right} # {wrong}x\n"
    assert not {hit.rule for hit in examine(tmp_path).findings} & set(fixes.FIXES)


@each_row("guess", ["--rest_api_prt=1", "--port=9000 --grpc_port=9001", "--num_load_threads=4s",
                                   "--enable_profiler=maybe", "“a b”", "--num_load_threads=4.5"])  # fmt: skip
def test_what_is_a_guess_stays(guess, tmp_path):
    (tmp_path / "run.sh").write_text(f"{LINE} {guess}\n")
    assert mended(tmp_path) == {}


CONFIGS = [
    ("b.config", "max_batch_size: 64 # a\nnum_batch_threads: 2\n",
     "max_batch_size { value: 64 } # a\nnum_batch_threads { value: 2 }\n"),
    ("b.config", "maxBatchSize: 64\nnum_batch_threads { value: 2 }\n",
     "max_batch_size { value: 64 }\nnum_batch_threads { value: 2 }\n"),
    ("b.config", 'max_batch_size { value: "64" }\nnum_batch_threads { value: 2.0 }\n',
     "max_batch_size { value: 64 }\nnum_batch_threads { value: 2 }\n"),
    ("b.config", "pad_variable_length_inputs: yes\nmax_batch_size { value: 8 }\n",
     "pad_variable_length_inputs: true\nmax_batch_size { value: 8 }\n"),
    ("m.config", MODEL % "model_platform: tensorflow", MODEL % 'model_platform: "tensorflow"'),
    ("m.config", MODEL % 'model_platform: "TensorFlow"', MODEL % 'model_platform: "tensorflow"'),
    ("m.config", MODEL % "model_type: tensorflow", MODEL % "model_type: TENSORFLOW"),
    ("m.config", MODEL.replace("base_path", "basePath") % 'model_platform: "tensorflow"',
     MODEL % 'model_platform: "tensorflow"'),
    ("m.config", MODEL % 'model_platform: "tensorflow" version_policy { all { } }',
     MODEL % 'model_platform: "tensorflow" model_version_policy { all { } }'),
    ("mon.config", "prometheus_config { enable: On path: 'metrics' }\n",
     "prometheus_config { enable: true path: '/metrics' }\n"),
    ("m.config", '{"model_config_list": {"config": [{"name": "m", "base_path": "/m", "version_labels": {"a": 1}}]}}\n',
     'model_config_list {\n  config {\n    name: "m"\n    base_path: "/m" model_platform: "tensorflow"\n'
     '    version_labels {\n      key: "a"\n      value: 1\n    }\n  }\n}\n'),
    ("b.config", '{\n "max_batch_size": 8, "allowed_batch_sizes": [1, 8]\n}\n',
     "max_batch_size {\n  value: 8\n}\nallowed_batch_sizes: 1\nallowed_batch_sizes: 8\n"),
]  # fmt: skip


@each_row(("name", "wrong", "right"), CONFIGS)
def test_a_config_file_is_written_as_its_message_has_it(name, wrong, right, tmp_path):
    (tmp_path / name).write_text(wrong)
    fixes.write(mended(tmp_path))
    assert (tmp_path / name).read_text() == right


@each_row("guess", ['{"model_config_list": [{"config": {"name": "m"}}]}\n', '[{"name": "m"}]\n',
                                   '{"max_batch_size": 8, "batch_timeout": 1}\n'])  # fmt: skip
def test_json_that_is_not_the_messages_own_stays(guess, tmp_path):
    (tmp_path / "m.config").write_text(guess)
    (tmp_path / "run.sh").write_text("tensorflow_model_server --model_config_file=m.config --rest_api_port=8501\n")
    assert mended(tmp_path) == {}


def test_tabs_mixed_line_ends_other_bytes_and_a_missing_last_newline_are_kept(tmp_path):
    file = tmp_path / "b.config"
    before = b"# caf\xe9\r\n\tmax_batch_size:\t64\t# a\n\n  num_batch_threads { value: 2 }\r\n# end"
    file.write_bytes(before)
    file.chmod(0o640)
    fixes.write(mended(tmp_path))
    assert file.read_bytes() == before.replace(b"max_batch_size:\t64", b"max_batch_size { value: 64 }")
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.config").write_text("max_batch_size: 64\n")
    (tmp_path / "b.config").symlink_to("real.config")
    fixes.write(mended(tmp_path / "b.config"))
    assert os.readlink(tmp_path / "b.config") == "real.config"
    assert (tmp_path / "real.config").read_text() == "max_batch_size { value: 64 }\n"


def test_the_whole_diff_is_shown_before_anything_is_written(tmp_path):
    (tmp_path / "b.config").write_text(
        "num_batch_threads { value: 2 }\r\nmaxBatchSize: 64\r\n# caf\udce9\r\n", errors="surrogateescape", newline=""
    )
    done = subprocess.run([PLAYBOOK, "lint", "--fix", tmp_path], capture_output=True, text=True, check=False)
    assert "-maxBatchSize: 64\n+max_batch_size { value: 64 }\n" in done.stdout
    assert done.stdout.index("+max_batch_size") < done.stdout.index("Mended 1 file.")
    assert "Traceback" not in done.stderr
