"""What can go wrong before a level has a number.

LoadgenError
├── LevelError          the level as asked for cannot be held (also a ValueError)
├── WorkerFailed        a worker ended without handing over its rows, was not ready in time, or there is none
└── ServerUnreachable   a server this package has to read (counters, scripted server) does not answer, or a TLS
                        handshake with the server under load fails

A server that refuses, resets or times out is not an exception: it is counted in the summary.
"""


class LoadgenError(Exception):
    """Base of every error this package raises on purpose."""


class LevelError(LoadgenError, ValueError):
    """The level as asked for cannot be held; the message names the field and what it may be."""


class WorkerFailed(LoadgenError):
    """A worker ended without handing over its rows (the message carries its last words), was late, or there is none."""


class ServerUnreachable(LoadgenError):
    """A server that has to be read does not answer, or makes no TLS; the message names the address and the reason."""
