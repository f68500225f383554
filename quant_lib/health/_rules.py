"""Thresholds of the health rules, with the reason for each default."""

from __future__ import annotations

import math
from dataclasses import dataclass

from quant_lib.health._errors import InvalidRuleError


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRules:
    """Thresholds by which bars are judged. Windows and gaps count sessions, limits are fractions.

    Parameters
    ----------
    large_return : float, default 1.0
        A daily return with |r| above it is reported; the bar stays in use (semantics 4.1).
    quarantine_return : float, default 5.0
        A daily return with |r| above it condemns a bar: no return touches it, its row stays stored.
    crash_return : float, default -0.99
        A daily return below it makes the symbol toxic. The bar is *not* quarantined: a loss of
        99 % is as a rule real, and removing it would flatter every backtest that held it.
    toxic_window : int, default 120
        Sessions, the judged one included, for which a quarantined bar or a crash makes the symbol
        toxic: the longest window of the selection features (semantics 5.1). Later it has expired.
    volume_spike_z : float, default 10.0
        z-score of a bar's volume against the trailing window above which it is reported.
    volume_window : int, default 20
        Bars before the judged one that make mean and standard deviation (ddof 1) of the z-score.
    volume_flat_multiple : float, default 2.0
        Used where that standard deviation is 0: volume above this multiple of the mean is a spike.
    volume_toxic_window : int, default 1
        Sessions for which a volume spike makes the symbol toxic (semantics 2.5 judges the last bar); 0: never.
    stall_bars : int, default 4
        Identical closes in consecutive sessions that make a stall.
    max_lag : int, default 0
        Expected sessions the newest bar may lag behind before the symbol is stale.
    max_lag_exchange : int, default 1
        The same for markets that close: a vendor may publish a session after its day has ended (semantics 2.8).
    gap_tolerance : int, default 0
        Missing sessions in a row that are reported but do not make the symbol gappy.
    gap_window : int, default 365
        Sessions, the judged one included, within which a gap makes the symbol gappy.
    max_missing : float, default 0.1
        Share of missing sessions above which the symbol is sparse (semantics 4.3).
    sparse_window : int, default 365
        Sessions, the judged one included, over which that share is taken.
    dark_sessions : int, default 14
        Missing sessions in a row from which what comes back is another series, whatever its price.
    jump_ratio : float, default 3.0
        Price ratio across missing sessions, up or down, below which they never break the series.
    jump_sigmas : float, default 6.0
        Volatilities, scaled by the square root of the sessions passed, that such a ratio must also exceed.
    sigma_window : int, default 60
        Bars before the missing sessions from which volatility is taken.
    sigma_min_bars : int, default 20
        With fewer daily returns than these `jump_ratio` alone decides.
    print_bars : int, default 3
        Longest run of bars that is taken for bad prints if the price then returns. A longer one is
        a new price level, hence another series.
    split_tolerance : float, default 0.03
        On exchanges: |log| by which an open may differ from a whole split of the close before it, or
        one daily volatility where that is more.
    split_sigmas : float, default 8.0
        Volatilities an overnight move must exceed to be taken for a split.
    split_turnover : float, default 3.0
        Multiple of the trailing mean turnover above which it is no split: a split trades like any other
        day, a crash does not.

    Raises
    ------
    InvalidRuleError
        A threshold outside its range.
    """

    large_return: float = 1.0
    quarantine_return: float = 5.0
    crash_return: float = -0.99
    toxic_window: int = 120
    volume_spike_z: float = 10.0
    volume_window: int = 20
    volume_flat_multiple: float = 2.0
    volume_toxic_window: int = 1
    stall_bars: int = 4
    max_lag: int = 0
    max_lag_exchange: int = 1
    gap_tolerance: int = 0
    gap_window: int = 365
    max_missing: float = 0.1
    sparse_window: int = 365
    dark_sessions: int = 14
    jump_ratio: float = 3.0
    jump_sigmas: float = 6.0
    sigma_window: int = 60
    sigma_min_bars: int = 20
    print_bars: int = 3
    split_tolerance: float = 0.03
    split_sigmas: float = 8.0
    split_turnover: float = 3.0

    def lag(self, *, always_open: bool) -> int:
        """Sessions the newest bar may lag behind on a market that never closes, or on one that does."""
        return self.max_lag if always_open else max(self.max_lag, self.max_lag_exchange)

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= least):
                raise InvalidRuleError(name, value, f"a finite number >= {least:g}")
        if not self.quarantine_return >= self.large_return:
            raise InvalidRuleError("quarantine_return", self.quarantine_return, "at least large_return")
        if not -1.0 <= self.crash_return < 0.0:
            raise InvalidRuleError("crash_return", self.crash_return, "in [-1, 0)")
        if not self.jump_ratio < 1.0 + self.quarantine_return:
            raise InvalidRuleError("jump_ratio", self.jump_ratio, "below 1 + quarantine_return")
        if not self.max_missing < 1.0:
            raise InvalidRuleError("max_missing", self.max_missing, "below 1")


_LEAST: dict[str, float] = {
    "large_return": 0.0,
    "quarantine_return": 1.0,
    "toxic_window": 1,
    "volume_spike_z": 0.0,
    "volume_window": 2,
    "volume_flat_multiple": 1.0,
    "volume_toxic_window": 0,
    "stall_bars": 2,
    "max_lag": 0,
    "max_lag_exchange": 0,
    "gap_tolerance": 0,
    "gap_window": 1,
    "max_missing": 0.0,
    "sparse_window": 1,
    "dark_sessions": 1,
    "jump_ratio": 1.0,
    "jump_sigmas": 0.0,
    "sigma_window": 2,
    "sigma_min_bars": 2,
    "print_bars": 1,
    "split_tolerance": 0.0,
    "split_sigmas": 0.0,
    "split_turnover": 0.0,
}
