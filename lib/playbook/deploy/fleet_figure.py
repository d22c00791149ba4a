"""The figure of a simulated day: demand against capacity, pods, and the share answered inside the limit."""

from __future__ import annotations

from typing import Any

import numpy as np

from playbook.deploy.fleet import Day, Pods
from playbook.drawing.canvas import Picture

_BIN_S = 60


def day(simulated: Day, pods: Pods, title: str) -> Picture:
    """Three panels over a day, a point a minute: mean demand, fewest ready and most wanted pods, the worst second."""

    def draw(figure: Any, colours: dict[str, Any]) -> None:
        hours = np.arange(len(_minutes(simulated.offered, np.mean))) * _BIN_S / 3600
        rate, count, share = figure.subplots(3, 1, sharex=True, height_ratios=[2, 1, 1])
        blue, orange, green = colours["series"][:3]
        rate.plot(hours, _minutes(simulated.offered, np.mean), color=blue, label="offered")
        rate.plot(
            hours, _minutes(simulated.ready, np.min) * pods.slo_rps, color=orange, label="ready pods × measured rate"
        )
        rate.set(ylabel="requests/s", title=title)
        rate.set_ylim(bottom=0)
        rate.legend()
        count.step(hours, _minutes(simulated.wanted, np.max), where="post", color=colours["muted"], label="wanted")
        count.step(hours, _minutes(simulated.ready, np.min), where="post", color=orange, label="ready")
        count.set(ylabel="pods")
        count.set_ylim(bottom=0)
        count.legend()
        share.plot(hours, 100 * _minutes(simulated.attained, np.min), color=green)
        share.set(ylabel="in SLO (%)", xlabel="hour", ylim=(-2, 102))

    figures = simulated.offered.max(), simulated.ready.min(), simulated.ready.max(), simulated.attained.min()
    alt = "{}: demand up to {:,.0f} requests/s, {:.0f} to {:.0f} pods, worst second {:.0%} inside the limit.".format(
        title, *figures
    )
    return Picture(draw, alt, size_in=(8.0, 6.0))


def _minutes(values: np.ndarray, how: Any) -> np.ndarray:
    whole = len(values) // _BIN_S * _BIN_S
    return how(values[:whole].reshape(-1, _BIN_S), axis=1) if whole else values
