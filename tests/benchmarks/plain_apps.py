"""The ceilings: apps that only parse the same body, and gRPC servers that only answer the same bytes.

`python plain_apps.py connection|granian|uvicorn|grpc_aio|grpc_sync PORT [ANSWER_FILE]`; uvicorn in its own environment.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REPLY = b'{\n    "predictions": [[' + b", ".join([b"0.0488711968"] * 10) + b"]\n    ]\n}"
SERVICE, METHOD = "tensorflow.serving.PredictionService", "Predict"


async def connection(port: int) -> None:
    """The HTTP layer of the embedded server with an app that parses and answers a constant."""
    import orjson

    from model_server.rest.http_connection import HttpConnection

    def answer(request, body, reply) -> None:
        orjson.loads(body)
        reply(200, b"Content-Type: application/json\r\n", REPLY)

    server = await asyncio.get_running_loop().create_server(lambda: HttpConnection(answer), "127.0.0.1", port)
    await server.serve_forever()


async def granian(port: int) -> None:
    """The same app on granian's RSGI, HTTP/1, one worker."""
    import orjson
    from granian.constants import HTTPModes, Interfaces
    from granian.server.embed import Server

    headers = [("content-type", "application/json")]

    async def app(scope, protocol) -> None:
        orjson.loads(await protocol())
        protocol.response_bytes(200, headers, REPLY)

    await Server(app, port=port, interface=Interfaces.RSGI, http=HTTPModes.http1, websockets=False).serve()


async def asgi_app(scope, receive, send) -> None:
    """The same app for ASGI."""
    import orjson

    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    orjson.loads(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(REPLY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": REPLY})


def uvicorn(port: int) -> None:
    """The ASGI app on the embedded server's HTTP library and loop: uvicorn with httptools on uvloop."""
    import uvicorn

    uvicorn.run(asgi_app, port=port, http="httptools", loop="uvloop", lifespan="off", log_level="error")


def handlers(method):
    """A generic handler for Predict on raw bytes."""
    import grpc

    return grpc.method_handlers_generic_handler(SERVICE, {METHOD: grpc.unary_unary_rpc_method_handler(method)})


async def grpc_aio(port: int, answer: bytes) -> None:
    """A no-op grpc.aio server."""
    import grpc

    async def predict(_data, _context) -> bytes:
        return answer

    server = grpc.aio.server()
    server.add_generic_rpc_handlers([handlers(predict)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def grpc_sync(port: int, answer: bytes) -> None:
    """A no-op grpcio server with threads."""
    import grpc

    server = grpc.server(ThreadPoolExecutor(32))
    server.add_generic_rpc_handlers([handlers(lambda _data, _context: answer)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def main(name: str, port: int, answer: bytes = b"") -> None:
    """Serve until killed."""
    if name == "uvicorn":
        uvicorn(port)
    elif name == "grpc_sync":
        grpc_sync(port, answer)
    elif name == "grpc_aio":
        import uvloop

        uvloop.run(grpc_aio(port, answer))
    else:
        import uvloop

        uvloop.run({"connection": connection, "granian": granian}[name](port))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).read_bytes() if len(sys.argv) > 3 else b"")
