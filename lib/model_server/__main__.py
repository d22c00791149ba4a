"""`python -m model_server FLAGS`: TensorFlow Serving's command line on TensorFlow's runtime."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from importlib import metadata

from model_server import flags, log

FAILED = 255


def main(arguments: list[str]) -> int:
    """Run the server; returns its exit code."""
    parsed = flags.parse(arguments)
    if parsed.complaints:
        for complaint in parsed.complaints:
            log.error("external/local_tsl/tsl/util/command_line_flags.cc:139", complaint)
        print(flags.usage("python -m model_server"), end="")
        return FAILED
    if parsed.values["version"]:
        version = metadata.version("tensorflow")
        print(f"TensorFlow ModelServer: embedded ({version})\nTensorFlow Library: {version}")
        return 0
    if parsed.unknown[:1] == ["--help"]:
        print(flags.usage("python -m model_server"), end="")
        return FAILED
    if parsed.unknown:
        print(f"unknown argument: {parsed.unknown[0]}\n{flags.usage('python -m model_server')}", flush=True)
        for argument in parsed.unknown:
            log.warning("model_server", f"IGNORED: {argument} is no flag of this server; the server runs without it.")
    return _serve(parsed.values)


def _serve(values: dict) -> int:
    from model_server import options, server
    from model_server.errors import ServingError

    _raise_limits()
    loop = _new_loop()
    try:
        options.check(values)
        options.warn_inert(values, {flag.name: flag.default for flag in flags.FLAGS})
        loop.run_until_complete(server.ModelServer(values, loop).run())
    except ServingError as error:
        print(f"Failed to start server. Error: {error}", flush=True)
        return FAILED
    return 0


def _raise_limits() -> None:
    """Room for thousands of connections and for JSON nested a thousand deep."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sys.setrecursionlimit(10_000)


def _new_loop() -> asyncio.AbstractEventLoop:
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # like TensorFlow Serving: no draining, the process dies at once
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads may be deep in TensorFlow; nothing is left to tidy up
