"""The first Ctrl-C or SIGTERM ends a chain; those that come while it ends what it started change nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from playbook.chain import interrupts


@pytest.mark.parametrize("first", interrupts.ENDING)
def test_the_first_signal_is_raised_by_its_name_and_those_after_it_do_nothing(first: signal.Signals) -> None:
    before = [signal.getsignal(one) for one in interrupts.ENDING]
    with interrupts.heard_once():
        with pytest.raises(KeyboardInterrupt, match=first.name):
            os.kill(os.getpid(), first)
        for again in (*interrupts.ENDING, *interrupts.ENDING):
            os.kill(os.getpid(), again)
    assert [signal.getsignal(one) for one in interrupts.ENDING] == before


def test_what_is_started_while_signals_do_nothing_hears_them_itself() -> None:
    asked = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    with interrupts.heard_once():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "True"


def test_an_interrupt_that_was_swallowed_is_heard_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "PATIENCE_S", 0.0)
    with interrupts.heard_once():
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
