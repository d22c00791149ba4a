"""A container is sampled from its processes or from its engine, and a CPU quota shows as throttling."""

import time

import pytest

from playbook.analyze import bottleneck
from playbook.monitor import resources

pytestmark = pytest.mark.docker


@pytest.fixture
def busy(engine, image):
    import docker

    loop = ["-c", "while true; do :; done"]
    one = docker.from_env().containers.run(image, loop, entrypoint="/bin/sh", nano_cpus=200_000_000, detach=True)
    yield one.id
    one.remove(force=True)


def test_a_throttled_container_is_seen_from_both_sides(busy):
    pid = resources.container_pid(busy)
    assert pid
    sides = [resources.ProcessTree("server", pid), resources.Container("server", busy)]
    begun, first = time.monotonic(), [side.sample() for side in sides]
    last, elapsed = first, 0.0
    while last[0].throttled_s - first[0].throttled_s < 0.6 and elapsed < 30:  # beside others it spends its quota slowly
        time.sleep(2.0)
        last, elapsed = [side.sample() for side in sides], time.monotonic() - begun
    for before, after in zip(first, last, strict=True):
        assert 0.02 < (after.cpu_s - before.cpu_s) / elapsed < 0.4
        assert after.throttled_s - before.throttled_s > 0.5
        assert after.rss_bytes > 0
    share = (last[0].throttled_s - first[0].throttled_s) / elapsed
    assert bottleneck.find(bottleneck.Evidence(throttled_share=share)).rule == "CPU throttled"


def test_a_container_that_is_gone_is_none():
    assert resources.Container("server", "no-such-container").sample() is None
