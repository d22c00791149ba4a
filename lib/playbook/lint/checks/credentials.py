"""Lint of an SSLConfig: PEM texts that gRPC can load, and whose clients it lets in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.checks.command import Command
from playbook.lint.checks.schema import Parsed
from playbook.lint.forms import text_proto
from playbook.lint.forms.text import Text, is_unknown
from playbook.lint.rules.findings import Finding, finding

_KINDS = {"server_key": "PRIVATE KEY", "server_cert": "CERTIFICATE", "custom_ca": "CERTIFICATE"}
_TRUE = ("true", "True", "t", "1")


def check_credentials(parsed: Parsed, text: Text, _: Command | None) -> Iterator[Finding]:
    """Findings of a TLS file; one that holds no certificate at all is of another text, or left out."""
    known = not text.templated and parsed.accepted
    for name, kind in _KINDS.items():
        field = parsed.tree.first(name)
        if field is not None and field.value and not is_unknown(field.value):
            yield from _pem(field, kind, text)
        elif known and name != "custom_ca" and (field is None or not field.value):
            yield finding("ssl-missing", text.path, text.line(field.line if field else 1), field=name)
    verify, authority = parsed.tree.first("client_verify"), parsed.tree.text("custom_ca")
    verified = verify is not None and verify.value in _TRUE
    if known and verify is not None and verified and not authority:
        yield finding("ssl-no-authority", text.path, text.line(verify.line))
    elif known and authority and verify is None:
        field = parsed.tree.first("custom_ca")
        yield finding("ssl-authority-unused", text.path, text.line(field.line if field else 1))


def _pem(field: text_proto.Field, kind: str, text: Text) -> Iterator[Finding]:
    value, line = field.value or "", text.line(field.line)
    if (begun := re.search(r"-----BEGIN ([A-Z0-9 ]+)-----", value)) is None:
        yield finding("ssl-paths", text.path, line, field=field.name)
    elif not begun[1].endswith(kind):
        yield finding("ssl-wrong-kind", text.path, line, field=field.name, has=begun[1], kind=kind)
    elif "ENCRYPTED" in begun[1] or "Proc-Type: 4,ENCRYPTED" in value:
        yield finding("ssl-locked-key", text.path, line, field=field.name)
    elif not value[begun.end() :].startswith(("\\n", "\\r", "\n", "\\012")) and len(value) > begun.end():
        yield finding("ssl-one-line", text.path, line, field=field.name)
