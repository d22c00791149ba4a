"""`python -m loadgen`: hold one level from the command line; the summary is one JSON object on stdout.

Exit codes: 0 the level was held (also when it is INVALID), 2 bad arguments, 3 nothing could be measured, 130
interrupted.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from loadgen import pages
from loadgen.errors import LevelError, LoadgenError
from loadgen.fitness import passport
from loadgen.holding import hold
from loadgen.level import ARRIVALS, PROTOCOLS, Level
from loadgen.workers.cluster import dask_runner
from loadgen.workers.runner import run_here


def parser() -> argparse.ArgumentParser:
    """The options; every one is explained in this package's README."""
    options = argparse.ArgumentParser(prog="python -m loadgen", description=__doc__.splitlines()[0])
    add = options.add_argument
    add("--url", required=True, help="http://host:port/path (rest), host:port[/package.Service/Method] (grpc)")
    add("--protocol", choices=PROTOCOLS, default="rest")
    add("--body", type=Path, help="one file with an encoded request body")
    add("--bodies", type=Path, help="directory of NNNNN.body files, NNNNN.expect beside them")
    add("--concurrency", type=int, help="closed loop: requests kept in flight")
    add("--rate", type=float, help="open loop: requests a second")
    add("--arrival", choices=ARRIVALS, help="default: poisson with --rate, trace with --trace, else closed")
    add("--trace", help="file of times in s, or of t_s,rate_rps; or e.g. spike:base=100,peak=1000,at_s=5,width_s=2")
    add("--duration", type=float, default=10.0, help="measurement window, s")
    add("--ramp-up", type=float, default=1.0, help="before the window, s")
    add("--connections", type=int, help="cap on open connections")
    add("--timeout", type=float, default=10.0, help="a request fails after, s")
    add("--processes", type=int, default=1, help="worker processes, one core each")
    add(
        "--cpus",
        default="",
        help="cores of the workers, e.g. 1 or 2,3; default: the last ones, never the first of several",
    )
    add("--seed", type=int, default=0, help="of arrivals, order of bodies and choice of checked replies")
    add("--level", type=int, default=0, help="number written into the rows")
    add("--check-share", type=float, default=1.0, help="share of replies compared with the expected answer")
    add("--to-the-end", action="store_true", help="go on when the server is dead or hangs, as users would")
    add("--metrics-url", help="the server's Prometheus page, to balance the counts")
    add("--status-url", help="a page of the server, asked when nothing is answered: no reply means that it is hung")
    add("--p99-limit-ms", type=float, help="the SLO: the summary says whether the requests prove it")
    add("--confidence", type=_confidence, default=0.99, help="how sure a claim must be, above 0.5 and below 1")
    add("--passport", action="store_true", help="drive a null server and a scripted stall first, about 3 s")
    add("--scheduler", help="tcp://host:port of a Dask scheduler: its workers hold the level, one share each")
    add("--timer", choices=("auto", "timerfd", "portable"), default="auto")
    add("--header", action="append", default=[], type=_headers, help="'Name: value', or @FILE with one a line")
    add("--ca", help="PEM file of the authorities that may have signed the server's certificate")
    add("--client-cert", help="PEM file with the client's certificate")
    add("--client-key", help="PEM file with its key, where that is not in --client-cert")
    add("--server-name", help="the name that the server's certificate must be for; default: the host of --url")
    add("--out", type=Path, default=Path("loadgen-out"), help="directory for requests.parquet")
    return options


def _confidence(text: str) -> float:
    """A confidence as it is given on the command line."""
    value = float(text)
    if not 0.5 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0.5 and below 1, such as 0.95")
    return value


def _headers(text: str) -> dict[str, str]:
    """One header as it is given on the command line, or those of a file (secrets do not belong in a process list)."""
    try:
        lines = Path(text[1:]).read_text().splitlines() if text.startswith("@") else [text]
    except OSError as wrong:
        raise argparse.ArgumentTypeError(
            f"{text}: {wrong.strerror}; a file with 'Name: value' lines is expected"
        ) from None
    pairs = [line.partition(":") for line in lines if line.strip()]
    if not all(colon for _, colon, _ in pairs):
        raise argparse.ArgumentTypeError("a header is written 'Name: value'")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _answers(status_url: str) -> bool:
    """Whether a page of the server comes, whatever its status."""
    try:
        pages.opened(status_url, 1.0).close()
    except HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def to_level(given: argparse.Namespace) -> Level:
    """The level the arguments describe.

    Raises:
        LevelError: Options are missing, exclude each other, or have values no level can be held with.
    """
    bodies = given.bodies or given.body
    if bodies is None:
        raise LevelError("--body or --bodies is missing; name a file or a directory of encoded request bodies")
    for one, other in (("body", "bodies"), ("concurrency", "rate"), ("concurrency", "trace"), ("rate", "trace")):
        if getattr(given, one) is not None and getattr(given, other) is not None:
            raise LevelError(f"--{one} and --{other} exclude each other; leave one out")
    guessed = "poisson" if given.rate else "trace" if given.trace else "closed"
    return Level(
        url=given.url,
        protocol=given.protocol,
        bodies=bodies,
        arrival=given.arrival or guessed,
        concurrency=given.concurrency,
        rate_rps=given.rate,
        trace=given.trace,
        duration_s=given.duration,
        ramp_up_s=given.ramp_up,
        connections=given.connections,
        timeout_s=given.timeout,
        processes=given.processes,
        cpus=tuple(int(cpu) for cpu in given.cpus.split(",") if cpu),
        seed=given.seed,
        level=given.level,
        check_share=given.check_share,
        metrics_url=given.metrics_url,
        to_the_end=given.to_the_end,
        timer=given.timer,
        headers={name: value for some in given.header for name, value in some.items()},
        ca=given.ca,
        client_certificate=given.client_cert,
        client_key=given.client_key,
        server_name=given.server_name,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = parser()
    given = options.parse_args(arguments)
    try:
        summary = _hold(given)
    except ValueError as wrong:
        options.error(str(wrong))
    except LoadgenError as wrong:
        print(f"{type(wrong).__name__}: {wrong}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("Interrupted: nothing was written.", file=sys.stderr)
        return 130
    print(json.dumps(summary, allow_nan=False))
    return 0 if summary["answered_inside"] or summary["requests"] > summary["errors"] else 3


def _hold(given: argparse.Namespace) -> dict[str, Any]:
    level = to_level(given)
    fitness = passport(level.cpus, level.protocol, level.timer) if given.passport else None
    runner = dask_runner(given.scheduler) if given.scheduler else run_here
    claimed = {"p99_limit_ms": given.p99_limit_ms, "confidence": given.confidence}
    alive = partial(_answers, given.status_url) if given.status_url else None
    show = _show if sys.stderr.isatty() else None
    return hold(level, given.out, show, passport=fitness, is_alive=alive, runner=runner, **claimed)


def _show(progress: dict) -> None:
    print(
        "\r{elapsed_s:6.1f}/{duration_s:.0f} s {rate_rps:9.0f}/s errors {errors}".format(**progress),
        end="",
        file=sys.stderr,
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the workers and tidies up, as Ctrl-C does
    sys.exit(main())
