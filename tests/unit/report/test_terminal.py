"""The commands that read records, as a user types them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fake_run
import pytest
from typer.testing import CliRunner

from playbook.cli.entry import app
from playbook.errors import MonitorError, ParameterError
from playbook.monitor import monitor
from playbook.records import queries, remarks, run_folder, runs, tables
from playbook.report import catalogue, report, sharing, terminal

EXAMPLE = runs.ROOT / "outputs" / "example"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    fake_run.make(folder / "20260101T000000Z-quick", seconds=1.0, plan=(("closed", 1, None), ("closed", 4, None)))
    shutil.copytree(EXAMPLE, folder / "my run (1) a|b [x]", ignore=shutil.ignore_patterns("*.parquet", "figures"))
    remarks.change(folder / "20260101T000000Z-quick", ["baseline", "v1.2"], note="before the new driver")
    return folder


def typed(*words: str) -> str:
    done = CliRunner().invoke(app, [*words])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.mark.parametrize("columns", [80, 100])
def test_a_record_is_laid_out_for_its_terminal_and_loses_nothing(columns: int) -> None:
    shown = terminal.rendered(report.show(EXAMPLE), columns, colour=False)
    assert max(map(len, shown.splitlines())) <= columns
    assert "…" not in shown
    assert "| ---" not in shown
    assert "**" not in shown
    levels = run_folder.read(EXAMPLE).levels_of("prove")
    for figure in (*(f"{level['throughput_rps']:,.0f}" for level in levels), "WHERE THE TIME GOES"):
        assert figure in shown


def test_show_and_record_take_a_part_of_a_name(outputs: Path) -> None:
    assert "KEPT" in typed("show", "my run", "--outputs", str(outputs))
    assert "record.md" in typed("record", "quick", "--outputs", str(outputs))
    assert (outputs / "20260101T000000Z-quick" / "record.html").exists()


def test_the_list_has_tags_and_notes_and_filters(outputs: Path) -> None:
    listed = typed("list", "--outputs", str(outputs))
    assert re.search(r"^20260101T000000Z-quick .* baseline v1.2$", listed, re.MULTILINE)
    assert "note: before the new driver" in listed
    assert "my run" not in typed("list", "--tag", "baseline", "--outputs", str(outputs))
    kept = typed("list", "--answer", "kept", "--verdicts", "--outputs", str(outputs))
    assert "baseline" not in kept
    assert "KEPT: 'digits' on the embedded server" in kept
    assert "None of 2 runs" in typed("list", "--model", "other", "--since", "2026-01-01", "--outputs", str(outputs))


def test_a_tag_is_added_and_taken_away_and_the_records_stay(outputs: Path) -> None:
    run = outputs / "20260101T000000Z-quick"
    before = (run / "stress.json").read_bytes()
    assert "Tags: baseline, v1.2, slow." in typed("tag", "quick", "slow", "--outputs", str(outputs))
    assert remarks.change(run, remove=["slow"]) == remarks.Remarks(("baseline", "v1.2"), "before the new driver")
    assert (run / "stress.json").read_bytes() == before
    with pytest.raises(ParameterError, match="without spaces"):
        remarks.change(run, ["two words"])


def test_sql_alone_lists_what_can_be_asked_and_a_question_goes_by_its_name(outputs: Path) -> None:
    menu = typed("sql", "--outputs", str(outputs))
    for name in (*tables.documented(), *queries.QUERIES):
        assert f"  {name}" in menu
    answer = typed("sql", "percentiles", "--format", "csv", "--outputs", str(outputs))
    assert answer.startswith("run_id,stage,level,answers,p50_ms")
    assert "20260101T000000Z-quick" in answer


def test_a_run_is_shared_as_one_file_without_model_logs_or_credentials(outputs: Path, tmp_path: Path) -> None:
    run = shutil.copytree(outputs / "20260101T000000Z-quick", tmp_path / "20260102T000000Z-quick")
    private = ("models/m/1/saved_model.pb", "deploy/models/m/1/saved_model.pb", "deploy/models/m/1/variables.json")
    for name in (
        *private,
        "logs/server.log",
        ".credentials.json",
        "servers/serve.1.json",
        ".drill-x/m/1/saved_model.pb",
    ):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text("not to be shared")
    with zipfile.ZipFile(sharing.share(run, tmp_path / "run.zip")) as file:
        names = [name.partition("/")[2] for name in file.namelist()]
        assert not any(b"not to be shared" in file.read(name) for name in file.namelist())
    assert {"record.html", "record.md", "stress.json"} <= set(names)
    assert any(name.endswith(".parquet") for name in names)
    page = sharing.share(run, tmp_path / "run.html").read_text()
    assert re.search(r'download="stress.json" href="data:application/octet-stream;base64,\w', page)
    assert "bm90IHRvIGJlIHNoYXJlZA" not in page
    with pytest.raises(ParameterError, match=r"ending in \.zip or \.html"):
        sharing.share(run, tmp_path / "run.tar")


def test_a_share_that_was_killed_leaves_nothing_once_it_is_done_again(outputs: Path, tmp_path: Path) -> None:
    run, target = shutil.copytree(outputs / "20260101T000000Z-quick", tmp_path / "r"), tmp_path / "to" / "run.zip"
    target.parent.mkdir()
    code = (
        "import os, signal, sys, zipfile; from pathlib import Path; from playbook.report import sharing\n"
        "zipfile.ZipFile.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sharing.share(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    killed = subprocess.run([sys.executable, "-c", code, run, target], check=False)
    assert killed.returncode == -signal.SIGKILL
    (half,) = target.parent.iterdir()
    assert half.name.endswith(".part")
    sharing.share(run, target)
    assert list(target.parent.iterdir()) == [target]


def test_the_index_survives_odd_names_and_draws_only_valid_levels(outputs: Path) -> None:
    page = catalogue.write_index(outputs).read_text()
    assert r"[my run (1) a\|b \[x\]](my%20run%20%281%29%20a%7Cb%20%5Bx%5D/record.md)" in page
    html = (outputs / "index.html").read_text()
    assert 'href="my%20run%20%281%29%20a%7Cb%20%5Bx%5D/record.html">my run (1) a|b [x]</a>' in html
    curves = json.loads(re.search(r'id="curves">(.*?)</script>', html)[1])
    levels = json.loads((EXAMPLE / "prove.json").read_text())["results"]["levels"]
    known = [level for level in levels if level["valid"] and level["latency_p99_ms"]]
    assert len(curves["my run (1) a|b [x]"]) == len(known)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', html)


@pytest.fixture
def listener() -> Iterator[int]:
    """A port where something listens that is no web server: it answers with the first bytes of HTTP/2, as gRPC does."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                with line:
                    line.recv(1000)
                    line.sendall(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00")

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_monitor_says_at_once_what_does_not_answer(tmp_path: Path, listener: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = probe.getsockname()[1]
    begun = time.monotonic()
    with pytest.raises(MonitorError, match=r"Nothing answers at http://127.0.0.1:\d+/"):
        monitor.collect(f"http://127.0.0.1:{dead}", outputs=tmp_path)
    with pytest.raises(MonitorError, match=r"is it the gRPC port \(8500\)\?"):
        monitor.collect(f"http://127.0.0.1:{listener}", outputs=tmp_path)
    assert time.monotonic() - begun < 10
    assert list(tmp_path.iterdir()) == []


def test_the_list_and_the_index_say_which_records_are_out_of_date(outputs: Path, tmp_path: Path) -> None:
    run = shutil.copytree(outputs / "20260101T000000Z-quick", tmp_path / "20260101T000000Z-quick")
    said = "out of date: stress (serve is newer)"
    assert said not in catalogue.listing(tmp_path)
    mark = {"because_of": "serve", "at_utc": "2026-01-02T00:00:00+00:00"}
    (run / "stale.json").write_text(json.dumps({"stress": mark}))
    assert said in catalogue.listing(tmp_path)
    assert said in catalogue.write_index(tmp_path).read_text()


def test_a_shell_completes_commands_and_runs(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(outputs.parent)
    (outputs.parent / "outputs").symlink_to(outputs) if outputs.name != "outputs" else None
    words = {"_PLAYBOOK_COMPLETE": "complete_bash", "COMP_WORDS": "playbook show 2026", "COMP_CWORD": "2"}
    done = CliRunner().invoke(app, [], env={**os.environ, **words}, prog_name="playbook")
    assert done.output.split().count("20260101T000000Z-quick") == 1


def test_a_run_is_copied_to_a_location_without_its_model(outputs: Path, tmp_path: Path) -> None:
    run = shutil.copytree(outputs / "20260101T000000Z-quick", tmp_path / "20260102T000000Z-quick")
    for folder in ("models", "deploy/models"):
        (run / folder).mkdir(parents=True)
        (run / folder / "saved_model.pb").write_text("large")
    (run / "deploy" / "Dockerfile").write_text("FROM scratch")
    place = sharing.upload(run, f"file://{tmp_path}/bucket/records/")
    assert place == f"file://{tmp_path}/bucket/records/20260102T000000Z-quick"
    copied = tmp_path / "bucket" / "records" / run.name
    assert (copied / "stress.json").read_bytes() == (run / "stress.json").read_bytes()
    assert not list(copied.rglob("saved_model.pb"))
    assert (copied / "deploy" / "Dockerfile").exists()
    assert "20260102T000000Z-quick" in typed(
        "sql", "SELECT run_id FROM runs", "--outputs", f"file://{tmp_path}/bucket/records"
    )


def test_a_location_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["run", "params/quick.yml", "--outputs", "nosuch://bucket"])
    assert isinstance(done.exception, ParameterError)
    assert "nosuch://bucket cannot be written" in str(done.exception)


def test_a_command_that_reads_a_folder_says_so_of_a_bucket() -> None:
    done = CliRunner().invoke(app, ["list", "--outputs", "s3://bucket/records"])
    assert done.exit_code == 2
    assert "s3://bucket/records is a bucket, and this command reads a folder." in done.output
