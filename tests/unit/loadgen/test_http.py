"""Replies are read whatever way they come: whole, in pieces, in chunks, good and bad by turns."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading

import duckdb
import pytest

from loadgen import Level, hold
from loadgen.protocols import grpc_requests, http1


def reply(number: int) -> list[bytes]:
    """The pieces of reply `number`; its body grows and shrinks."""
    body = json.dumps({"predictions": [[10 ** (number % 7)]]}).encode()
    sized = b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    whole = b"HTTP/1.1 200 OK\r\n" + sized
    cut = 1 + number % (len(whole) - 1)
    return [
        [whole],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)],
        [whole[:cut], whole[cut:]],
        [b"HTTP/1.1 404 Not Found\r\n" + sized],
    ][number % 4]


async def answer(counts: dict, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split()[0]))
            counts["served"] += 1
            for piece in reply(counts["served"]):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.0005)  # the next piece is another packet


@pytest.fixture
def server():
    """A server of this kind in a thread; its port and its count."""
    loop, counts, ready = asyncio.new_event_loop(), {"served": 0}, threading.Event()

    def serve():
        asyncio.set_event_loop(loop)
        started = loop.run_until_complete(
            asyncio.start_server(lambda reader, writer: answer(counts, reader, writer), "127.0.0.1", 0)
        )
        counts["port"] = started.sockets[0].getsockname()[1]
        ready.set()
        loop.run_forever()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    ready.wait(10)
    yield counts
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def test_replies_whole_in_pieces_and_in_chunks_are_all_read(server, tmp_path):
    (tmp_path / "00000.body").write_text("{}")
    level = Level(f"http://127.0.0.1:{server['port']}/", bodies=tmp_path, concurrency=4, duration_s=0.6, ramp_up_s=0.1)
    summary = hold(level, tmp_path)
    assert summary["requests"] > 100
    assert set(summary["errors_by_kind"]) == {"http_404"}
    assert summary["errors"] == pytest.approx(summary["requests"] / 4, abs=8)
    bodies = {len(json.dumps({"predictions": [[10**digits]]})) for digits in range(7)}
    seen = duckdb.sql(f"SELECT DISTINCT bytes FROM '{tmp_path}/requests.parquet'").fetchall()
    assert {size for (size,) in seen} == bodies


@pytest.mark.parametrize(("host", "named"), [("127.0.0.1", b"127.0.0.1:85"), ("::1", b"[::1]:85"), ("h", b"h:85")])
def test_the_server_is_named_as_http_wants_it(host, named):
    assert b"\r\nHost: " + named + b"\r\n" in http1.encode(host, 85, "/x", [b"{}"])[0]
    assert named in grpc_requests.encode(host, 85, "/x", [b""])[0]
