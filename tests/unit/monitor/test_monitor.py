"""The monitor goes on through restarts, gaps and faults, and loses one interval at most when it is killed."""

import http.server
import os
import signal
import subprocess
import threading
import time
from types import SimpleNamespace

import duckdb
import psutil
import pytest

from playbook.errors import MonitorError, ParameterError
from playbook.monitor import monitor, series
from playbook.records import parquet

NAME = series.REQUESTS


class Endpoint:
    """A metrics page whose text, status and presence the test decides."""

    def __init__(self):
        self.count, self.page, self.port, self.server = 0, None, 0, None
        self.clock_back_s, self.cut_bytes = 0, 0

    def start(self):
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = (endpoint.page or f'# TYPE {NAME} counter\n{NAME}{{status="OK"}} {endpoint.count}\n').encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body) + endpoint.cut_bytes))
                self.end_headers()
                self.wfile.write(body)

            def date_time_string(self, timestamp=None):
                return super().date_time_string(time.time() - endpoint.clock_back_s)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def handle(self):
        url = f"http://127.0.0.1:{self.port}/monitoring/prometheus/metrics"
        return SimpleNamespace(metrics_url=url, pid=os.getpid(), container_id=None)


@pytest.fixture
def endpoint():
    one = Endpoint().start()
    yield one
    one.stop()


def events(run_dir):
    return duckdb.sql(f"SELECT event, what, detail FROM '{run_dir}/data/events/*.parquet' ORDER BY at_ns").fetchall()


def kinds(run_dir):
    return [(event, what) for event, what, _ in events(run_dir)]


def test_metrics_and_resources_become_time_series(endpoint, tmp_path):
    with monitor.watching(endpoint.handle, tmp_path, every_s=0.1):
        for _ in range(5):
            endpoint.count += 10
            time.sleep(0.1)
    grown = series.read(tmp_path).window(0, time.monotonic_ns())
    assert grown.get(NAME, status="OK").value == 50
    assert grown.samples >= 4
    rows = duckdb.sql(f"SELECT who, max(rss_bytes), max(cpu_s) FROM '{tmp_path}/data/resources/*.parquet' GROUP BY 1")
    found = {who: (rss, cpu) for who, rss, cpu in rows.fetchall()}
    assert found["server"][0] > 10_000_000
    assert {"server", "client", "machine"} <= set(found)
    assert kinds(tmp_path) == [("start", "monitor"), ("stop", "monitor")]


def test_a_restart_and_a_gap_are_noticed_and_counted_across(endpoint, tmp_path):
    endpoint.count = 100
    with monitor.watching(endpoint.handle, tmp_path, every_s=0.1, pids={}):
        endpoint.count = 120
        time.sleep(0.25)
        endpoint.stop()
        time.sleep(0.3)
        endpoint.count = 7
        endpoint.start()
        time.sleep(0.3)
    assert sorted(kinds(tmp_path)[1:-1]) == [("back", "endpoint"), ("gone", "endpoint"), ("restart", "server")]
    window = series.read(tmp_path).window(0, time.monotonic_ns())
    assert window.restarts == 1
    assert window.get(NAME).value == 20 + 7


def test_a_monitor_that_is_killed_meanwhile_is_said_and_kept(endpoint, tmp_path, capsys):
    with monitor.watching(endpoint.handle, tmp_path, every_s=0.1, pids={}) as process:
        process.kill()
        process.wait()
    assert "was ended by SIGKILL before the load did" in capsys.readouterr().out
    assert kinds(tmp_path) == [("start", "monitor"), ("gone", "monitor")]


def test_a_page_of_html_is_an_event_and_sampling_goes_on(endpoint, tmp_path):
    endpoint.page = "<html>Not Found</html>"
    with monitor.watching(endpoint.handle, tmp_path, every_s=0.1, pids={}):
        time.sleep(0.2)
        endpoint.page = None
        time.sleep(0.2)
    seen = events(tmp_path)
    assert "HTML page came" in seen[1][2]
    assert ("back", "endpoint") in kinds(tmp_path)
    assert len(series.read(tmp_path).times_ns) >= 1


def test_half_a_page_is_an_event_and_sampling_goes_on(endpoint, tmp_path):
    """As of a server that is killed while it answers."""
    with monitor.watching(endpoint.handle, tmp_path, every_s=0.1, pids={}) as process:
        endpoint.cut_bytes = 1000
        time.sleep(0.25)
        endpoint.cut_bytes = 0
        time.sleep(0.25)
        assert process.poll() is None
    assert "more expected" in events(tmp_path)[1][2]
    assert sorted(kinds(tmp_path)[1:-1]) == [("back", "endpoint"), ("gone", "endpoint")]


def test_a_server_clock_that_goes_back_is_an_event_and_moves_no_sample(endpoint, tmp_path):
    with monitor.watching(endpoint.handle, tmp_path, every_s=0.1, pids={}):
        time.sleep(0.25)
        endpoint.clock_back_s = 3600
        time.sleep(0.25)
    problems = [detail for event, _, detail in events(tmp_path) if event == "problem"]
    assert problems
    assert "the server's clock went back 3" in problems[0]
    times = series.read(tmp_path).times_ns
    assert max(times) - min(times) < 30e9


def test_a_process_that_ends_is_an_event(endpoint, tmp_path):
    child = subprocess.Popen(["sleep", "30"])
    with monitor.watching(endpoint.handle, tmp_path, every_s=0.1, pids={"server": child.pid}):
        time.sleep(0.15)
        child.kill()
        child.wait()
        time.sleep(0.25)
    assert ("gone", "server") in kinds(tmp_path)


def test_a_kill_loses_one_interval_and_leaves_whole_files(endpoint, tmp_path):
    lost_s = []
    for attempt in range(3):  # a busy machine may keep the monitor waiting
        run = tmp_path / str(attempt)
        with monitor.watching(endpoint.handle, run, every_s=0.5, pids={}) as process:
            time.sleep(2.1)
            killed_ns = time.monotonic_ns()
            os.kill(process.pid, signal.SIGKILL)
        files = list((run / "data" / "metrics").rglob("part-*.parquet"))
        assert files
        assert all(parquet.is_whole(path) for path in files)
        lost_s.append((killed_ns - series.read(run).times_ns[-1]) / 1e9)
        if lost_s[-1] < 1.1:
            break
    assert min(lost_s) < 1.1, lost_s


def test_it_ends_with_the_process_that_began_it(endpoint, tmp_path):
    code = (
        "import sys, time; from types import SimpleNamespace; from pathlib import Path\n"
        "from playbook.monitor import monitor\n"
        f"handle = SimpleNamespace(metrics_url={endpoint.handle.metrics_url!r}, pid=None, container_id=None)\n"
        f"with monitor.watching(handle, Path({str(tmp_path)!r}), 0.1) as process:\n"
        "    print(process.pid, flush=True); time.sleep(60)\n"
    )
    import sys

    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    watcher = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while os.path.exists(f"/proc/{watcher}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{watcher}")


def test_collect_makes_a_run_folder_that_sql_reads(endpoint, tmp_path):
    from playbook.records import store

    folder = monitor.collect(f"http://127.0.0.1:{endpoint.port}", every_s=0.1, for_s=0.5, outputs=tmp_path)
    found = store.query("SELECT run_id, count(*) AS samples FROM metrics GROUP BY ALL", tmp_path)
    assert found["run_id"].tolist() == [folder.name]
    assert found["samples"][0] >= 4


def test_collect_whose_monitor_is_killed_is_an_error_that_names_what_is_there(endpoint, tmp_path):
    def kill():
        seen: set[int] = set()
        while len(seen) < 2:  # times that its file was written: the first comes before it says that it is up
            seen |= {path.stat().st_mtime_ns for path in tmp_path.glob("*/data/metrics/part-*.parquet")}
            time.sleep(0.02)
        for child in psutil.Process().children():
            if "playbook.monitor.watch" in child.cmdline():
                child.kill()

    threading.Thread(target=kill, daemon=True).start()
    with pytest.raises(MonitorError, match=r"was ended by SIGKILL before its time.*lies in .*-monitor"):
        monitor.collect(f"http://127.0.0.1:{endpoint.port}", every_s=0.1, for_s=20.0, outputs=tmp_path)


@pytest.mark.parametrize(("url", "every_s"), [("localhost:8501", 1.0), ("ftp://a/b", 1.0), ("http://127.0.0.1:1", 0.0)])
def test_collect_refuses_what_it_cannot_watch_before_it_starts(url, every_s, tmp_path):
    with pytest.raises(ParameterError):
        monitor.collect(url, every_s=every_s, for_s=1.0, outputs=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_collect_says_when_nothing_came(tmp_path):
    with pytest.raises(MonitorError, match=r"Nothing answers at .*127.0.0.1:9"):
        monitor.collect("http://127.0.0.1:9", every_s=0.1, for_s=0.2, outputs=tmp_path)
