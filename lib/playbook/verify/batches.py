"""Questions about batching: how batches form and are padded, what is refused, and what a time-out really costs."""

from __future__ import annotations

import numpy as np

from playbook.verify import setups, waits
from playbook.verify.asking import Question
from playbook.verify.held import behind, held, ready
from playbook.verify.places import Place
from playbook.verify.reached import predict_request

Seen = tuple[bool, str]


def _one(rows: int = 1) -> dict:
    """A small request in the queue of the holder: the same signature."""
    return {"signature_name": "spin", "instances": [1.0] * rows}


def _merged(place: Place) -> Seen:
    seen = behind(ready(place, "batched"), [_one() for _ in range(setups.ROOM)])
    holds = (seen.runs, seen.rows) == (2, 1 + setups.ROOM) and all(reply.status_code == 200 for reply in seen.replies)
    return holds, f"{setups.ROOM} requests behind a busy thread: {seen.runs:g} batches of {seen.rows:g} rows in all"


def _padded(place: Place) -> Seen:
    server = ready(place, "batched")
    names = ("batching_session:padding_size", "batching_session:processed_batch_size")
    before = [server.counted(name)[1] for name in names]
    server.predict(_one(3)).raise_for_status()
    padding, rows = (server.counted(name)[1] - then for name, then in zip(names, before, strict=True))
    told = f"3 rows with allowed_batch_sizes {setups.SIZES}: ran {rows:g}, {padding:g} of them padding"
    return (padding, rows) == (1, 4), told


def _full(place: Place) -> Seen:
    fits = setups.QUEUED * setups.ROOM
    replies = behind(ready(place, "batched"), [_one() for _ in range(fits + 2)]).replies
    codes = [reply.status_code for reply in replies]
    words = next((reply.text for reply in replies if reply.status_code != 200), "none was refused")
    wanted = f"currently {setups.QUEUED} batches enqueued and max_enqueued_batches is {setups.QUEUED}"
    return sorted(codes) == [200] * fits + [503] * 2 and wanted in words, f"HTTP {codes}: {words}"


def _too_large(place: Place) -> Seen:
    reply = ready(place, "batched").predict(_one(setups.ROOM + 1))
    wanted = f"Task size {setups.ROOM + 1} is larger than maximum input batch size {setups.ROOM}"
    return reply.status_code == 400 and wanted in reply.text, f"HTTP {reply.status_code}: {reply.text}"


def _own_queue(place: Place) -> Seen:
    seen = behind(ready(place, "batched"), [_one(), {"instances": [1.0]}, _one(), {"instances": [1.0]}])
    return seen.runs == 3, f"two requests each of two signatures behind a busy thread: {seen.runs - 1:g} batches"


def _slots(place: Place) -> Seen:
    seen = behind(ready(place, "few"), [_one() for _ in range(6)])
    return (seen.rows, seen.runs >= 4) == (7, True), (
        f"rest_api_num_threads={setups.REST_THREADS}, 7 requests at a time: {seen.runs:g} batches of {seen.rows:g} "
        f"rows in all, so {setups.REST_THREADS - 1} at a time in the server"
    )


def _exhausted(place: Place) -> Seen:
    server = ready(place, "few")

    def call(body: dict) -> tuple[str, str]:
        request = predict_request({"x": np.array(body["instances"], np.float32)}, "spin")
        return server.refused("Predict", request)

    found = held(server, call, [lambda: call(_one()) for _ in range(3)]).replies
    codes, texts = sorted(code for code, _ in found), {text for code, text in found if code != "OK"}
    holds = codes == ["OK", "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"] and all("Exhausted" in text for text in texts)
    return holds, f"grpc_max_threads={setups.GRPC_THREADS}, 4 calls at a time: {codes}: {'; '.join(texts)}"


_FORM = "tune's simulator, and which batches its space can form"
_REFUSE = "max_enqueued_batches and the retry advice of the record"
QUESTIONS = [
    Question("merged", "batching", "requests that wait for a batch thread run together", _FORM, _merged),
    Question("padded", "batching", "a batch is padded to the next allowed size", _FORM, _padded),
    Question(
        "queue_full",
        "batching",
        "what does not fit max_enqueued_batches batches is 503 at once",
        _REFUSE,
        _full,
    ),
    Question("too_large", "batching", "a request of more rows than max_batch_size is 400", _REFUSE, _too_large),
    Question("own_queue", "batching", "each signature has a queue of its own", _FORM, _own_queue),
    Question(
        "rest_threads",
        "batching",
        "rest_api_num_threads - 1 requests are in the server at a time",
        "the thread counts that tune and deploy choose",
        _slots,
    ),
    Question(
        "grpc_threads",
        "batching",
        "calls beyond grpc_max_threads are RESOURCE_EXHAUSTED",
        "the thread counts that tune and deploy choose",
        _exhausted,
    ),
    Question(
        "timeout_cost",
        "batching",
        "idle batch threads look every millisecond: a time-out costs some half a millisecond more",
        "what the simulator predicts for docker and binary",
        waits.cost,
    ),
]
