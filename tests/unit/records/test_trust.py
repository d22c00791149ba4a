"""Who is spoken to by TLS is told by address; plain HTTP at a port that was given out again stays plain."""

from __future__ import annotations

from playbook.records import trust


def test_plain_http_stays_plain_at_a_port_that_spoke_tls_before() -> None:
    address = "127.0.0.1:61234/v1/models/m"
    trust.note(f"https://{address}", trust.Trust(server_name="one"))
    try:
        assert trust.of(f"https://{address}") == trust.of(f"grpc://{address}") == trust.Trust(server_name="one")
        assert trust.context(f"https://{address}") is not None
        assert trust.of(f"http://{address}") is None
        assert trust.context(f"http://{address}") is None
    finally:
        trust.forget(f"https://{address}")
