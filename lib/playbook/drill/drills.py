"""The drills there are, in one table, in the order in which they are held."""

from __future__ import annotations

from playbook.drill import clients, ending, flooding, replicas, starving, swapping
from playbook.drill.drill import Drill, Way, always, over_grpc

LOAD_THREADS = "--num_load_threads=2"
NO_RETRIES = "--max_num_load_retries=0"
#: A client that answers no ping is dropped. max_connection_idle_ms alone waits 20 s for it to answer one.
KEEP_ALIVE = (
    "--grpc_channel_arguments=grpc.keepalive_time_ms=500,grpc.keepalive_timeout_ms=500,"
    "grpc.keepalive_permit_without_calls=1"
)
MESSAGE_LIMIT = "--grpc_channel_arguments=grpc.max_receive_message_length=1048576"


_VERSIONS = (
    Drill(
        "swap",
        "a new version under load",
        "loads and warms the new version, then sends new requests to it and unloads the old one when its requests are "
        "done; by default the manager's own thread loads, and weights are restored on the pool that serves",
        "core/availability_preserving_policy.h; main.cc, --num_load_threads; issue 1866",
        Way(swapping.new_version),
        "load threads",
        Way(swapping.new_version, flags=always(LOAD_THREADS)),
        f"{LOAD_THREADS}: a version is loaded by threads of their own",
    ),
    Drill(
        "rollback",
        "the newest version taken away",
        "loads the version before it while the newest still serves, and unloads that one when the other is AVAILABLE",
        "core/availability_preserving_policy.h; file_system_storage_path_source.proto, latest",
        Way(swapping.roll_back, prepare=swapping.two_versions),
        "both versions kept",
        Way(swapping.roll_back, prepare=swapping.two_versions, front=swapping.both_kept),
        "model_version_policy { latest { num_versions: 2 } }: the version before is loaded already (memory of two)",
    ),
    Drill(
        "corrupt",
        "a version that cannot be loaded",
        "the old version serves on; the load is tried six times a minute apart, by the manager's own thread unless "
        "there are load threads, then the version is END and not tried again: a whole one must have a higher number",
        "main.cc, --max_num_load_retries, --load_retry_interval_micros, --num_load_threads; core/loader_harness.cc",
        Way(swapping.corrupt_version),
        "no retries",
        Way(swapping.corrupt_version, flags=always(LOAD_THREADS, NO_RETRIES)),
        f"{NO_RETRIES} {LOAD_THREADS}: a bad version is given up at once and holds no other up",
    ),
    Drill(
        "bad_warmup",
        "a version with a bad warm-up file",
        "one record that cannot be read or is refused fails the load of the version; the rest is as for a corrupt one",
        "servables/tensorflow/saved_model_warmup_util.cc",
        Way(swapping.bad_warmup),
        "no retries",
        Way(swapping.bad_warmup, flags=always(LOAD_THREADS, NO_RETRIES)),
        f"{NO_RETRIES} {LOAD_THREADS}: a bad version is given up at once and holds no other up",
    ),
)
_LOADS = (
    Drill(
        "overload",
        "a flood, up to ten times the capacity",
        "lets requests wait for a thread without bound; the batching queue refuses with 503 / UNAVAILABLE only what "
        "threads have brought to it and max_enqueued_batches does not hold",
        "batching_session.cc, basic_batch_scheduler.h; main.cc, --rest_api_num_threads",
        Way(load=flooding.flood, after=flooding.flood_words),
        "a queue bound",
        Way(config=flooding.bounded, load=flooding.flood, after=flooding.flood_words),
        "max_enqueued_batches holds what half the limit carries; there are threads for all that may wait",
        on_attached=True,
    ),
    Drill(
        "deadlines",
        "a flood of clients that wait for less long than the queue is",
        "REST knows no deadline of a client: it works on for one that has gone; over gRPC a batch is left out only "
        "when each of its requests is past its deadline, and runs by the latest of them otherwise",
        "batching_session.cc, Run() timeout exceeded while waiting in batching queue; http_rest_api_handler.cc",
        Way(load=flooding.flood, after=flooding.flood_words, timeout_s=flooding.deadline_s),
        "a queue bound",
        Way(config=flooding.bounded, load=flooding.flood, after=flooding.flood_words, timeout_s=flooding.deadline_s),
        "what could not be answered in time is refused at once, and the time goes to what can",
        on_attached=True,
    ),
    Drill(
        "slow_clients",
        "two hundred clients stalled in mid-request",
        "its event loop collects a request before a thread sees it: a stalled client costs a connection, for as long "
        "as it likes, as there is no idle time-out and no limit of connections",
        "util/net_http/server/internal/evhttp_server.cc",
        Way(clients.stall),
        "keep-alive pings",
        Way(clients.stall, flags=always(KEEP_ALIVE)),
        f"gRPC alone: {KEEP_ALIVE}; REST has none there, so that a proxy before it must wait for whole requests",
        helps=over_grpc,
        on_attached=True,
    ),
    Drill(
        "oversized",
        "requests far too large",
        "parses a body of any size in one of its threads; more rows than max_batch_size are refused with 400 / "
        "INVALID_ARGUMENT where batching is on, and run where it is off",
        "util/json_tensor.cc; batching_session.cc, larger than maximum input batch size",
        Way(clients.too_large),
        "a message limit",
        Way(clients.too_large, flags=always(MESSAGE_LIMIT)),
        f"gRPC alone: {MESSAGE_LIMIT}; REST has none there, so that a proxy before it must limit bodies",
        helps=over_grpc,
        on_attached=True,
    ),
)
_ENDS = (
    Drill(
        "sigterm",
        "SIGTERM under keep-alive clients, and started again",
        "has no handler: it ends at once, requests inside are cut, connections are reset",
        "main.cc; issue 1853",
        Way(ending.terminate_and_restart),
        "a drain",
        Way(replicas.drain, flags=replicas.connection_age, front=replicas.one_and_a_successor, servers=2),
        "a balancer sends users to a successor and closes connections politely (gRPC: by connection age), then SIGTERM",
    ),
    Drill(
        "kill",
        "SIGKILL, and started again",
        "is gone at once with all requests inside; no port opens until a version is AVAILABLE",
        "main.cc; model_servers/server.cc, BuildAndStart",
        Way(ending.kill_and_restart),
        "a second replica",
        Way(ending.kill_and_restart, front=replicas.two_retried, servers=2),
        "two servers behind a balancer that tries the other where one refuses",
    ),
    Drill(
        "hang",
        "stopped still for good (SIGSTOP)",
        "nothing of it notices: connections stand, requests wait until their clients give up",
        "signal(7); no watchdog in main.cc",
        Way(ending.hang),
        "a liveness probe",
        Way(ending.hang_with_probe),
        "a probe of the status URL that kills and restarts what stands still for good",
    ),
    Drill(
        "cold_start",
        "the first requests, without warm-up",
        "is AVAILABLE before the graph has run once: first requests pay for tracing, memory and kernels",
        "g3doc/saved_model_warmup.md",
        Way(prepare=swapping.without_warmup, at_start=True),
        "warm-up",
        Way(at_start=True),
        "assets.extra/tf_serving_warmup_requests, replayed before the version is AVAILABLE",
        cannot=swapping.no_warmup,
    ),
    Drill(
        "half_cpu",
        "CPU throttled to half",
        "counts cores by its affinity, not by its quota: thread pools stay as large and are stopped together",
        "tensorflow core/platform/cpu_info.h, NumSchedulableCPUs; tensorflow issue 17206",
        Way(starving.throttle, load=starving.busy),
        "fewer threads",
        Way(starving.throttle, starving.few_threads, load=starving.busy),
        "intra- and inter-op parallelism and num_batch_threads as cores are left",
        cannot=starving.cannot,
    ),
    Drill(
        "replica_lost",
        "one replica of three killed",
        "knows nothing of others; until a probe takes it out, a balancer of connections sends every third one there",
        "kube-proxy; Kubernetes, readiness probes",
        Way(replicas.lose_one, front=replicas.three, servers=3),
        "retries",
        Way(replicas.lose_one, front=replicas.three_retried, servers=3),
        "a balancer that tries the next server where one refuses the connection",
    ),
)
DRILLS = {drill.name: drill for drill in (*_VERSIONS, *_LOADS, *_ENDS)}
