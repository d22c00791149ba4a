"""The own HTTP/2 framing says what grpcio says, in both directions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import duckdb
import grpc
import hpack
import numpy as np
import pytest

from loadgen import Level, hold
from loadgen.protocols import grpc_requests
from loadgen.protocols.frames import literal, read_status
from loadgen.scripted.script import Script
from loadgen.scripted.server import running
from loadgen.workers.processes import stop_idle
from loadgen.workers.runner import run_here

METHOD = "/tensorflow.serving.PredictionService/Predict"
LATE_MS = 5.0
SIZES = (0, 1, 3190, 16_384, 70_000, 1_000_000)  # around a frame, beyond the first window, beyond both


def answer(request: bytes, context) -> bytes:
    """The request backwards, or a gRPC error where it asks for one."""
    if request.startswith(b"refuse"):
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "queue is full")
    return request[::-1]


@pytest.fixture
def grpcio_server():
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
    handler = grpc.unary_unary_rpc_method_handler(answer)
    service = grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", {"Predict": handler})
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0)


def write(folder, bodies):
    for i, body in enumerate(bodies):
        (folder / f"{i:05d}.body").write_bytes(body)
        (folder / f"{i:05d}.expect").write_bytes(body[::-1])
    return folder


def test_the_first_reply_of_a_level_holds_up_no_request(tmp_path):
    """Reading the first headers once imported their decoder: 50 ms in which nothing was sent."""
    late_ms = []
    with running("grpc") as server:
        body = write(tmp_path, [b"x"])
        level = Level(server.url, "grpc", body, arrival="constant", rate_rps=500.0, duration_s=0.2, ramp_up_s=0.0)
        for _ in range(3):  # the machine may be busy once; an import is there every time
            stop_idle()
            rows, _ = run_here(level)
            first = np.sort(rows.scheduled_ns)[49]
            late_ms.append(np.quantile((rows.sent_ns - rows.scheduled_ns)[rows.scheduled_ns <= first], 0.9) / 1e6)
            if late_ms[-1] < LATE_MS:
                break
    assert min(late_ms) < LATE_MS


@pytest.mark.parametrize(("processes", "connections"), [(1, None), (3, None), (1, 7)])
def test_an_open_loop_keeps_no_more_outstanding_than_its_cap(processes, connections, tmp_path):
    """Sixteen connections of 63 streams kept 1,008 where the summary said 1,000."""
    with running("grpc", Script(fault="silent", fault_every=1)) as server:
        level = Level(
            server.url, "grpc", write(tmp_path, [b"x"]), "constant", rate_rps=4000.0, duration_s=0.5, ramp_up_s=0.0
        )
        level = level.with_(timeout_s=1.0, processes=processes, connections=connections, to_the_end=True)
        rows, _ = run_here(level)
    sent, began = rows.sent_ns > 0, rows.sent_ns
    moments = sorted([(at, 1) for at in began[sent].tolist()] + [(at, -1) for at in rows.done_ns[sent].tolist()])
    assert np.cumsum([step for _, step in moments]).max() == level.in_flight_cap() == 1000


def test_answers_are_those_grpcio_gets_for_messages_of_every_size(grpcio_server, tmp_path):
    bodies = [bytes([65 + i]) * (size // 2) + b"z" * (size - size // 2) for i, size in enumerate(SIZES)]
    with grpc.insecure_channel(grpcio_server, [("grpc.max_receive_message_length", -1)]) as channel:
        by_grpcio = [channel.unary_unary(METHOD)(body) for body in bodies]
    assert by_grpcio == [body[::-1] for body in bodies]
    level = Level(
        grpcio_server,
        "grpc",
        write(tmp_path, bodies),
        arrival="closed",
        concurrency=8,
        connections=2,
        duration_s=1.0,
        ramp_up_s=0.1,
        check_share=1.0,
    )
    summary = hold(level, tmp_path)
    assert summary["errors"] == 0
    assert summary["answers"]["checked"] >= summary["requests"] > 2 * len(SIZES)
    assert summary["answers"]["wrong"] == 0
    sizes = duckdb.sql(f"SELECT DISTINCT bytes FROM '{tmp_path}/requests.parquet' ORDER BY 1").fetchall()
    assert [size for (size,) in sizes] == list(SIZES)


def test_a_status_of_grpcio_is_counted_under_its_number(grpcio_server, tmp_path):
    write(tmp_path, [b"refuse", b"fine", b"good"])
    level = Level(grpcio_server, "grpc", tmp_path, concurrency=4, duration_s=1.0, ramp_up_s=0.1)
    summary = hold(level, tmp_path)
    assert set(summary["errors_by_kind"]) == {"grpc_8"}
    assert summary["errors"] == pytest.approx(summary["requests"] / 3, rel=0.1)


def test_a_method_the_server_lacks_is_unimplemented(grpcio_server, tmp_path):
    """Held long enough that a server whose threads wait for a core answers inside the window."""
    level = Level(f"{grpcio_server}/no.Such/Method", "grpc", write(tmp_path, [b"x"]), concurrency=2, duration_s=2.0)
    assert set(hold(level.with_(ramp_up_s=0.1), tmp_path)["errors_by_kind"]) == {"grpc_12"}


def test_grpcio_understands_the_scripted_server_at_every_size(tmp_path):
    bodies = [bytes([97 + i]) * size for i, size in enumerate(SIZES)]
    write(tmp_path, bodies)
    (tmp_path / "00000.expect").write_bytes(b"nothing")  # an empty file is no answer
    anything = [("grpc.max_receive_message_length", -1)]
    server = running("grpc", Script(bodies=str(tmp_path)))
    with server as there, grpc.insecure_channel(there.url, anything) as channel:
        call = channel.unary_unary(METHOD)
        for body in bodies:
            assert [call(body, timeout=10) for _ in range(3)] == [body[::-1] or b"nothing"] * 3


def test_grpcio_sees_the_scripted_faults():
    with running("grpc", Script(fault="status", fault_every=2)) as server, grpc.insecure_channel(server.url) as channel:
        call = channel.unary_unary(METHOD)
        call(b"first", timeout=10)
        with pytest.raises(grpc.RpcError) as refused:
            call(b"second", timeout=10)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("huffman", [True, False])
def test_statuses_are_read_whatever_way_the_server_encodes_them(huffman):
    from hpack import Encoder

    encoder = Encoder()
    encoder.header_table_size = 0
    block = encoder.encode([(":status", "200"), ("grpc-status", "14"), ("grpc-message", "x" * 40)], huffman=huffman)
    assert read_status(block) == (200, 14)
    assert read_status(literal("grpc-status", "0")) == (-1, 0)


def test_long_header_values_are_encoded_as_hpack_reads_them():
    from hpack import Decoder

    path = "/" + "p" * 5000
    assert dict(Decoder().decode(literal(":path", path))) == {":path": path}


def test_a_server_that_wants_no_header_table_is_told_that_there_is_none():
    """RFC 7541, 4.2: the change stands at the beginning of the next block, or the connection is at fault."""
    block, _ = grpc_requests.encode("127.0.0.1", 1, METHOD, [b""])
    decoder = hpack.Decoder()
    decoder.max_allowed_table_size = 0
    for _ in range(2):
        assert (":path", METHOD) in [tuple(field) for field in decoder.decode(block)]
    assert decoder.header_table_size == 0
