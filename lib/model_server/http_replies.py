"""The bytes of HTTP replies: status lines, the Date header and libevent's own error pages."""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus

REASONS = {status.value: status.phrase for status in HTTPStatus} | {
    429: "Client Error",
    499: "Client Error",
    504: "Gateway Time-out",
}


class Date:
    """The Date header's line, made once a second."""

    second = 0
    line = b""

    @classmethod
    def now(cls) -> bytes:
        """The line for this second, ended by CR LF."""
        second = int(time.time())
        if second != cls.second:
            cls.second, cls.line = second, b"Date: " + formatdate(second, usegmt=True).encode() + b"\r\n"
        return cls.line


def error_page(status: int) -> bytes:
    """libevent's own HTML for a status."""
    reason = REASONS[status].encode()
    return b"<HTML><HEAD>\n<TITLE>%d %s</TITLE>\n</HEAD><BODY>\n<H1>%s</H1>\n</BODY></HTML>\n" % (
        status,
        reason,
        reason,
    )


HTML = b"Content-Type: text/html\r\n"
