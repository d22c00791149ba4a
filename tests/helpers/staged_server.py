"""A server with a known delay in each stage, and TensorFlow Serving's metrics about itself.

`python staged_server.py HTTP_US SHELL_US QUEUE_US RUN_US` answers one connection at a time, prints its two ports and
ends when its standard input closes. The time really spent in each stage (a machine may interrupt it) is on the metrics
page too, as `:scripted:stage_usecs`, so that a test knows the truth over any window.
"""

import http.server
import socket
import sys
import threading
import time

LE = [10 * 1.8**power for power in range(33)]
BODY = b'{"predictions": [[0.0]]}'
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
STAGES = ("http", "shell", "queue", "run")  # "turn": from an answer sent to the next request received
PADDED, FILLER = 8, 2  # every request runs alone in a batch of eight rows, two of them filler


class Histogram:
    """Counts, sum and buckets as TensorFlow Serving prints them: six digits, half-open buckets."""

    def __init__(self, limits):
        self.limits, self.total, self.counts = limits, 0.0, [0] * (len(limits) + 1)

    def add(self, value):
        self.total += value
        self.counts[next((place for place, limit in enumerate(self.limits) if value < limit), len(self.limits))] += 1

    def lines(self, name, labels):
        before, seen = f"{labels}," if labels else "", 0
        yield f"# TYPE {name} histogram"
        for limit, count in zip([*map(lambda x: f"{x:.6g}", self.limits), "+Inf"], self.counts, strict=True):
            seen += count
            yield f'{name}_bucket{{{before}le="{limit}"}} {seen}'
        yield f"{name}_sum{{{labels}}} {self.total:.6g}"
        yield f"{name}_count{{{labels}}} {seen}"


def spin(microseconds):
    """Use the processor for so long; returns what it really took, in microseconds."""
    begun = time.perf_counter_ns()
    while time.perf_counter_ns() - begun < microseconds * 1000:
        pass
    return (time.perf_counter_ns() - begun) / 1e3


class Staged:
    def __init__(self, delays_us):
        self.delays, self.spent = dict(zip(STAGES, delays_us, strict=True)), dict.fromkeys((*STAGES, "turn"), 0.0)
        self.request, self.runtime, self.queue = Histogram(LE), Histogram(LE), Histogram(LE)
        self.batch, self.padding = Histogram([2.0**p for p in range(14)]), Histogram([2.0**p for p in range(14)])
        self.runs, self.run_us, self.lock = 0, 0.0, threading.Lock()

    def answer(self, turn_us):
        spent = {name: spin(self.delays[name]) for name in STAGES}
        runtime = spent["queue"] + spent["run"]
        with self.lock:
            self.request.add(spent["shell"] + runtime)
            self.runtime.add(runtime)
            self.queue.add(spent["queue"])
            self.batch.add(PADDED)
            self.padding.add(FILLER)
            self.runs, self.run_us = self.runs + 1, self.run_us + spent["run"]
            for name, us in (*spent.items(), ("turn", turn_us)):
                self.spent[name] += us if name != "http" else 0.0
        return sum(spent[name] for name in ("shell", "queue", "run"))

    def page(self):
        with self.lock:
            own = 'model_name="digits",API='
            lines = [
                "# TYPE :tensorflow:serving:request_count counter",
                f':tensorflow:serving:request_count{{model_name="digits",status="OK"}} {self.runs}',
                *self.request.lines(":tensorflow:serving:request_latency", own + '"predict",entrypoint="REST"'),
                *self.runtime.lines(":tensorflow:serving:runtime_latency", own + '"Predict",runtime="TF1"'),
                *self.queue.lines(":tensorflow:serving:batching_session:queuing_latency", 'thread_pool_name=""'),
                *self.batch.lines(":tensorflow:serving:batching_session:processed_batch_size", ""),
                *self.padding.lines(":tensorflow:serving:batching_session:padding_size", 'execution_batch_size="8"'),
                "# TYPE :tensorflow:core:graph_runs counter",
                f":tensorflow:core:graph_runs{{}} {self.runs}",
                "# TYPE :tensorflow:core:graph_run_time_usecs counter",
                f":tensorflow:core:graph_run_time_usecs{{}} {self.run_us:.0f}",
                "# TYPE :scripted:stage_usecs counter",
                *(f':scripted:stage_usecs{{stage="{name}"}} {self.spent[name]:.3f}' for name in self.spent),
            ]
        return ("\n".join(lines) + "\n").encode()


def serve(staged, listener):
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pending, sent_ns = b"", time.perf_counter_ns()
        while data := connection.recv(65536):
            pending += data
            while (head := pending.find(b"\r\n\r\n")) >= 0:
                length = int(pending[:head].lower().split(b"content-length:")[1].split()[0])
                if len(pending) < head + 4 + length:
                    break
                pending = pending[head + 4 + length :]
                begun_ns = time.perf_counter_ns()
                inside_us = staged.answer((begun_ns - sent_ns) / 1e3)
                connection.sendall(REPLY)
                sent_ns = time.perf_counter_ns()
                # Keeping the books is work outside the request's own timer, as parsing HTTP is.
                staged.spent["http"] += (sent_ns - begun_ns) / 1e3 - inside_us


def metrics(staged):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            page = staged.page()
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


if __name__ == "__main__":
    sys.setswitchinterval(0.0002)
    one = Staged([float(word) for word in sys.argv[1:5]])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], metrics(one), flush=True)
    threading.Thread(target=serve, args=(one, listener), daemon=True).start()
    sys.stdin.read()
