"""What if: the fitted simulator behind sliders in the lab, and its still picture in the record. All of it predicted."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from playbook.drawing import vector
from playbook.drawing.canvas import Picture
from playbook.drawing.figures import draw_limit, log_latency
from playbook.tfserving.config import Config
from playbook.tune import fit
from playbook.tune.plan import Tuned
from playbook.tune.request_path import RequestPath

SHARES = (0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 0.97)  # of a configuration's rate, for its curve
REQUESTS = 2000  # simulated for one point of it
MOST_REFUSED = 0.001  # of a promise that says nothing else
SLIDERS_WIDE = "30em"
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Predicted:
    """What the simulator says of a configuration, in requests/s and ms."""

    inside_rps: float  # the highest of the simulated rates whose p99 is inside the limit
    most_rps: float  # what it answers flat out; beyond it a queue grows for as long as the load lasts
    p99_ms: float  # at the rate asked for
    refused_share: float  # there
    curve: Sequence[tuple[float, float]]  # rate and p99


def predict(path: RequestPath, config: Config, limit_ms: float, rate_rps: float = 0.0) -> Predicted:
    """Ask the simulator.

    Args:
        path: Costs of the server, as fitted.
        config: The configuration.
        limit_ms: The limit of the p99.
        rate_rps: The rate at which the p99 is told; 0 tells it at the highest one inside the limit.
    """
    curve = _curve(path, config)
    inside, most = max((rate for rate, p99_ms in curve if p99_ms <= limit_ms), default=0.0), curve[-1][0] / SHARES[-1]
    if not (told_at := rate_rps or inside):
        return Predicted(inside, most, math.inf, 0.0, curve)
    seen = fit.at_rate(path, config, told_at, REQUESTS, seed=1)
    return Predicted(inside, most, seen.percentile(99), seen.error_share, curve)


@functools.lru_cache(maxsize=256)
def _curve(path: RequestPath, config: Config) -> tuple[tuple[float, float], ...]:
    most = fit.simulate(path, config, concurrency=256, requests=REQUESTS).throughput_rps
    return tuple((share * most, _p99_ms(path, config, share * most)) for share in SHARES)


def _p99_ms(path: RequestPath, config: Config, rate_rps: float) -> float:
    return fit.at_rate(path, config, rate_rps, REQUESTS, seed=1).percentile(99)


@dataclass(frozen=True)
class WhatIf:
    """Sliders over the fitted simulator in JupyterLab; elsewhere the picture of the default flags and the winner."""

    path: RequestPath | None
    default: Config
    best: Config
    limit_ms: float

    def picture(self, config: Config | None = None, limit_ms: float | None = None) -> Picture:
        """p99 over rate as predicted: the default flags, and `config` (the winner when left out)."""
        limit, path = limit_ms or self.limit_ms, self.path
        chosen = {"default flags": self.default, "tuned" if config is None else "what if": config or self.best}
        curves = {name: predict(path, one, limit) for name, one in chosen.items()} if path else {}

        def draw(figure: Any, colours: Mapping[str, Any]) -> None:
            axes = figure.add_subplot()
            _draw_curves(axes, curves, limit, colours)

        words = "; ".join(f"{name} up to {told.inside_rps:,.0f}/s inside the limit" for name, told in curves.items())
        return Picture(draw, f"Predicted p99 over rate, limit {limit:g} ms: {words or 'no simulator was fitted'}.")

    def sliders(self) -> Any:
        """The controls and what they predict."""
        import ipywidgets

        controls = _controls(ipywidgets, self)
        out = ipywidgets.HTML()

        def show(_: Any = None) -> None:
            out.value = self.told(**{name: control.value for name, control in controls.items()})

        for control in controls.values():
            control.observe(show, names="value")
        show()
        # A flex box would squeeze the sliders for the figure's sake, until their values are not to be seen.
        fixed = ipywidgets.Layout(width=SLIDERS_WIDE, flex="0 0 auto")
        wrapped = ipywidgets.Layout(flex_flow="row wrap")
        return ipywidgets.HBox([ipywidgets.VBox(list(controls.values()), layout=fixed), out], layout=wrapped)

    def told(self, limit_ms: float, rate_rps: float, batch: int, timeout: int, threads: int) -> str:
        """The prediction for these settings as HTML, marked as one; `batch` 1 is batching off."""
        config = Config(protocol=self.best.protocol, rest_api_num_threads=self.best.rest_api_num_threads)
        if batch > 1:
            config = replace(
                config,
                enable_batching=True,
                max_batch_size=batch,
                batch_timeout_micros=timeout,
                num_batch_threads=threads,
                max_enqueued_batches=self.best.max_enqueued_batches,
            )
        if not self.path or (batch > 1 and self.path.rows > batch):
            return "No prediction: no simulator was fitted, or a request has more rows than a batch."
        seen = predict(self.path, config, limit_ms, rate_rps)
        most = f"up to <b>{seen.inside_rps:,.0f}/s</b> inside {limit_ms:g} ms"
        said = f"predicted, not measured: {_at_the_rate(seen, limit_ms, rate_rps)}; {most}"
        return f"{said}<br>{self.picture(config, limit_ms).svg()}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return dict(self.picture()._repr_mimebundle_())

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.sliders() if vector.in_lab() and self.path else self.picture())


def _at_the_rate(seen: Predicted, limit_ms: float, rate_rps: float) -> str:
    if rate_rps > SHARES[-1] * seen.most_rps:
        return f"{rate_rps:,.0f}/s is more than it carries ({seen.most_rps:,.0f}/s), so the queue grows without end"
    if seen.refused_share > MOST_REFUSED:
        return f"{seen.refused_share:.1%} of {rate_rps:,.0f}/s are refused, the queue being full"
    side = "inside" if seen.p99_ms <= limit_ms else "beyond"
    return f"p99 <b>{seen.p99_ms:.3g} ms</b> at {rate_rps:,.0f}/s, {side} the limit"


def what_if(tuned: Tuned) -> WhatIf:
    """The what-if of one tuned point."""
    best = tuned.best.config if tuned.searched.trials else tuned.plan.base
    fitted = tuned.fits.get(best.protocol)
    return WhatIf(fitted.path if fitted else None, tuned.plan.base, best, tuned.plan.objective.promise.p99_limit_ms)


def _controls(ipywidgets: Any, asked: WhatIf) -> dict[str, Any]:
    late = {"continuous_update": False, "style": {"description_width": "12em"}, "layout": {"width": "auto"}}
    highest = predict(asked.path, asked.best, asked.limit_ms).inside_rps if asked.path else 0.0
    top = max(10.0, 2 * highest)
    batch = asked.best.max_batch_size or 32
    return {
        "limit_ms": ipywidgets.FloatLogSlider(asked.limit_ms, min=-1, max=3.5, description="p99 limit (ms)", **late),
        "rate_rps": ipywidgets.FloatSlider(
            0.35 * top, min=1, max=top, description="rate (requests/s)", readout_format=",.0f", **late
        ),
        "batch": ipywidgets.SelectionSlider(
            options=sorted({*BATCHES, batch}), value=batch, description="max_batch_size", **late
        ),
        "timeout": ipywidgets.IntSlider(
            asked.best.batch_timeout_micros, min=0, max=20_000, step=100, description="batch_timeout_micros", **late
        ),
        "threads": ipywidgets.IntSlider(
            asked.best.num_batch_threads or 1, min=1, max=16, description="num_batch_threads", **late
        ),
    }


def _draw_curves(axes: Any, curves: Mapping[str, Predicted], limit_ms: float, colours: Mapping[str, Any]) -> None:
    import seaborn

    told = [(name, *point) for name, seen in curves.items() for point in seen.curve if np.isfinite(point[1])]
    if told:
        names, rates, p99s = (list(column) for column in zip(*told, strict=True))
        palette = list(colours["series"][: len(curves)])
        series = {"which": names, "rate": rates, "p99": p99s}
        seaborn.lineplot(series, x="rate", y="p99", hue="which", style="which", markers=True, palette=palette, ax=axes)
        axes.legend(title="predicted")
        log_latency(axes, [limit_ms, *p99s], "y")
    else:
        axes.text(0.5, 0.5, "no simulator was fitted", transform=axes.transAxes, ha="center")
    draw_limit(axes, limit_ms, colours)
    axes.set(xlabel="rate (requests/s)", ylabel="predicted p99 (ms)")
    axes.set_xlim(0, None)
