"""The monitor's own process: `python -m playbook.monitor.watch CONFIG` samples until its standard input closes.

It is apart from the load generator because parsing a page costs milliseconds, and it ends when its parent does,
because then the pipe closes, whatever killed the parent.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import duckdb

from loadgen import pages
from playbook.errors import MonitorError
from playbook.monitor import resources
from playbook.monitor.scrape import ADVICE, Parser, Series
from playbook.records import secrets, trust
from playbook.records.parts import PartWriter

EPOCH = datetime(1970, 1, 1)
FLUSH_S = 0.9  # at short intervals files are still written about once a second
GPU_EVERY_S = 5.0  # nvidia-smi is a process of its own; asking more often costs more than it tells


class Watch:
    """What has been seen so far of one endpoint and some processes."""

    def __init__(
        self, url: str | None, folder: Path, every_s: float, pids: dict[str, int], containers: dict[str, str]
    ) -> None:
        self._url, self._every_s = url, every_s
        db = duckdb.connect(config={"threads": 1})
        self._metrics = PartWriter(db, "metrics", folder / "metrics")
        self._resources = PartWriter(db, "resources", folder / "resources")
        self._events = PartWriter(db, "events", folder / "events")
        skip = frozenset({os.getpid()})
        self._trees: dict[str, resources.ProcessTree | resources.Container] = {
            who: resources.ProcessTree(who, pid, skip) for who, pid in pids.items()
        }
        self._trees |= {who: resources.Container(who, container) for who, container in containers.items()}
        self._parser = Parser()
        self._counters: dict[str, float] = {}
        self._gone_since_ns: dict[str, int] = {}
        self._problems: set[str] = set()
        self._cpu: dict[str, tuple[int, float]] = {}
        self._server_date: datetime | None = None
        self._wall_offset_ns = time.time_ns() - time.monotonic_ns()
        self._next_gpu_ns = self._flushed_ns = 0
        self.note("start", "monitor", f"every {every_s:g} s")

    def sample(self) -> None:
        """One round: processes first, then the page; every fault becomes an event and sampling goes on."""
        self._sample_processes()
        if self._url:
            try:
                self._sample_page(self._url)
            except MonitorError as error:
                self._mark_gone("endpoint", str(error))
        if time.monotonic_ns() - self._flushed_ns > FLUSH_S * 1e9:
            self.flush()

    def flush(self) -> None:
        """Put everything on disk."""
        for writer in (self._metrics, self._resources, self._events):
            writer.flush()
        self._flushed_ns = time.monotonic_ns()

    def note(self, event: str, what: str, detail: str, at_ns: int | None = None) -> None:
        """Keep an event."""
        at_ns = time.monotonic_ns() if at_ns is None else at_ns
        self._events.add((at_ns, self._utc(at_ns), event, what, detail))

    def _sample_processes(self) -> None:
        for who, tree in self._trees.items():
            at_ns, usage = time.monotonic_ns(), tree.sample()
            if usage is None:
                self._mark_gone(who, f"the process or container of the {who} is not there")
            else:
                self._mark_back(who, at_ns)
                self._keep_usage(at_ns, usage)
        at_ns = time.monotonic_ns()
        self._keep_usage(at_ns, resources.machine())
        if at_ns >= self._next_gpu_ns:
            self._next_gpu_ns = at_ns + int(GPU_EVERY_S * 1e9)
            usage = resources.gpu()
            if usage is not None:
                self._keep_usage(at_ns, usage)

    def _keep_usage(self, at_ns: int, usage: resources.Usage) -> None:
        cores = None
        if usage.cpu_s is not None:
            before = self._cpu.get(usage.who)
            self._cpu[usage.who] = (at_ns, usage.cpu_s)
            cores = None if before is None else (usage.cpu_s - before[1]) / ((at_ns - before[0]) / 1e9)
        waits = (usage.run_delay_s, usage.throttled_s, usage.steal_s)
        gpu = (usage.gpu_share, usage.gpu_memory_bytes)
        row = (usage.who, usage.pid, cores, usage.cpu_s, usage.rss_bytes, usage.threads, *waits, *gpu)
        self._resources.add((at_ns, self._utc(at_ns), *row))

    def _sample_page(self, url: str) -> None:
        at_ns, text, date = self._fetch(url)
        series, problems = self._parser.parse(text)
        self._mark_back("endpoint", at_ns)
        self._check_date(date)
        for sentence in problems:
            self._note_once(sentence)
        self._check_restart(series, at_ns)
        for one in series:
            labels = json.dumps(one.labels, sort_keys=True)
            row = (one.name, one.kind, labels, one.value, one.sum, one.count, one.le or None, one.buckets or None)
            self._metrics.add((at_ns, self._utc(at_ns), *row))

    def _fetch(self, url: str) -> tuple[int, str, str | None]:
        """The page and the moment it was made: the middle between asking and the first byte of the answer."""
        request, sent_ns = urllib.request.Request(url, headers=secrets.header(url)), time.monotonic_ns()
        try:
            with pages.opened(request, max(1.0, self._every_s), trust.context(url)) as reply:
                at_ns = (sent_ns + time.monotonic_ns()) // 2
                return at_ns, reply.read().decode("utf-8", "replace"), reply.headers.get("Date")
        except urllib.error.HTTPError as error:
            raise MonitorError(f"metrics were expected at {url}, HTTP {error.code} came. {ADVICE}") from error
        except (OSError, ValueError, http.client.HTTPException) as error:  # the last: half a page, or none of HTTP
            raise MonitorError(f"no metrics from {url}: {error}") from error

    def _check_restart(self, series: list[Series], at_ns: int) -> None:
        """A counter that fell was set to 0 in between; when most of them did, the server is a new process."""
        totals = {one.key: one.count if one.kind == "histogram" else one.value for one in series if one.kind != "gauge"}
        now = {key: value for key, value in totals.items() if value is not None}
        moving = {key: value for key, value in self._counters.items() if value > 0}
        fallen = [key for key, value in moving.items() if now.get(key, 0.0) < value]
        if fallen and 2 * len(fallen) >= len(moving):
            self.note("restart", "server", f"{len(fallen)} of {len(moving)} counters began again", at_ns)
        else:
            for key in fallen:
                self.note("reset", key.split("{")[0], f"fell from {moving[key]:g} to {now.get(key, 0.0):g}", at_ns)
        self._counters = now

    def _check_date(self, date: str | None) -> None:
        try:
            now = parsedate_to_datetime(date) if date else None
        except ValueError:
            return
        if now and self._server_date and now < self._server_date:
            back_s = (self._server_date - now).total_seconds()
            self.note("problem", "server", f"the server's clock went back {back_s:g} s; times here are not affected")
        self._server_date = now

    def _mark_gone(self, what: str, why: str) -> None:
        if what not in self._gone_since_ns:
            self._gone_since_ns[what] = time.monotonic_ns()
            self.note("gone", what, why)

    def _mark_back(self, what: str, at_ns: int) -> None:
        since_ns = self._gone_since_ns.pop(what, None)
        if since_ns is not None:
            self.note("back", what, f"nothing for {(at_ns - since_ns) / 1e9:.1f} s before", at_ns)

    def _note_once(self, sentence: str) -> None:
        if sentence not in self._problems:
            self._problems.add(sentence)
            self.note("problem", "endpoint", sentence)

    def _utc(self, at_ns: int) -> datetime:
        return EPOCH + timedelta(microseconds=(at_ns + self._wall_offset_ns) // 1000)


def run(config: dict) -> None:
    """Sample on a fixed grid until `for_s` is over or standard input closes."""
    every_s, for_s = config["every_s"], config.get("for_s")
    watch = Watch(config.get("url"), Path(config["folder"]), every_s, config["pids"], config.get("containers", {}))
    watch.sample()
    watch.flush()
    print("watching", flush=True)
    began_s = due_s = time.monotonic()
    while for_s is None or due_s + every_s - began_s <= for_s + 1e-6:
        due_s += every_s
        late_s = time.monotonic() - due_s
        if late_s > every_s:
            watch.note("gap", "monitor", f"not scheduled for {late_s:.1f} s")
            due_s = time.monotonic()
        if _closed_within(max(0.0, due_s - time.monotonic())):
            watch.sample()
            break
        watch.sample()
    watch.note("stop", "monitor", "asked to stop or time was over")
    watch.flush()


def _closed_within(wait_s: float) -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], wait_s)
    return bool(readable)


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
