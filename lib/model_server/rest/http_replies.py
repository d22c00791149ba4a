"""The bytes of HTTP replies: status lines, the Date header and libevent's own error pages."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

REASONS = {status.value: status.phrase for status in HTTPStatus} | {
    429: "Client Error",
    499: "Client Error",
    504: "Gateway Time-out",
}
HTML = b"Content-Type: text/html\r\n"


@lru_cache(maxsize=64)
def start_of_reply(status: int, headers: bytes, keep_alive: bool, old: bool, second: int) -> tuple[bytes, bool]:
    """A reply up to the number of its Content-Length, and whether the connection ends with it.

    Args:
        headers: Encoded lines, each ended by CR LF.
        old: The request was HTTP/1.0. Its reply says so too, has no Date, and says that the connection is kept where
            it is (http.c of libevent 2.1.12, evhttp_make_header_response).
        second: The time as time.time() has it, which the Date header shows.
    """
    ends = not keep_alive or b"Connection: close" in headers
    reason = REASONS.get(status, "Unknown").encode()
    if not keep_alive and b"Connection: close" not in headers:
        headers += b"Connection: close\r\n"
    if old and HTML not in headers:  # libevent's own pages are HTTP/1.1 for everybody
        headers += b"" if ends else b"Connection: keep-alive\r\n"
        return b"HTTP/1.0 %d %s\r\n%sContent-Length: " % (status, reason, headers), ends
    date = formatdate(second, usegmt=True).encode()
    return b"HTTP/1.1 %d %s\r\n%sDate: %s\r\nContent-Length: " % (status, reason, headers, date), ends


def error_page(status: int) -> bytes:
    """libevent's own HTML for a status."""
    reason = REASONS[status].encode()
    return b"<HTML><HEAD>\n<TITLE>%d %s</TITLE>\n</HEAD><BODY>\n<H1>%s</H1>\n</BODY></HTML>\n" % (
        status,
        reason,
        reason,
    )
