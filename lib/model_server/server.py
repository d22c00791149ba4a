"""Puts the server together and runs it: models first, then the ports."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading

from model_server import listeners, log, memory, options, text_proto
from model_server.batching.executors import Delivery, DirectPool, in_thread
from model_server.batching.options import num_batch_threads
from model_server.batching.periodic_scheduler import PeriodicScheduler
from model_server.batching.scheduler import BatchScheduler
from model_server.errors import ServingError
from model_server.flags import CPUS
from model_server.grpc import limits
from model_server.grpc.tls import Pem
from model_server.grpc_services import GrpcApi, GrpcOptions
from model_server.json import fast
from model_server.loading.loader import Loader, LoadOptions
from model_server.loading.warmup import ReplayOptions
from model_server.models import model_config
from model_server.models.core import Core
from model_server.models.manager import Manager, ManagerOptions
from model_server.models.model_config import ModelServerConfig
from model_server.models.states import StateMonitor
from model_server.models.storage_source import StorageSource
from model_server.profiler.service import ProfilerService
from model_server.rest.app import RestApp, RestOptions

SWITCH_S = 50e-6  # within which a notified batch thread runs beside the loop, as one that needs no lock would
_WHERE = "tensorflow_serving/model_servers/server.cc:"


class ModelServer:
    """One server process, made from the values of its flags."""

    def __init__(self, values: dict, loop: asyncio.AbstractEventLoop):
        self._values, self._loop = values, loop
        self.core = self._make_core()

    def _make_core(self) -> Core:
        values = self._values
        for name in ("num_load_threads", "num_unload_threads"):
            options.check_pool(values[name] or 1)  # 0 is no pool
        delivery = Delivery(self._loop)
        batching = options.batching(values)
        scheduler = None
        if batching is not None:
            scheduler = self._scheduler(num_batch_threads(batching.parameters), batching.thread_pool_name)
        pool = DirectPool(max(1, options.rest_workers(values)) + max(1, values["grpc_max_threads"]), delivery)
        load = LoadOptions(
            tags=tuple((values["saved_model_tags"] or "serve").split(",")),  # none is serve, as there
            session_config=options.session_config(values),
            batching=batching.parameters if batching else None,
            per_model_batching=bool(batching and batching.per_model),
            warmup=values["enable_model_warmup"],
            replay=ReplayOptions(
                iterations=max(1, values["num_request_iterations_for_warmup"]),
                check_method_names=values["enable_signature_method_name_check"],
            ),
            reject_unsafe_ops=values["reject_unsafe_ops"],
            prefer_tflite=values["prefer_tflite_model"],
            tflite_interpreters=max(1, values["num_tflite_pools"]) * max(1, values["num_tflite_interpreters_per_pool"]),
        )
        states = StateMonitor()
        manager = Manager(
            Loader(load, scheduler, pool, delivery).load, states, _manager_options(values), memory.give_back
        )
        source = StorageSource(manager.aspire, values["file_system_poll_wait_seconds"])
        return Core(manager, source, states, values["allow_version_labels_for_unavailable_models"])

    def _scheduler(self, threads: int, name: str) -> BatchScheduler:
        """The batch threads, woken as --batch_wakeup says."""
        if self._values["batch_wakeup"] == "fast":
            return BatchScheduler(threads, name, self._loop.call_soon)
        sys.setswitchinterval(SWITCH_S)
        return PeriodicScheduler(threads, name)

    def config(self) -> ModelServerConfig:
        """The models the flags ask for.

        Raises:
            ServingError: the config file is missing or does not parse.
        """
        values = self._values
        if values["model_config_file"]:
            return text_proto.read(values["model_config_file"], ModelServerConfig)
        name, path = values["model_name"], values["model_base_path"]
        log.info(
            _WHERE + "74",
            f"Building single TensorFlow model file config:  model_name: {name} model_base_path: {path}",
        )
        return model_config.single_model(name, path)

    async def run(self) -> None:
        """Load the configured models, open the ports, serve until the process ends.

        Raises:
            ServingError: the start failed.
        """
        pem = options.tls(self._values)
        config = self.config()
        await in_thread(self._loop, lambda: self.core.start(config))
        if self._values["model_config_file"] and self._values["model_config_file_poll_wait_seconds"] > 0:
            threading.Thread(target=self._poll_config, name="config_poll", daemon=True).start()
        _settle_memory()
        options.check_thread_pool_factory(self._values)
        await self._open_grpc(pem)
        try:
            await self._open_rest()
        except ServingError as error:  # TensorFlow Serving hangs here with gRPC up; so do we, and say so
            print(f"Failed to start server. Error: {error}", flush=True)
            log.warning("model_server", "gRPC answers, but there is NO REST API and there are no metrics.")
        await asyncio.Event().wait()

    def _poll_config(self) -> None:
        """Read the config file again and again; a file that is refused changes nothing."""
        pause = threading.Event()
        while not pause.wait(self._values["model_config_file_poll_wait_seconds"]):
            try:
                config = text_proto.read(self._values["model_config_file"], ModelServerConfig)
            except ServingError as error:
                log.error(_WHERE + "210", f"Failed to read ModelServerConfig file: {error.message}")
                continue
            try:
                self.core.reload(config)
            except ServingError as error:
                text = f"PollFilesystemAndReloadConfig failed to ReloadConfig: {error.message}"
                log.error(_WHERE + "220", text)

    async def _open_grpc(self, pem: Pem | None) -> None:
        values = self._values
        api = GrpcApi(
            self.core,
            GrpcOptions(
                max_threads=options.grpc_calls(values),
                check_method_names=values["enable_signature_method_name_check"],
                tensor_content=values["enable_serialization_as_tensor_content"],
            ),
        )
        listener = listeners.GrpcListener(
            values["bind_address"],
            values["port"],
            values["grpc_socket_path"],
            limits.from_arguments(options.grpc_arguments(values)),
            pem,
            values["enable_grpc_healthcheck_service"],
        )
        log.info(_WHERE + "345", "Using InsecureServerCredentials" if pem is None else "Using SSL credentials")
        methods = api.methods()
        if values["enable_profiler"]:
            methods |= ProfilerService().methods()
            log.info(_WHERE + "397", "Profiler service is enabled")
        self._grpc = await listeners.open_grpc(methods, listener)
        listeners.announce_grpc(listener)

    async def _open_rest(self) -> None:
        values = self._values
        port = values["rest_api_port"]
        if not port:
            return
        if port == values["port"]:
            log.error(
                _WHERE + "430",
                "server_options.http_port cannot be same as grpc_port. Please use a different port for HTTP/REST API. "
                "Skipped exporting HTTP/REST API.",
            )
            return
        rest = RestOptions(
            workers=options.rest_workers(values),
            timeout_ms=values["rest_api_timeout_in_ms"],
            cors=values["rest_api_enable_cors_support"],
            metrics_path=options.metrics_path(values),
            check_method_names=values["enable_signature_method_name_check"],
        )
        options.check_pool(values["rest_api_num_threads"])
        app = RestApp(self.core, rest, self._loop)
        try:
            self._rest = await listeners.open_rest(app, values["bind_address"], port)
        except OSError:
            log.error(_WHERE + "456", f"Failed to start HTTP Server at localhost:{port}")
            return
        if fast.float_reader is None:
            log.warning(
                "model_server",
                "float_reader is not built, so numbers are read more slowly (and written so, without float_writer). It "
                "takes x86-64, a C compiler and Python's headers: with these, `pip install --no-deps -e .` again.",
            )
        log.info(_WHERE + "449", f"Exporting HTTP/REST API at:localhost:{port} ...")
        log.info("tensorflow_serving", "[evhttp_server.cc : 261] NET_LOG: Entering the event loop ...")


def _manager_options(values: dict) -> ManagerOptions:
    return ManagerOptions(
        num_load_threads=values["num_load_threads"],
        num_unload_threads=values["num_unload_threads"],
        initial_load_threads=4 * CPUS,
        max_num_load_retries=max(
            0, (values["max_num_load_retries"] + 1) % 2**32 - 1
        ),  # uint32: -1 is one try, -2 no end
        load_retry_interval_s=values["load_retry_interval_micros"] / 1e6,
        shared_threads=options.shared_threads(options.session_config(values)),
    )


def _settle_memory() -> None:
    """Keep the collector away from what was made for good: a full pass takes 30 ms.

    Requests make no cycles, so it seldom runs; the little there is (status replies) it finds among the young, in 2 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
