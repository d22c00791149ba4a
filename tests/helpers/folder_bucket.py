"""A folder that answers as a bucket: what a client that lists and downloads asks of S3 and of Google's JSON API."""

from __future__ import annotations

import hashlib
import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

WRITTEN = "2026-01-01T00:00:00.000Z"


@contextmanager
def serving(root: Path) -> Iterator[str]:
    """The address of a server whose buckets are the folders of `root`."""

    class Bucket(_Bucket):
        folder = root

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Bucket(BaseHTTPRequestHandler):
    folder: Path
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        path = unquote(url.path).strip("/")
        if path.startswith("b/"):  # Google's: b/BUCKET/o[/OBJECT]
            bucket, _, name = path.removeprefix("b/").partition("/o")
            return self._google(bucket, name.strip("/"), asked)
        bucket, _, name = path.partition("/")
        return self._file(bucket, name) if name else self._amazon(bucket, asked)

    do_HEAD = do_GET

    def _amazon(self, bucket: str, asked: dict[str, str]) -> None:
        files, folders = self._listed(bucket, asked)
        rows = [f"<Contents><Key>{escape(name)}</Key><LastModified>{WRITTEN}</LastModified>"
                f"<ETag>&quot;{_md5(body).hex()}&quot;</ETag><Size>{len(body)}</Size></Contents>"
                for name, body in files.items()]  # fmt: skip
        rows += [f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in folders]
        xml = (f'<?xml version="1.0"?><ListBucketResult><Name>{bucket}</Name><IsTruncated>false</IsTruncated>'
               f"<KeyCount>{len(rows)}</KeyCount>{''.join(rows)}</ListBucketResult>")  # fmt: skip
        self._send(200, xml.encode(), "application/xml")

    def _google(self, bucket: str, name: str, asked: dict[str, str]) -> None:
        if name:
            if "alt" in asked and asked["alt"] == "media":
                return self._file(bucket, name)
            path = self.folder / bucket / name
            found = self._object(bucket, name, path.read_bytes()) if path.is_file() else None
            return self._send(200 if found else 404, json.dumps(found or {"error": {"code": 404}}).encode())
        files, folders = self._listed(bucket, asked)
        items = [self._object(bucket, name, body) for name, body in files.items()]
        return self._send(200, json.dumps({"items": items, "prefixes": folders}).encode())

    def _object(self, bucket: str, name: str, body: bytes) -> dict[str, str]:
        link = f"http://{self.headers['Host']}/b/{bucket}/o/{quote(name, safe='')}?alt=media"
        return {"name": name, "bucket": bucket, "size": str(len(body)), "updated": WRITTEN, "mediaLink": link,
                "md5Hash": b64encode(_md5(body)).decode()}  # fmt: skip

    def _listed(self, bucket: str, asked: dict[str, str]) -> tuple[dict[str, bytes], list[str]]:
        """Objects and, with a delimiter, common prefixes below a prefix."""
        root, prefix, folders, files = self.folder / bucket, asked.get("prefix", ""), set(), {}
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            name = path.relative_to(root).as_posix()
            rest = name.removeprefix(prefix)
            if not name.startswith(prefix):
                continue
            if asked.get("delimiter") and "/" in rest:
                folders.add(prefix + rest.partition("/")[0] + "/")
            else:
                files[name] = path.read_bytes()
        return files, sorted(folders)

    def _file(self, bucket: str, name: str) -> None:
        path = self.folder / bucket / name
        if not path.is_file():
            return self._send(404, b"")
        return self._send(200, path.read_bytes(), "application/octet-stream")

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", formatdate(usegmt=True))
        self.send_header("ETag", f'"{_md5(body).hex()}"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _md5(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()
