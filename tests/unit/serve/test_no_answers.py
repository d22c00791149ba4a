"""HTTP 200 with something else than an answer is told in a sentence: half of one, nothing, a proxy's page, NaN."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from playbook.errors import PredictFailed, ServerDied, ServerNotReady
from playbook.serve import alive, answers, client
from playbook.serve.handle import Handle
from playbook.tfserving.reference import Reference

NO_ANSWERS = {
    "half of it": b'{"predictions": [[0.1, 0.2',
    "nothing": b"",
    "a proxy's page": b"<html><title>Sign in</title></html>",
    "another JSON": b"[]",
    "no list": b'{"predictions": 5, "model_version_status": {}}',
    "rows of two shapes": b'{"predictions": [[1.0], [1.0, 2.0]], "model_version_status": [1]}',
    "rows of two kinds": b'{"predictions": [{"a": 1, "b": 2}, {"a": 1}], "model_version_status": [{}]}',
}


@contextmanager
def answering(body: bytes) -> Iterator[Handle]:
    """A server that answers everything with this, as it would be attached to."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield Handle("attach", "digits", "", url, "", "", [], [], version=1)
        server.shutdown()


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer_is_told_with_how_it_begins(body: bytes) -> None:
    words = r"was expected|were expected"
    seen = "was empty" if not body else "began with"
    with answering(body) as handle:
        with pytest.raises(PredictFailed, match=rf"Predict over REST: .*({words}).*{seen}.*does another program"):
            client.predict_rest(handle, {"x": np.zeros((1, 2))})
        with pytest.raises(PredictFailed, match=rf"Status of 'digits': .*({words}).*{seen}"):
            client.status(handle)
        with pytest.raises(ServerDied, match=rf"does not answer there any more: Status .*{seen}"):
            alive.check_alive(handle)
        with pytest.raises(ServerNotReady, match=rf"not AVAILABLE.*last seen: .*{seen}"):
            client.wait_available(handle, 0.1)


def test_not_a_number_is_told_as_that_and_not_as_a_difference_of_nothing() -> None:
    reference = Reference("serving_default", {"x": np.zeros((1, 2))}, {"y": np.ones((1, 2))})
    with (
        answering(b'{"predictions": [[1.0, NaN]]}') as handle,
        pytest.raises(PredictFailed, match="'y' over rest holds NaN where the model's own numbers are numbers"),
    ):
        answers.compare(handle, reference, "rest", 1)
