"""A load worker with a fault put into it: every send takes 200 us longer. The passport must notice."""

import time

from loadgen.protocols import grpc_connection, http1
from loadgen.workers import worker

DRAG_S = 200e-6


def slowed(send):
    def slow_send(self, body, scheduled_ns, flags):
        until = time.monotonic() + DRAG_S
        while time.monotonic() < until:
            pass
        send(self, body, scheduled_ns, flags)

    return slow_send


for connection in (http1.HttpClientConnection, grpc_connection.GrpcClientConnection):
    connection.send = slowed(connection.send)

if __name__ == "__main__":
    worker.main()
