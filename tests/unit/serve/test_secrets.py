"""A password in an address opens the server and is found nowhere else but in a file of its owner."""

import base64
import json
import os
import stat
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from playbook.chain import pipeline
from playbook.errors import ServerDied, ServerNotReady, VersionChanged
from playbook.monitor import monitor
from playbook.monitor.sensor import Sensor
from playbook.records import journal, record, runs, secrets
from playbook.serve import client, serve, words
from playbook.serve.alive import check_alive
from playbook.serve.handle import Handle

PASSWORD = "s3cr%40t-Pa55"
SHOWN = "http://***@127.0.0.1"
METRICS = '# TYPE x counter\nx{a="b"} 1\n'


class Guarded(BaseHTTPRequestHandler):
    """Answers who knows the password: the status of one model, and metrics."""

    version, model = "3", "digits"

    def do_GET(self):
        expected = "Basic " + base64.b64encode(b"me:s3cr@t-Pa55").decode()
        status = {"model_version_status": [{"version": self.version, "state": "AVAILABLE"}]}
        body = METRICS if self.path == "/metrics" else json.dumps(status)
        known = self.headers.get("Authorization") == expected
        here = self.path in ("/metrics", f"/v1/models/{self.model}")
        self.send_response(200 if known and here else 404 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def guarded(monkeypatch):
    monkeypatch.setattr(secrets, "_known", {})
    handler = type("Handler", (Guarded,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield handler, server.server_address[1]
    server.shutdown()
    server.server_close()


def attached(run: Path, port: int, user: str = f"me:{PASSWORD}@") -> tuple[Handle, dict]:
    urls = {"rest_url": f"http://{user}127.0.0.1:{port}", "metrics_url": f"http://{user}127.0.0.1:{port}/metrics"}
    settings = {"server": "attach", "model_name": "digits", **urls}
    spec = serve.from_parameters(settings, run)
    handle = serve.start(spec, run, timeout_s=2)
    record.save(run, "serve", params=settings, results=words.results(handle, spec, 3, {"rest": 0.0}), verdict="Up.")
    return handle, settings


def leaks(folder: Path) -> list[str]:
    forms = [b"s3cr", b"Pa55", base64.b64encode(b"me:s3cr@t-Pa55")]
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != secrets.FILE]
    return [path.name for path in files if any(form in path.read_bytes() for form in forms)]


def test_a_password_opens_the_server_and_is_in_no_file_but_its_own(tmp_path, guarded):
    _, port = guarded
    handle, _ = attached(tmp_path, port)
    assert client.available_version(handle) == 3
    journal.note(tmp_path, "serve", "address", None, f"http://me:{PASSWORD}@h", "a test")
    with monitor.watching(handle, tmp_path, every_s=0.2):
        time.sleep(0.5)
    assert leaks(tmp_path) == []
    assert record.load(tmp_path, "serve")["params"]["rest_url"] == f"{SHOWN}:{port}"
    kept = tmp_path / secrets.FILE
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert Sensor(handle.metrics_url, "digits").read().points == {}


def test_a_later_notebook_finds_the_password_in_the_run(tmp_path, guarded):
    _, port = guarded
    attached(tmp_path, port)
    code = (
        "import sys; from pathlib import Path; from playbook.serve import client; "
        "from playbook.serve.handle import Handle; print(client.available_version(Handle.load(Path(sys.argv[1]))))"
    )
    environment = {name: value for name, value in os.environ.items() if name != secrets.CHANNEL}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == "3\n"


def test_the_chain_gives_its_notebooks_no_password(tmp_path, guarded, monkeypatch):
    _, port = guarded
    params = tmp_path / "attach.yml"
    params.write_text(f"server: attach\nmodel_name: digits\nrest_url: http://me:{PASSWORD}@127.0.0.1:{port}\n")
    words = ["playbook", "run", "--set", f"rest_url=http://me:{PASSWORD}@127.0.0.1:{port}"]
    secret = "{Authorization: Bearer " + PASSWORD + "}"
    words += ["--set", f"headers={secret}", f"--set=headers={secret}", "--set", f" headers ={secret}"]
    monkeypatch.setattr(sys, "argv", words)
    run = pipeline.prepare(params, tmp_path / "outputs", {}, ["export", "serve"], None, None)
    assert run.parameters["serve"]["rest_url"] == f"{SHOWN}:{port}"
    assert leaks(run.run_dir) == []
    assert SHOWN in runs.note(run.run_dir)["command"]
    monkeypatch.setattr(secrets, "_known", {})  # as in a kernel, which knows nothing yet
    handle, _ = attached(run.run_dir, port, "***@")
    assert client.available_version(handle) == 3


def test_a_password_with_an_at_sign_in_it_is_hidden_whole(monkeypatch):
    monkeypatch.setattr(secrets, "_known", {})
    url = "http://me:s3cr@Pa55@127.0.0.1:8501/v1"
    assert secrets.masked(f"asked {url} and http://b:1") == "asked http://***@127.0.0.1:8501/v1 and http://b:1"
    assert secrets.take(url) == "http://127.0.0.1:8501/v1"
    assert base64.b64decode(secrets.header(url)["Authorization"].split()[1]) == b"me:s3cr@Pa55"


def test_a_wrong_password_is_told_without_it(tmp_path, guarded):
    _, port = guarded
    with pytest.raises(ServerNotReady, match="HTTP 401") as refused:
        attached(tmp_path, port, "me:s3cr-wrong@")
    assert "s3cr" not in str(refused.value)


def test_a_port_that_another_program_took_over_is_noticed_by_what_answers(tmp_path, guarded):
    handler, port = guarded
    attached(tmp_path, port)
    handle = Handle.load(tmp_path)
    check_alive(handle)
    handler.version = "4"
    with pytest.raises(VersionChanged, match="with version 3, version 4 answers now"):
        check_alive(handle)
    handler.version, handler.model = "3", "another"
    with pytest.raises(ServerDied, match=r"'digits' was expected at http://127\.0\.0\.1.*404"):
        check_alive(handle)
