"""One level of load as a value: where to, what, how fast, how long."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadgen import headers
from loadgen.errors import LevelError

PROTOCOLS = ("rest", "grpc")
SCHEMES = {"rest": ("http", "https"), "grpc": ("grpc", "grpcs", "http", "https")}
TLS_SCHEMES = ("https", "grpcs")
ARRIVALS = ("closed", "poisson", "constant", "trace")
PREDICT_PATH = "/tensorflow.serving.PredictionService/Predict"
MAX_IN_FLIGHT = 1000  # most connections (REST) or streams (gRPC) one level opens on its own account
MIN_IN_FLIGHT = 32
MOST_REQUESTS = 100_000_000  # 36 bytes each while the level is held


@dataclass(frozen=True)
class Level:
    """One level of load. Times in seconds, rates in requests a second.

    Args:
        url: REST: the full `http://host:port/path`. gRPC: `host:port`, optionally with `/package.Service/Method`.
        bodies: Directory of `NNNNN.body` files (with optional `NNNNN.expect`), or one file.
        arrival: `closed` keeps `concurrency` requests in flight; `poisson` and `constant` send at `rate_rps` whatever
            the server does; `trace` replays the file or rate profile named by `trace`.
        connections: Cap on open connections. None chooses: closed REST one a client, gRPC up to 16, open REST a
            second's worth of requests (32 to 1000) at first, and one more whenever a request finds none free, up to
            1000: how many an open loop needs depends on how long the server takes.
        processes: Worker processes; in a closed loop with fewer clients than processes the rest stay idle.
        cpus: Cores the workers are pinned to, in turn. Empty chooses the last ones and leaves the first for the server.
        check_share: Share of the replies compared with the expected answer, 0 to 1; all of them cost about 1 %.
        headers: Of every request (gRPC: metadata). `Host` stands in for the address, `Authorization` is never recorded;
            a user and a password in `url` become one.
        ca: PEM file of the authorities that may have signed the server's certificate; None: those this machine knows.
        client_certificate: PEM file with the client's certificate, `client_key` with its key where it is not in there.
        server_name: The name that the server's certificate must be for; None: the host of `url`.
        to_the_end: Go on when the server is dead or hangs, as users would, and as a drill needs; else the level ends.
        metrics_url: The server's Prometheus page, to balance counts against `:tensorflow:serving:request_count`.

    Raises:
        LevelError: A field has a value no level can be held with.
    """

    url: str
    protocol: str = "rest"
    bodies: Path = Path("bodies")
    arrival: str = "closed"
    concurrency: int | None = None
    rate_rps: float | None = None
    trace: Path | str | None = None
    duration_s: float = 10.0
    ramp_up_s: float = 1.0
    connections: int | None = None
    timeout_s: float = 10.0
    processes: int = 1
    cpus: tuple[int, ...] = ()
    seed: int = 0
    level: int = 0
    check_share: float = 1.0
    metrics_url: str | None = None
    to_the_end: bool = False
    timer: str = "auto"
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    ca: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "cpus", tuple(self.cpus))
        for wrong in _problems(self):
            raise LevelError(wrong)

    @property
    def open_loop(self) -> bool:
        """Whether requests are sent on a schedule rather than as replies come back."""
        return self.arrival != "closed"

    def address(self) -> tuple[str, int, str]:
        """Host, port and path of the requests."""
        parts = urlsplit(self._whole_url)
        if self.protocol == "grpc":
            path = parts.path if parts.path not in ("", "/") else PREDICT_PATH
        else:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return parts.hostname or "", parts.port or (443 if self.tls else 80), path

    @property
    def _whole_url(self) -> str:
        return self.url if "//" in self.url else f"http://{self.url}"

    @property
    def tls(self) -> bool:
        """Whether the url asks for TLS."""
        return urlsplit(self._whole_url).scheme in TLS_SCHEMES

    def request_headers(self) -> dict[str, str]:
        """The headers of every request, credentials of the url among them."""
        return headers.credentials(self._whole_url) | self.headers

    def in_flight_cap(self) -> int:
        """Most requests this level keeps outstanding, over all its processes."""
        if not self.open_loop:
            return self.concurrency or 1
        return self.connections if self.protocol == "rest" and self.connections else MAX_IN_FLIGHT

    def connection_count(self) -> int:
        """Connections opened over all processes before the load begins; an open REST loop may come to more."""
        if self.protocol == "grpc":
            return min(self.connections or 16, self.in_flight_cap())
        if self.connections or not self.open_loop:
            return self.in_flight_cap()
        return int(min(MAX_IN_FLIGHT, max(MIN_IN_FLIGHT, self.rate_rps or MAX_IN_FLIGHT)))

    def to_json(self) -> dict[str, Any]:
        """The level as plain JSON values; `Level.from_json` turns it back."""
        fields = asdict(self)
        fields["bodies"] = str(self.bodies)
        fields["trace"] = None if self.trace is None else str(self.trace)
        return fields | {"cpus": list(self.cpus)}

    def public_json(self) -> dict[str, Any]:
        """The level as a record may show it: without secrets."""
        shown = {"url": headers.without_credentials(self.url), "headers": headers.hidden(self.headers)}
        return self.to_json() | shown

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Level:
        """The inverse of `to_json`."""
        return cls(**{**fields, "bodies": Path(fields["bodies"]), "cpus": tuple(fields["cpus"])})

    def with_(self, **changes: Any) -> Level:
        """A copy with some fields changed."""
        return replace(self, **changes)


def authority(host: str, port: int) -> str:
    """How a request names its server: an IPv6 address stands in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _problems(level: Level) -> list[str]:
    """Why this level cannot be held; empty when it can."""
    problems = []
    if level.protocol not in PROTOCOLS:
        problems.append(f"protocol is {level.protocol!r}; use one of {', '.join(PROTOCOLS)}")
    if level.arrival not in ARRIVALS:
        problems.append(f"arrival is {level.arrival!r}; use one of {', '.join(ARRIVALS)}")
    if level.arrival == "closed" and not (level.concurrency and level.concurrency > 0):
        problems.append(f"concurrency is {level.concurrency!r}; a closed loop needs a whole number of clients above 0")
    if level.arrival in ("poisson", "constant") and not (level.rate_rps and level.rate_rps > 0):
        problems.append(
            f"rate_rps is {level.rate_rps!r}; {level.arrival} arrivals need a rate above 0 requests a second"
        )
    if level.arrival == "trace" and not level.trace:
        problems.append("trace is missing; arrival 'trace' needs a file of timestamps, or a rate profile")
    if level.protocol in PROTOCOLS:
        problems += _address_problems(level)
    if wrong := headers.problem(level.headers):
        problems.append(wrong)
    for name in ("duration_s", "timeout_s", "processes"):
        if not 0 < getattr(level, name) < math.inf:
            problems.append(f"{name} is {getattr(level, name)!r}; it must be above 0")
    if not 0 <= level.ramp_up_s < math.inf:
        problems.append(f"ramp_up_s is {level.ramp_up_s!r}; it cannot be negative")
    if level.seed < 0:
        problems.append(f"seed is {level.seed!r}; it cannot be negative")
    if level.rate_rps and not level.rate_rps * level.duration_s <= MOST_REQUESTS:
        problems.append(
            f"rate_rps is {level.rate_rps!r}: over {MOST_REQUESTS:,} requests in one level; hold it for less"
        )
    if not 0 <= level.check_share <= 1:
        problems.append(f"check_share is {level.check_share!r}; it is a share between 0 and 1")
    if level.connections is not None and level.connections < 1:
        problems.append(f"connections is {level.connections!r}; at least 1")
    if level.timer not in ("auto", "timerfd", "portable"):
        problems.append(f"timer is {level.timer!r}; use auto, timerfd or portable")
    return problems


def _address_problems(level: Level) -> list[str]:
    """Why requests cannot be addressed to the level's url."""
    scheme = level.url.split("://")[0] if "://" in level.url else "http"
    if scheme not in SCHEMES[level.protocol]:
        expected = ", ".join(f"{name}://" for name in SCHEMES[level.protocol])
        return [f"url is {headers.without_credentials(level.url)!r}; {level.protocol} expects one of {expected}"]
    try:
        named = level.address()[0]
    except ValueError as wrong:
        return [f"url is {headers.without_credentials(level.url)!r}: {wrong}"]
    if not named:
        return [f"url is {headers.without_credentials(level.url)!r}, which names no host"]
    only_tls = [name for name in ("ca", "client_certificate", "client_key", "server_name") if getattr(level, name)]
    if only_tls and not level.tls:
        return [f"{', '.join(only_tls)} is set, but url asks for plain text; use https:// (gRPC: grpcs://)"]
    if level.client_key and not level.client_certificate:
        return ["client_key is set without client_certificate; give both"]
    return []
