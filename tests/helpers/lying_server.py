"""A REST server that answers as the model did, but for every Nth reply: `python lying_server.py RUN_DIR LIE EVERY`.

LIE: another_row (the answer to another request), stale (from the EVERYth reply on always the same answer), no_rows,
not_a_number, error_as_200, html_as_200, broken_http (a reply longer than it says); leak is no lie: 1 kB of every
EVERYth request is kept. It prints its port, and ends when its stdin closes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import httptools
import numpy as np

from playbook.tfserving.reference import Reference
from playbook.tfserving.requests import write_bodies

STATUS = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
LIES = {
    "no_rows": b'{"predictions": []}',
    "not_a_number": b'{"predictions": [[NaN]]}',
    "error_as_200": b'{"error": "the model is gone"}',
    "broken_http": b"<p>bad gateway</p>",
    "html_as_200": b"<html><script>alert(1)</script> | **bold** [x](javascript:alert(1))</html>",
}


class Answers:
    """The right answer to every request of a run's reference rows, and the lie when its turn has come."""

    def __init__(self, run_dir: Path, lie: str, every: int) -> None:
        self.lie, self.every, self.count = lie, every, 0
        self.kept: list[bytearray] = []
        self._reference = Reference.load(run_dir)
        with tempfile.TemporaryDirectory() as folder:
            write_bodies(Path(folder), self._reference, "rest", 1)
            bodies = sorted(Path(folder).glob("*.body"))
            self._right = [body.with_suffix(".expect").read_bytes() for body in bodies]
            self._number = {body.read_bytes(): number for number, body in enumerate(bodies)}

    def to(self, body: bytes) -> bytes:
        number = self._number.get(body)
        if number is None:  # parity: many rows in one request, answered rightly
            return self._several(json.loads(body)["instances"])
        self.count += 1
        if self.lie == "stale" and self.count >= self.every:
            return self._right[0]
        if self.count % self.every:
            return self._right[number]
        if self.lie == "leak":
            self.kept.append(bytearray(b"leak") * 256)
            return self._right[number]
        return LIES.get(self.lie) or self._right[(number + 1) % len(self._right)]

    def _several(self, rows: list) -> bytes:
        (inputs,), (outputs,) = self._reference.inputs.values(), self._reference.outputs.values()
        places = [int(np.abs(inputs - np.asarray(row, inputs.dtype)).sum(axis=1).argmin()) for row in rows]
        return json.dumps({"predictions": outputs[places].tolist()}).encode()


class Connection(asyncio.Protocol):
    """One client's requests, one after the other."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.url, self.body = b"", b""

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if self.url.endswith(b":predict"):
            reply = self.answers.to(self.body)
        else:
            reply = b"{}" if b"/metadata" in self.url else json.dumps({"model_version_status": [STATUS]}).encode()
        length = len(reply) - (reply is LIES["broken_http"])
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        self.transport.write(head.encode() + reply)


async def main(run_dir: Path, lie: str, every: int) -> None:
    answers, loop = Answers(run_dir, lie, every), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
