"""The governor between a policy and a server: when a wish becomes a change, and when a change is taken back.

No clock and no server in here: it is told the time and what was seen in a window, and answers what to do. So its
hysteresis, its cool-down and its rollback can be tried in a simulation of hours within milliseconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

from playbook.adapt.policies import Policy
from playbook.monitor.sensor import SensorWindow
from playbook.promise import Promise
from playbook.tfserving.config import Config


@dataclass(frozen=True)
class Rules:
    """How careful the governor is. Times in seconds, windows are those it is told of."""

    confirm: int = 2  # windows in a row that must wish the same direction
    cool_down_s: float = 10.0  # after a change
    settle: int = 1  # windows after a change before its effect is judged
    worse: float = 1.3  # p99 above this factor of before is worse
    distrust_s: float = 60.0  # how long a configuration that was taken back is not tried again
    swings: int = 3  # changes back and forth after which the governor stays for distrust_s


@dataclass(frozen=True)
class Decision:
    """What to do now. `effect` tells of the change before it, once it can be judged."""

    action: str  # stay, change, back
    config: Config
    why: str
    effect: str | None = None


@dataclass
class Governor:
    """Turns wishes into few, bounded, verified changes."""

    policy: Policy
    promise: Promise
    rules: Rules = field(default_factory=Rules)
    wished: deque = field(default_factory=deque)
    changes: deque = field(default_factory=lambda: deque(maxlen=8))  # (time, from, to)
    distrusted: dict = field(default_factory=dict)  # configuration: until when
    pending: tuple | None = None  # (before, window before, windows since)
    quiet_until: float = 0.0

    def decide(self, now_s: float, window: SensorWindow, config: Config) -> Decision:
        """What to do after a window, the server being in `config`."""
        effect = None
        if self.pending:
            judged = self._judge(now_s, window, config)
            if judged and judged.action == "back":
                return judged
            effect = judged.effect if judged else None
        wish = self.policy(window, config)
        reason = self._refusal(now_s, wish.config, config)
        if reason:
            return Decision("stay", config, reason if wish.config != config else wish.why, effect)
        self.wished.clear()
        self.pending = (config, window, 0)
        self.changes.append((now_s, config, wish.config))
        self.quiet_until = now_s + self.rules.cool_down_s
        return Decision("change", wish.config, wish.why, effect)

    def _judge(self, now_s: float, window: SensorWindow, config: Config) -> Decision | None:
        """The effect of the last change, when enough windows have passed since; worse ones are taken back."""
        if self.pending is None:
            return None
        before, old, windows = self.pending
        if windows < self.rules.settle:
            self.pending = (before, old, windows + 1)
            return None
        self.pending = None
        effect = _effect(old, window)
        if not self._worse(old, window):
            return Decision("stay", config, "", effect)
        self.distrusted[config] = now_s + self.rules.distrust_s
        self.quiet_until = now_s + self.rules.cool_down_s
        self.changes.append((now_s, config, before))
        self.wished.clear()
        return Decision("back", before, f"worse than before: {effect}", effect)

    def _worse(self, old: SensorWindow, window: SensorWindow) -> bool:
        """Worse: errors, or a higher p99 outside the limit, that a higher rate does not explain."""
        if window.error_share > max(self.promise.max_error_share, old.error_share):
            return True
        if window.p99_ms is None or old.p99_ms is None or window.p99_ms <= self.promise.p99_limit_ms:
            return False
        return window.p99_ms > self.rules.worse * old.p99_ms and window.rate_rps <= 1.1 * old.rate_rps

    def _refusal(self, now_s: float, wish: Config, config: Config) -> str | None:
        """Why a wish is not followed now; None when it is."""
        direction = _direction(config, wish)
        self.wished.append(direction)
        while len(self.wished) > self.rules.confirm:
            self.wished.popleft()
        if direction == 0 and wish == config:
            return "no change wished"
        if now_s < self.quiet_until:
            return f"cooling down for {self.quiet_until - now_s:.0f} s"
        if self.pending:
            return "the effect of the last change is not known yet"
        if self.distrusted.get(wish, 0.0) > now_s:
            return "this configuration was taken back a short while ago"
        if len(self.wished) < self.rules.confirm or len(set(self.wished)) > 1:
            return f"not yet wished {self.rules.confirm} times in a row"
        if self._swings(now_s) >= self.rules.swings:
            self.quiet_until = now_s + self.rules.distrust_s
            return f"it swings back and forth: staying for {self.rules.distrust_s:g} s"
        return None

    def _swings(self, now_s: float) -> int:
        """How often the direction turned in the recent changes."""
        recent = [_direction(a, b) for at, a, b in self.changes if now_s - at < 2 * self.rules.distrust_s]
        return sum(one * other < 0 for one, other in pairwise(recent))


def _direction(one: Config, other: Config) -> int:
    """Whether the second batches more (1), less (-1) or as much (0): by size, then by waiting time."""
    key = lambda c: (c.effective("max_batch_size") if c.enable_batching else 1, c.batch_timeout_micros)  # noqa: E731
    return (key(other) > key(one)) - (key(other) < key(one))


def _effect(old: SensorWindow, window: SensorWindow) -> str:
    tell = lambda w: f"{w.rate_rps:,.0f}/s, p99 {'–' if w.p99_ms is None else f'{w.p99_ms:.1f} ms'}"  # noqa: E731
    rows = f", {window.batch_rows:.1f} rows a batch" if window.batch_rows else ""
    return f"{tell(old)} → {tell(window)}{rows}"
