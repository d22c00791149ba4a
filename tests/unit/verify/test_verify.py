"""The questions of `playbook verify`: the embedded server agrees, seeded deviations are found, and nothing else is.

`tensorflow/serving` cannot be pulled where tests run; the embedded server stands in for it.
"""

from __future__ import annotations

import http.server
import json
import socketserver
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from deviant_server import FIND
from harness import free_port

from playbook.errors import ParameterError
from playbook.records.run_folder import RunFolder
from playbook.report import opening, sections
from playbook.verify import asking, costs, first_step, image_place, kept, probe_model, verify
from playbook.verify.asking import AGREES, COULD_NOT, DIFFERS, Question
from playbook.verify.places import AttachedPlace, ProcessPlace
from playbook.verify.reached import CouldNotAsk, Reached
from playbook.verify.setups import SETUPS, every_flag

DEVIANT = Path(__file__).parents[2] / "helpers" / "deviant_server.py"


BUSY = {"timeout_cost"}  # a machine that is too busy for half a millisecond says so instead


FRAIL = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'"AVAILABLE"')
    def do_POST(self):
        os._exit(3)
    def log_message(self, *words):
        pass
print(os.getpid(), flush=True)
port = next(word for word in sys.argv if word.startswith("--rest_api_port=")).partition("=")[2]
http.server.HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""


class _Gateway(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(502)
        self.end_headers()

    def log_message(self, *words):
        pass


def named(answers, word: str) -> set[str]:
    return {answer["name"] for answer in answers if answer["answer"] == word}


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    """The embedded server, all of it, beside one with every seeded deviation: each mostly waits for its time-outs.

    Rates of the two protocols are told from windows as short as show that both answer.
    """
    outputs, said = tmp_path_factory.mktemp("outputs"), []
    with ThreadPoolExecutor(1) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs, "_SECONDS", 0.3)
        deviant = pool.submit(asked_of_a_deviant)
        found = verify.process("embedded", outputs, said.append)
        return (outputs, found, said), deviant.result()


@pytest.fixture(scope="module")
def embedded(verified):
    """The whole verification of the embedded server: its folder, what was found, and what was said."""
    return verified[0]


def asked_of_a_deviant():
    place = ProcessPlace([sys.executable, str(DEVIANT), ",".join(FIND)], SETUPS)
    try:
        quick = [question for question in verify.QUESTIONS if question.area != "costs"]
        return [answer.plain() for answer in asking.ask_all(quick, place)]
    finally:
        place.close()


def test_the_embedded_server_agrees_with_all_that_it_can_be_asked(embedded):
    _, found, said = embedded
    assert named(found["answers"], DIFFERS) == set(), [a for a in found["answers"] if a["answer"] == DIFFERS]
    busy = BUSY & named(found["answers"], COULD_NOT)
    assert named(found["answers"], COULD_NOT) == {"entrypoint"} | busy
    assert (found["differs"], found["asked"]) == (0, len(verify.QUESTIONS) - 1 - len(busy))
    assert said[-1].startswith("embedded: verified on 20")


def test_what_was_asked_is_kept_as_json_and_as_a_page(embedded):
    outputs, found, _ = embedded
    assert json.loads((outputs / "verified" / "embedded.json").read_text()) == found
    page = (outputs / "verified" / "embedded.md").read_text()
    assert all(answer["says"].split("`")[0][:40] in page for answer in found["answers"])
    assert "M/D/1" in page
    assert "<table>" in (outputs / "verified" / "embedded.html").read_text()
    assert kept.find(outputs, [None, "embedded"]) == found
    assert kept.find(outputs, ["embedded server"]) is None


def test_every_seeded_deviation_is_found_and_nothing_else(verified):
    answers = verified[1]
    assert len(FIND) >= 10
    assert named(answers, DIFFERS) == set(FIND.values()) - (BUSY & named(answers, COULD_NOT))


@pytest.fixture
def attached(tmp_path):
    """A server that runs already, for another model than the probe's name."""
    probe_model.write(tmp_path / "somebodys")
    rest, grpc = free_port(), free_port()
    flags = [f"--rest_api_port={rest}", f"--port={grpc}", "--model_name=theirs"]
    flags += [f"--model_base_path={tmp_path / 'somebodys'}"]
    process = subprocess.Popen([sys.executable, "-m", "model_server", *flags], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "Entering the event loop" in line:
            break
    yield f"http://127.0.0.1:{rest}", f"127.0.0.1:{grpc}", process
    process.kill()
    process.wait()
    process.stderr.close()


def test_a_server_that_runs_is_asked_what_needs_no_flags_of_its_own(attached, tmp_path):
    url, grpc_url, _ = attached
    said: list[str] = []
    metrics_url = f"{url.replace('//', '//user:S3CRET@')}/metrics"
    found = verify.attached(url.replace("//", "//user:S3CRET@"), "theirs", tmp_path, grpc_url, metrics_url, said.append)
    assert named(found["answers"], DIFFERS) == set()
    assert "S3CRET" not in f"{found}{said}"
    assert {"status", "predict_of_nobody", "json_error", "no_version", "signature"} <= named(found["answers"], AGREES)
    assert {"merged", "swap", "flags", "numbers", "buckets"} <= named(found["answers"], COULD_NOT)
    with pytest.raises(ParameterError, match="does not answer for a model 'other'"):
        verify.attached(url, "other", tmp_path)
    with pytest.raises(ParameterError, match=r"rest_url is 'http://\*\*\*@host"):
        verify.attached("http://user:S3/CRET@host", "other", tmp_path)


def test_a_server_that_goes_away_half_way_could_not_be_asked_the_rest(attached):
    url, grpc_url, process = attached
    place = AttachedPlace(Reached(url, grpc_url, "", model="theirs"))
    asked = [
        question for question in verify.QUESTIONS if question.area in ("REST", "JSON") or question.name == "no_version"
    ]
    answers = asking.ask_all(asked, place)
    first = [next(answers).plain() for _ in range(3)]
    process.kill()
    process.wait()
    rest = [answer.plain() for answer in answers]
    place.close()
    assert named(first, AGREES) == {"status", "status_of_nobody", "predict_of_nobody"}
    assert {answer["answer"] for answer in rest} == {COULD_NOT}
    seen = {answer["name"]: answer["seen"] for answer in rest}
    assert "refused" in seen["json_error"]
    assert grpc_url in seen["no_version"]


def test_a_server_that_a_question_ends_differs_in_that_one_alone(tmp_path):
    place = ProcessPlace([sys.executable, "-c", FRAIL], SETUPS)

    def kill(place):
        place.server("life")
        subprocess.run(["kill", "-9", place.server("life").log().split()[0]], check=True)
        return place.server("life").predict({}).ok, "it lives"

    questions = [
        Question("ends", "a", "", "", lambda place: (place.server().predict({}).ok, "")),
        Question("later", "a", "", "", lambda place: (place.server().predict({}).ok, "")),
        Question("killed", "a", "", "", kill),
    ]
    try:
        ends, later, killed = asking.ask_all(questions, place)
    finally:
        place.close()
    assert (ends.answer, later.answer, killed.answer) == (DIFFERS, COULD_NOT, COULD_NOT)
    assert "the server ended with code 3 when it was asked this" in ends.seen
    assert "ended with code 3 while it was asked something else" in later.seen


def test_a_gateway_that_keeps_questions_out_is_no_difference():
    with socketserver.TCPServer(("127.0.0.1", 0), _Gateway) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host, port = server.server_address
        place = AttachedPlace(Reached(f"http://{host}:{port}", f"{host}:{port}", "/metrics", model="theirs"))
        chosen = [question for question in verify.QUESTIONS if question.name in ("malformed", "buckets")]
        answers = list(asking.ask_all(chosen, place))
        place.close()
        server.shutdown()
    assert {answer.answer for answer in answers} == {COULD_NOT}, answers
    assert "HTTP 502" in answers[0].seen


def test_a_difference_is_told_with_the_advice_it_carries_and_an_invitation(tmp_path):
    questions = [
        Question("one", "a", "it counts", "the ledger", lambda place: (False, "it | does not")),
        Question("two", "a", "it ends", "the drill", lambda place: (True, "yes")),
    ]
    found = kept.results("image@sha256:0", {}, list(asking.ask_all(questions, None)), [])
    page = kept.page(found)
    assert kept.sentence(found).endswith("by 1 of 2 questions; it differs in one")
    assert "**one**: it counts. Seen: it | does not It carries the ledger." in page
    assert "Please report it" in page


def test_a_question_that_breaks_differs_and_the_others_are_asked():
    def breaks(place):
        raise KeyError("model_version_status")

    def cannot(place):
        raise CouldNotAsk("no gRPC address was given")

    questions = [Question(name, "a", "", "", ask) for name, ask in (("one", breaks), ("two", cannot))]
    first, second = asking.ask_all(questions, None)
    assert (first.answer, second.answer) == (DIFFERS, COULD_NOT)
    assert "KeyError" in first.seen
    assert second.seen == "no gRPC address was given"


def test_a_server_that_does_not_start_is_no_agreement(tmp_path):
    place = ProcessPlace([sys.executable, "-c", "raise SystemExit('no licence')"], SETUPS)
    try:
        answers = [answer.plain() for answer in asking.ask_all(verify.QUESTIONS, place)]
    finally:
        place.close()
    assert named(answers, AGREES) == {"architecture"}


def test_all_flags_but_those_that_need_a_file_are_given():
    names = {flag.split("=")[0] for flag in every_flag()}
    assert {"--enable_batching", "--mixed_precision"} & names == {"--enable_batching"}
    assert len(names) > 30


@pytest.mark.parametrize("words", [[], ["http://a", "--image", "b"]])
def test_one_server_is_asked_at_a_time(words):
    done = subprocess.run(
        [sys.executable, "-c", "from playbook.cli import main; main()", "verify", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "give a URL, --image NAME or --server" in done.stderr


def verification(differs: bool) -> dict:
    answer = asking.Answer("merged", "batching", "they run together", "tune", DIFFERS if differs else AGREES, "no", 1.0)
    facts = {"image": "tensorflow/serving:9", "image_digest": "tensorflow/serving@sha256:12"}
    return kept.results("tensorflow/serving@sha256:12", facts, [answer], [])


@pytest.mark.parametrize("differs", [False, True])
def test_a_record_says_by_how_many_answers_its_server_was_verified(tmp_path, differs):
    found = verification(differs)
    (tmp_path / first_step.FILE).write_text(json.dumps(found))
    run = RunFolder(tmp_path, {"serve": {"results": {"server": "docker"}, "environment": {"cores": 2}}})
    day = found["created_utc"][:10]
    said = f"verified on {day} by 0 of 1 questions; it differs in merged" if differs else f"verified on {day} by 1 of 1"
    assert said in opening.about(run)
    table = sections.environment(run, None, {})
    assert "tensorflow/serving@sha256:12" in table
    assert ("please report verification.json" in table) is differs


def test_what_was_kept_of_a_server_goes_into_the_run_and_nobody_is_asked_again(tmp_path):
    outputs, run_dir, said = tmp_path / "outputs", tmp_path / "run", []
    run_dir.mkdir()
    kept.write(outputs, verification(False) | {"identity": "http://host:8501"})
    asked = {"server": "attach", "rest_url": "http://host:8501/"}
    first_step.take(run_dir, outputs, asked, said.append, fresh=True)
    assert first_step.of_run(run_dir)["identity"] == "http://host:8501"
    assert said[0].startswith("The server: verified on 20")
    other = tmp_path / "other"
    other.mkdir()
    first_step.take(other, outputs, {"server": "embedded"}, said.append, fresh=True)
    assert first_step.of_run(other) is None
    assert len(said) == 1


def test_without_docker_a_run_goes_on_to_the_stage_that_says_so(tmp_path, monkeypatch):
    said = []
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    first_step.take(tmp_path, tmp_path, {"server": "docker", "image": "none:1"}, said.append, fresh=True)
    assert said[0].startswith("none:1 was not verified: A Docker engine was expected")
    assert first_step.of_run(tmp_path) is None


def test_of_an_images_environment_only_what_is_asked_about_is_kept():
    lines = ["MODEL_NAME=model", "AWS_SECRET_ACCESS_KEY=s3cr", "MODEL_BASE_PATH=/models"]
    assert image_place.known_env(lines) == {"MODEL_NAME": "model", "MODEL_BASE_PATH": "/models"}
    assert image_place.known_env(None) == {}
