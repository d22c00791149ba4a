"""The drills there are, in one table, in the order in which they are held."""

from __future__ import annotations

from playbook.drill import ending, flooding, swapping
from playbook.drill.drill import Drill, Way
from playbook.drill.ground import Ground

LOAD_THREADS = "--num_load_threads=2"


def _flooded(place: Ground) -> str:
    return flooding.flood_words(place.exercise)


_ALL = (
    Drill(
        "swap",
        "a new version under load",
        "loads and warms the new version, then sends new requests to it and unloads the old one when its requests are "
        "done; by default the manager's own thread loads, and weights are restored on the pool that serves",
        "core/availability_preserving_policy.h; main.cc, --num_load_threads; issue 1866",
        Way(swapping.new_version),
        "load threads",
        Way(swapping.new_version, flags=lambda exercise: (LOAD_THREADS,)),
        f"{LOAD_THREADS}: a version is loaded by threads of their own",
    ),
    Drill(
        "overload",
        "ten times the capacity",
        "lets requests wait for a thread without bound; the batching queue refuses with 503 / UNAVAILABLE only what "
        "threads have brought to it and max_enqueued_batches does not hold",
        "batching_session.cc, basic_batch_scheduler.h; main.cc, --rest_api_num_threads",
        Way(_flooded, load=flooding.flood),
        "a queue bound",
        Way(_flooded, flooding.bounded, load=flooding.flood),
        "max_enqueued_batches holds what half the limit carries; there are threads for all that may wait",
        on_attached=True,
    ),
    Drill(
        "kill",
        "SIGKILL, and started again",
        "is gone at once with all requests inside; no port opens until a version is AVAILABLE",
        "main.cc; model_servers/server.cc, Server::BuildAndStart",
        Way(ending.kill_and_restart),
    ),
)
DRILLS = {drill.name: drill for drill in _ALL}
