"""tensorflow.ProfilerService: a profile of a running server, as TensorBoard asks for it and reads it."""

from __future__ import annotations

import threading
import time

import grpc
import pytest
from harness import Server, rpc_error
from tensorflow.tsl.profiler.protobuf import profiler_options_pb2, xplane_pb2

from model_server.profiler import messages

BODY = {"instances": [1.0, 2.0]}


def ask(server: Server, method: str, request, **options) -> bytes:
    """The reply's bytes."""
    call = server.channel.unary_unary(f"/tensorflow.ProfilerService/{method}")
    return call(request if isinstance(request, bytes) else request.SerializeToString(), timeout=60, **options)


def wanted(duration_ms: int, folder, session: str = "run", **fields):
    """A request for a profile."""
    options = profiler_options_pb2.ProfileOptions(version=1, host_tracer_level=2, duration_ms=duration_ms)
    return messages.ProfileRequest(
        opts=options.SerializeToString(), repository_root=str(folder), session_id=session, host_name="here", **fields
    )


class Busy:
    """Requests that come one after the other until the end."""

    def __init__(self, server: Server):
        self.server, self.over, self.asked = server, threading.Event(), 0
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        while not self.over.is_set():
            assert self.server.predict("half_plus_two", BODY)[0] == 200
            self.asked += 1

    def __enter__(self) -> Busy:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


@pytest.fixture(scope="module")
def batched(models, tmp_path_factory):
    flags = ("--model_name=half_plus_two", f"--model_base_path={models / 'half_plus_two'}", "--enable_batching")
    with Server(tmp_path_factory.mktemp("profiled"), *flags) as server:
        yield server


def test_a_profile_holds_tensorflows_operations_and_the_requests(batched, tmp_path):
    began_ns = time.time_ns()
    with Busy(batched) as busy:
        reply = messages.ProfileResponse.FromString(ask(batched, "Profile", wanted(400, tmp_path)))
    took_s = (time.time_ns() - began_ns) / 1e9
    assert not reply.empty_trace
    assert busy.asked > 3
    space = xplane_pb2.XSpace.FromString((tmp_path / "run" / "here.xplane.pb").read_bytes())
    (plane,) = [plane for plane in space.planes if plane.name == "/host:CPU"]
    named = {line.name: [plane.event_metadata[e.metadata_id].name for e in line.events] for line in plane.lines}
    assert any("SessionRun" in events for events in named.values())
    assert "half_plus_two predict REST" in named["requests"]
    for line in plane.lines:
        for event in line.events:
            assert event.offset_ps + event.duration_ps < 1e12 * took_s
    waits, runs, requests = (sum(len(events) for name, events in named.items() if name.startswith(row))
                             for row in ("waiting for a batch", "graph runs", "requests"))  # fmt: skip
    assert min(waits, runs, requests) > 3
    assert max(waits, runs, requests) - min(waits, runs, requests) <= 2  # one may be under way at either end


def test_nothing_runs_in_an_idle_server_and_the_answer_says_so(batched, tmp_path):
    reply = messages.ProfileResponse.FromString(ask(batched, "Profile", wanted(1, tmp_path, emit_xspace=True)))
    assert reply.empty_trace
    assert reply.xspace
    assert not list(tmp_path.iterdir())


def test_one_profile_at_a_time_and_it_can_be_ended_early(batched, tmp_path):
    first = batched.channel.unary_unary("/tensorflow.ProfilerService/Profile").future(
        wanted(60_000, tmp_path, "long").SerializeToString(), timeout=50
    )
    time.sleep(0.5)
    second = wanted(1, tmp_path, "other").SerializeToString()
    answer = rpc_error(batched.channel.unary_unary("/tensorflow.ProfilerService/Profile"), second)
    assert answer == ("INTERNAL", "Another profiling session active.")
    ask(batched, "Terminate", messages.TerminateRequest(session_id="long"))
    first.result()
    assert (tmp_path / "long" / "here.xplane.pb").exists()


def test_a_client_that_goes_ends_its_profile(batched, tmp_path):
    first = batched.channel.unary_unary("/tensorflow.ProfilerService/Profile").future(
        wanted(60_000, tmp_path, "gone").SerializeToString(), timeout=50
    )
    time.sleep(0.3)
    first.cancel()
    until = time.monotonic() + 10
    while True:
        try:
            ask(batched, "Profile", wanted(1, tmp_path, "next"))
            break
        except grpc.RpcError:
            assert time.monotonic() < until
            time.sleep(0.1)


@pytest.mark.parametrize("names", [{"session": "../up"}, {"session": ".."}])
def test_a_profile_is_written_under_its_folder_alone(batched, tmp_path, names):
    call = batched.channel.unary_unary("/tensorflow.ProfilerService/Profile")
    code, text = rpc_error(call, wanted(1, tmp_path / "in", **names).SerializeToString())
    assert code == "INVALID_ARGUMENT"
    assert "names without '/'" in text
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_told(batched, tmp_path):
    (tmp_path / "file").write_text("")
    call = batched.channel.unary_unary("/tensorflow.ProfilerService/Profile")
    code, text = rpc_error(call, wanted(1, tmp_path / "file").SerializeToString())
    assert code == "INTERNAL"
    assert text.startswith(f"The server cannot write {tmp_path}/file/run/here.xplane.pb (")


def test_monitor_tells_what_happened_meanwhile(batched):
    with Busy(batched) as busy:
        reply = messages.MonitorResponse.FromString(ask(batched, "Monitor", messages.MonitorRequest(duration_ms=300)))
    assert busy.asked > 2
    first, *means = reply.data.splitlines()
    assert first.startswith("requests in 0.3 s: ")
    assert first.endswith(" OK")
    assert [line.split(":")[0] for line in means] == ["latency", "wait for a batch", "rows a batch", "graph run"]


def test_garbage_is_refused(batched):
    for method in ("Profile", "Monitor", "Terminate"):
        call = batched.channel.unary_unary(f"/tensorflow.ProfilerService/{method}")
        assert rpc_error(call, b"\xff\xff")[0] == "INTERNAL"


def test_the_flag_takes_the_service_away(models, tmp_path):
    flags = ("--model_name=half_plus_two", f"--model_base_path={models / 'half_plus_two'}")
    with Server(tmp_path, *flags, "--enable_profiler=false") as server:
        assert "Profiler service is enabled" not in server.log
        call = server.channel.unary_unary("/tensorflow.ProfilerService/Monitor")
        assert rpc_error(call, b"")[0] == "UNIMPLEMENTED"
