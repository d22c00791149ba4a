"""Questions about batching: how batches form and are padded, what is refused, and what a time-out really costs."""

from __future__ import annotations

import math
import time

import numpy as np

from playbook.verify import setups
from playbook.verify.asking import Question
from playbook.verify.places import Place
from playbook.verify.reached import CouldNotAsk, Reached, predict_request

Seen = tuple[bool, str]
_HOLD_S = 1.0  # how long the one batch thread is kept busy while others queue
_APART_S = 0.02
_WAIT = setups.WAIT_MICROS / 1000
_REQUESTS = 100
_CALM = 0.8  # share of requests at time-out 0 that a thread must take at once, or nothing can be said of a time-out
# A wait ends with the time-out where threads wake at once; where they look every millisecond, a fifth of the waits end
# within 0.2 ms of it, and half of them within half a millisecond (a busy machine adds to that).
_SOON_MS, _USUAL_MS = 0.2, 1.8


def _behind(server: Reached, bodies: list) -> list:
    """Answers to bodies that arrive one after the other while the batch thread runs another request's batch."""
    holder = server.spin(_HOLD_S)
    return server.together([holder, *bodies], _APART_S)[1:]


def _ready(place: Place, name: str) -> Reached:
    """The server, which knows how long a spin of one second is before anything is counted."""
    server = place.server(name)
    server.spin(0.001)
    return server


def _one(rows: int = 1) -> dict:
    """A small request in the queue of the holder: the same signature."""
    return {"signature_name": "spin", "instances": [1.0] * rows}


def _merged(place: Place) -> Seen:
    server = _ready(place, "batched")
    before = _executed(server)
    replies = _behind(server, [_one() for _ in range(setups.ROOM)])
    runs, rows = (now - then for now, then in zip(_executed(server), before, strict=True))
    holds = (runs, rows) == (2, 1 + setups.ROOM) and all(reply.status_code == 200 for reply in replies)
    return holds, f"{setups.ROOM} requests behind a busy thread: {runs:g} batches of {rows:g} rows in all"


def _executed(server: Reached) -> tuple[float, float]:
    """Batches, and the rows that requests had in them."""
    runs, rows = server.counted("batching_session:processed_batch_size")
    return runs, rows - server.counted("batching_session:padding_size")[1]


def _padded(place: Place) -> Seen:
    server = _ready(place, "batched")
    before = (
        server.counted("batching_session:padding_size")[1],
        server.counted("batching_session:processed_batch_size")[1],
    )
    server.predict(_one(3)).raise_for_status()
    after = (
        server.counted("batching_session:padding_size")[1],
        server.counted("batching_session:processed_batch_size")[1],
    )
    padding, rows = after[0] - before[0], after[1] - before[1]
    return (padding, rows) == (
        1,
        4,
    ), f"3 rows with allowed_batch_sizes {setups.SIZES}: ran {rows:g}, {padding:g} of them padding"


def _full(place: Place) -> Seen:
    server = _ready(place, "batched")
    fits = setups.QUEUED * setups.ROOM
    replies = _behind(server, [_one() for _ in range(fits + 2)])
    codes = [reply.status_code for reply in replies]
    words = next((reply.text for reply in replies if reply.status_code != 200), "none was refused")
    wanted = f"currently {setups.QUEUED} batches enqueued and max_enqueued_batches is {setups.QUEUED}"
    return sorted(codes) == [200] * fits + [503] * 2 and wanted in words, f"HTTP {codes}: {words}"


def _too_large(place: Place) -> Seen:
    reply = _ready(place, "batched").predict(_one(setups.ROOM + 1))
    wanted = f"Task size {setups.ROOM + 1} is larger than maximum input batch size {setups.ROOM}"
    return reply.status_code == 400 and wanted in reply.text, f"HTTP {reply.status_code}: {reply.text}"


def _own_queue(place: Place) -> Seen:
    server = _ready(place, "batched")
    runs, _ = server.counted("batching_session:processed_batch_size")
    _behind(server, [_one(), {"instances": [1.0]}, _one(), {"instances": [1.0]}])
    more = server.counted("batching_session:processed_batch_size")[0] - runs
    return more == 3, f"two requests each of two signatures behind a busy thread: {more - 1:g} batches"


def _slots(place: Place) -> Seen:
    server = _ready(place, "few")
    runs, rows = server.counted("batching_session:processed_batch_size")
    _behind(server, [_one() for _ in range(6)])
    more_runs, more_rows = server.counted("batching_session:processed_batch_size")
    return (more_rows - rows, more_runs - runs >= 4) == (7, True), (
        f"rest_api_num_threads={setups.REST_THREADS}, 7 requests at a time: {more_runs - runs:g} batches of "
        f"{more_rows - rows:g} rows in all, so {setups.REST_THREADS - 1} at a time in the server"
    )


def _exhausted(place: Place) -> Seen:
    from concurrent.futures import ThreadPoolExecutor

    server = _ready(place, "few")
    turns = server.spin(_HOLD_S)["instances"]

    def call(delay_s: float) -> tuple[str, str]:
        time.sleep(delay_s)
        return server.refused("Predict", predict_request({"x": np.array(turns, np.float32)}, "spin"))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(call, (0.0, 0.0, 0.15, 0.15)))
    codes = [code for code, _ in found]
    text = found[-1][1]
    return codes == ["OK", "OK", "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"] and "Exhausted" in text, f"{codes}: {text}"


def _cost(place: Place) -> Seen:
    calm = _spaced(place.server("batched"), 0.0)
    if calm[1] < _CALM * calm[0]:
        raise CouldNotAsk(
            f"this machine is too busy for half a millisecond: {calm[1] / calm[0]:.0%} of the requests that wait for "
            f"nothing were run within {_SOON_MS:g} ms"
        )
    count, soon, usual = _spaced(place.server("waiting"), _WAIT)
    return soon <= count / 2 <= usual, (
        f"a time-out of {_WAIT:g} ms: {soon / count:.0%} of the waits ended within {_SOON_MS:g} ms of it, "
        f"{usual / count:.0%} within {_USUAL_MS:g} ms"
    )


def _spaced(server: Reached, wait_ms: float) -> tuple[float, float, float]:
    """`_waits` of requests that come one by one, at every moment between two looks."""
    server.predict({"instances": [1.0]}).raise_for_status()
    before = _waits(server, wait_ms)
    for number in range(_REQUESTS):
        server.predict({"instances": [1.0]})
        time.sleep(0.003 + 0.00037 * (number % 10))
    count, soon, usual = (now - then for now, then in zip(_waits(server, wait_ms), before, strict=True))
    return count, soon, usual


def _waits(server: Reached, wait_ms: float) -> tuple[float, float, float]:
    """How many requests waited for a batch, how many hardly longer than that, and how many a little longer."""
    counts = [0.0, 0.0, 0.0]
    for series in server.metrics().values():
        if series.name.endswith(":queuing_latency"):
            for place, more_ms in enumerate((math.inf, _SOON_MS + 0.05, _USUAL_MS + 0.05)):
                within = [
                    n for us, n in zip(series.le, series.buckets, strict=True) if us <= 1000 * (wait_ms + more_ms)
                ]
                counts[place] += within[-1] if within else 0.0
    return counts[0], counts[1], counts[2]


_FORM = "tune's simulator, and which batches its space can form"
_REFUSE = "max_enqueued_batches and the retry advice of the record"
_TRIES = 3  # requests arrive, and threads wake, as a busy machine lets them
QUESTIONS = [
    Question("merged", "batching", "requests that wait for a batch thread run together", _FORM, _merged, _TRIES),
    Question("padded", "batching", "a batch is padded to the next allowed size", _FORM, _padded),
    Question(
        "queue_full",
        "batching",
        "what does not fit max_enqueued_batches batches is 503 at once",
        _REFUSE,
        _full,
        _TRIES,
    ),
    Question("too_large", "batching", "a request of more rows than max_batch_size is 400", _REFUSE, _too_large),
    Question("own_queue", "batching", "each signature has a queue of its own", _FORM, _own_queue, _TRIES),
    Question(
        "rest_threads",
        "batching",
        "rest_api_num_threads - 1 requests are in the server at a time",
        "the thread counts that tune and deploy choose",
        _slots,
        _TRIES,
    ),
    Question(
        "grpc_threads",
        "batching",
        "calls beyond grpc_max_threads are RESOURCE_EXHAUSTED",
        "the thread counts that tune and deploy choose",
        _exhausted,
        _TRIES,
    ),
    Question(
        "timeout_cost",
        "batching",
        "idle batch threads look every millisecond: a time-out costs some half a millisecond more",
        "what the simulator predicts for docker and binary",
        _cost,
    ),
]
