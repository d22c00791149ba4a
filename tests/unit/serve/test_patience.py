"""How long a server that takes questions and answers none is waited for, where a hang is to be told within 5 s.

Nothing here reads a clock: two questions are asked at once, and the one with less patience has to end first.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from stuck_server import stuck

from loadgen import Level, ServerUnreachable, hold
from loadgen.holding import PAGE_S
from loadgen.silence import LONGEST_S
from loadgen.verdict.counters import requests_served
from loadgen.workers.hang_watch import PATIENCE_S
from loadgen.workers.worker import SILENT_S
from playbook.serve import client
from playbook.serve.handle import Handle

WITHIN_S = 5.0  # from the last answer to the word "hung"


def test_the_patiences_add_up_to_less_than_what_is_promised():
    assert client.STATUS_S < PATIENCE_S, "the question ends before who asked it gives up"
    assert LONGEST_S + SILENT_S + client.STATUS_S < WITHIN_S
    assert PAGE_S + PATIENCE_S < WITHIN_S


def test_whether_a_server_hangs_is_asked_with_less_patience_than_anything_else():
    with stuck() as server, ThreadPoolExecutor(1) as pool:
        handle = Handle("embedded", "m", "", server.url, "", "", [], [])
        patient = pool.submit(client.responds, handle, 60.0)
        server.taken.acquire()
        ask = client.asker(handle)
        assert ask is not None
        assert ask() is False
        assert not patient.done()
        server.let_go.set()
        assert patient.result() is True
        assert ask() is True


def test_a_page_that_does_not_come_is_given_up_sooner_where_somebody_can_be_asked(tmp_path):
    (tmp_path / "00000.body").write_text("{}")
    with stuck() as server, ThreadPoolExecutor(1) as pool:
        patient = pool.submit(requests_served, server.url)
        server.taken.acquire()
        with pytest.raises(ServerUnreachable, match="answered nothing before the level"):
            hold(
                Level(f"{server.url}/x", bodies=tmp_path, concurrency=1, metrics_url=server.url),
                tmp_path,
                is_alive=lambda: False,
            )
        assert not patient.done()
        server.let_go.set()
        assert patient.result() == 0
