"""What a peer did wrong, with HTTP/2's error code for it (RFC 9113, 7)."""

from __future__ import annotations

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR = range(
    7
)
REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(7, 12)


class ConnectionFault(Exception):
    """The connection cannot go on: it ends with GOAWAY `code` and `text`."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code, self.text = code, text


class StreamFault(Exception):
    """One stream cannot go on: it ends with RST_STREAM `code`, the others are untouched."""

    def __init__(self, stream: int, code: int, text: str):
        super().__init__(text)
        self.stream, self.code = stream, code
