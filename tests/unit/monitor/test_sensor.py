"""The sensor tells a window from two pages, by the same differences as the kept series."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from playbook.monitor.sensor import Sensor, between

P = ":tensorflow:serving:"


def page(ok: int, refused: int, sums_us: float, buckets: tuple[int, int, int], rows: int, batches: int) -> str:
    label = 'model_name="digits",API="Predict",entrypoint="GRPC"'
    other = 'model_name="other",API="Predict",entrypoint="GRPC"'
    edges = zip(("1000", "2000", "+Inf"), buckets, strict=True)
    return "\n".join(
        [
            f"# TYPE {P}request_count counter",
            f'{P}request_count{{model_name="digits",status="OK"}} {ok}',
            f'{P}request_count{{model_name="digits",status="UNAVAILABLE"}} {refused}',
            f'{P}request_count{{model_name="other",status="OK"}} {10 * ok}',
            f"# TYPE {P}request_latency histogram",
            *(f'{P}request_latency_bucket{{{label},le="{le}"}} {count}' for le, count in edges),
            f"{P}request_latency_sum{{{label}}} {sums_us}",
            f"{P}request_latency_count{{{label}}} {buckets[-1]}",
            f"{P}request_latency_sum{{{other}}} 9",
            f"{P}request_latency_count{{{other}}} 9",
            f"# TYPE {P}batching_session:processed_batch_size histogram",
            f'{P}batching_session:processed_batch_size_sum{{model_name="digits"}} {rows}',
            f'{P}batching_session:processed_batch_size_count{{model_name="digits"}} {batches}',
            "",
        ]
    )


@pytest.fixture
def endpoint():
    pages: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = pages.pop(0).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield pages, Sensor(f"http://127.0.0.1:{server.server_address[1]}/", "digits")
    server.shutdown()
    server.server_close()


def test_a_window_is_the_difference_of_two_pages_of_one_model(endpoint):
    pages, sensor = endpoint
    pages += [page(100, 5, 50_000, (50, 100, 100), 200, 50), page(300, 105, 350_000, (150, 290, 300), 1000, 150)]
    window = between(sensor.read(), sensor.read())
    assert window.rate_rps * window.seconds == pytest.approx(200 + 100)
    assert window.error_share == pytest.approx(100 / 300)
    assert window.mean_ms == pytest.approx(1.5)
    assert window.batch_rows == pytest.approx(8.0)
    assert window.p99_ms == pytest.approx(2.0)  # beyond the last finite limit: no more is known
    assert window.queue_ms is None


def test_a_quantile_lies_on_a_line_within_its_bucket(endpoint):
    pages, sensor = endpoint
    pages += [page(0, 0, 0, (0, 0, 0), 0, 0), page(100, 0, 1, (0, 100, 100), 0, 0)]
    assert between(sensor.read(), sensor.read()).p99_ms == pytest.approx(1.99)


def test_a_restart_counts_from_0_and_a_model_not_asked_before_too(endpoint):
    pages, sensor = endpoint
    pages += [page(100, 0, 9e9, (90, 100, 100), 900, 100), page(10, 0, 10_000, (10, 10, 10), 40, 10)]
    window = between(sensor.read(), sensor.read())
    assert window.rate_rps * window.seconds == pytest.approx(10)
    assert (window.mean_ms, window.batch_rows) == (1.0, 4.0)
    pages += ["# TYPE x counter\nx 1\n", page(7, 0, 7_000, (7, 7, 7), 14, 7)]
    window = between(sensor.read(), sensor.read())
    assert window.rate_rps * window.seconds == pytest.approx(7)


def test_a_server_that_does_nothing_has_a_rate_of_0_and_no_latency(endpoint):
    pages, sensor = endpoint
    pages += [page(1, 0, 1, (1, 1, 1), 1, 1)] * 2
    window = between(sensor.read(), sensor.read())
    assert (window.rate_rps, window.mean_ms, window.p99_ms, window.batch_rows) == (0.0, None, None, None)
