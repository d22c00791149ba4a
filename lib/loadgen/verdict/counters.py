"""The server's own count of requests, from its Prometheus page."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Mapping
from types import MappingProxyType
from urllib.error import URLError
from urllib.request import Request

from loadgen import pages
from loadgen.errors import ServerUnreachable

REQUEST_COUNT = ":tensorflow:serving:request_count"
NONE: Mapping[str, str] = MappingProxyType({})
SLACK = (5, 0.002)  # status requests of other tools are counted too: so many, or such a share, are let pass


def requests_served(
    metrics_url: str, timeout_s: float = 5.0, tls: ssl.SSLContext | None = None, headers: Mapping[str, str] = NONE
) -> int:
    """Sum of `:tensorflow:serving:request_count` over models and statuses; 0 before the first request.

    Raises:
        ServerUnreachable: The page cannot be read.
    """
    from prometheus_client.parser import text_string_to_metric_families  # slow to load; only where counts are asked for

    try:
        with pages.opened(Request(metrics_url, headers=dict(headers)), timeout_s, tls) as page:
            text = page.read().decode()
    except (URLError, OSError, ValueError, http.client.HTTPException) as wrong:
        raise ServerUnreachable(f"{metrics_url} cannot be read: {wrong}; is the monitoring config on?") from wrong
    counts = "".join(line for line in text.splitlines(True) if line.startswith(REQUEST_COUNT))  # of some 470 lines
    samples = (s for family in text_string_to_metric_families(counts) for s in family.samples)
    # this parser gives a counter OpenMetrics' ending, whatever the page says
    return int(sum(s.value for s in samples if s.name.removesuffix("_total") == REQUEST_COUNT))


def balance(
    metrics_url: str,
    before: int,
    answered: int,
    uncertain: int,
    patience_s: float = 1.0,
    timeout_s: float = 5.0,
    tls: ssl.SSLContext | None = None,
    headers: Mapping[str, str] = NONE,
) -> dict:
    """Compare the server's count since `before` with the client's.

    The server must have seen every answered request, and no more than those plus the ones whose fate is unknown
    (reset, timed out, cut short), but for SLACK. Counters may lag the replies, so an imbalance is looked at again for
    `patience_s`. Returns `served`, `answered`, `uncertain` and `balanced`.

    Raises:
        ServerUnreachable: The page cannot be read.
    """
    slack = max(SLACK[0], int(SLACK[1] * answered))
    until = time.monotonic() + patience_s
    while True:
        served = requests_served(metrics_url, timeout_s, tls=tls, headers=headers) - before
        balanced = answered - slack <= served <= answered + uncertain + slack
        if balanced or time.monotonic() > until:
            return {"served": served, "answered": answered, "uncertain": uncertain, "balanced": balanced}
        time.sleep(0.05)
