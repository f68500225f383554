r"""Reference accounting of a portfolio of long and short positions (semantics 9.6).

Weights are fractions of net asset value (NAV) and signed; cash is
``1 - sum(w)``, which exceeds 1 when there are shorts. Over one session

.. math::

    R = \sum_i w_i r_i + c\,r_{cash} - costs, \qquad
    w_i \leftarrow w_i (1 + r_i)/(1 + R), \qquad
    c \leftarrow (c (1 + r_{cash}) - costs)/(1 + R).

Dividing by ``1 + R`` and never by ``sum(w)`` is what keeps a short book short:
the sum of weights may be negative or zero, the NAV may not.

A decision of session t trades at its close and earns from t+1; its cost is
charged in the first session it earns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.errors import QuantError

FloatArray = npt.NDArray[np.float64]

BANKRUPT_NAV = 0.01
"""NAV at or below which the book is closed and stays in cash."""


@dataclass(frozen=True, slots=True)
class CostModel:
    """What trading and holding cost.

    Attributes
    ----------
    slippage, commission : float
        Fractions of traded notional, charged on every unit of ``|dw|``.
    short_borrow : float
        Fraction of short notional a year.
    ann : float
        Sessions a year of the return series (365 for 24x7, 252 for exchange sessions).
    cash_return : float
        Return of cash per session, as a fraction.
    """

    slippage: float = 0.0
    commission: float = 0.0
    short_borrow: float = 0.0
    ann: float = 365.0
    cash_return: float = 0.0

    @property
    def trade_rate(self) -> float:
        """Cost of one unit of traded notional."""
        return self.slippage + self.commission


@dataclass(frozen=True, slots=True)
class ExecutionRules:
    """What happens when a held asset has no price.

    Attributes
    ----------
    max_stale : int
        Sessions a position is held at its last price before it is forced out.
    exit_penalty : float
        Extra fraction of notional lost on a forced exit.
    """

    max_stale: int = 5
    exit_penalty: float = 0.05


@dataclass(eq=False)
class OrphanedWeightsError(QuantError):
    """Target weights for symbols that have no returns."""

    symbols: tuple[str, ...]
    date: pd.Timestamp

    def __str__(self) -> str:
        return (
            f"target weights of {self.date:%Y-%m-%d} name {', '.join(self.symbols)}, which the returns do not hold; "
            "simulate with the returns the weights were decided on"
        )


@dataclass(frozen=True)
class Simulation:
    """What the accounting gives.

    Attributes
    ----------
    daily : DataFrame of shape (n_sessions, 8)
        Index session; columns ret, gross_ret, cost, turnover, gross, net, nav, events.
    weights : DataFrame of shape (n_sessions, n_symbols)
        Drifted signed weights after each close.
    """

    daily: pd.DataFrame
    weights: pd.DataFrame


class _Book:
    """Mutable state of the simulated book: weights, cash, NAV, staleness."""

    def __init__(self, symbols: pd.Index, costs: CostModel, rules: ExecutionRules) -> None:
        self.symbols = symbols
        self.costs = costs
        self.rules = rules
        self.w: FloatArray = np.zeros(len(symbols))
        self.cash = 1.0
        self.nav = 1.0
        self.stale = np.zeros(len(symbols), dtype=np.int64)
        self.bankrupt = False

    def trade_to(self, target: FloatArray) -> tuple[float, float]:
        """Move to target weights; return (cost, one-way turnover) as fractions of NAV."""
        change = target - self.w
        new_cash = 1.0 - float(target.sum())
        turnover = 0.5 * (float(np.abs(change).sum()) + abs(new_cash - self.cash))
        self.w = target.copy()
        self.cash = new_cash
        self.stale[:] = 0
        return self.costs.trade_rate * float(np.abs(change).sum()), turnover

    def force_out(self, out: npt.NDArray[np.bool_]) -> tuple[float, float]:
        """Close positions at their last price; return (cost with penalty, one-way turnover)."""
        notional = float(np.abs(self.w[out]).sum())
        proceeds = float(self.w[out].sum())
        self.cash += proceeds
        self.w[out] = 0.0
        self.stale[out] = 0
        return notional * (self.costs.trade_rate + self.rules.exit_penalty), 0.5 * (notional + abs(proceeds))

    def earn(self, r: FloatArray, cost: float) -> tuple[float, float, float, npt.NDArray[np.bool_]]:
        """Apply one session; return (net return, gross return, all costs, positions closed at the short loss cap)."""
        capped = (self.w < 0.0) & (r >= 1.0)
        earned = np.where(capped, 1.0, r)
        cost += self.costs.short_borrow / self.costs.ann * float(-self.w[self.w < 0.0].sum())
        gross_ret = float(self.w @ earned) + self.cash * self.costs.cash_return
        net_ret = max(gross_ret - cost, -1.0)
        grown = self.w * (1.0 + earned)
        cash = self.cash * (1.0 + self.costs.cash_return) - cost + float(grown[capped].sum())
        grown[capped] = 0.0
        self.nav *= 1.0 + net_ret
        if self.nav <= BANKRUPT_NAV:
            self.bankrupt = True
            self.w[:] = 0.0
            self.cash = 1.0
        else:
            self.w = grown / (1.0 + net_ret)
            self.cash = cash / (1.0 + net_ret)
        return net_ret, gross_ret, cost, capped


def _targets_by_row(targets: Mapping[pd.Timestamp, pd.Series], returns: pd.DataFrame) -> dict[int, FloatArray]:
    """Dense target per row that first earns it; a decision earns from the next session on."""
    rows: dict[int, FloatArray] = {}
    for decided_on in sorted(targets):
        target = targets[decided_on]
        orphans = target.index[target.ne(0.0)].difference(returns.columns)
        if len(orphans):
            raise OrphanedWeightsError(tuple(sorted(map(str, orphans))), decided_on)
        row = int(returns.index.searchsorted(decided_on, side="right"))
        rows[row] = target.reindex(returns.columns, fill_value=0.0).to_numpy(dtype=np.float64)
    return rows


def simulate(
    targets: Mapping[pd.Timestamp, pd.Series],
    returns: pd.DataFrame,
    *,
    breaks: pd.DataFrame | None = None,
    costs: CostModel | None = None,
    rules: ExecutionRules | None = None,
) -> Simulation:
    """Simulate target weights on holding returns.

    Parameters
    ----------
    targets : mapping of decision date to Series of signed weights by symbol
        Fractions of NAV; a symbol left out is closed. Traded at the close of the
        decision date, earning from the next row of ``returns``.
    returns : DataFrame of shape (n_sessions, n_symbols)
        Holding returns (see `quant_lib.backtest.holding_returns`): return since
        the last good close, NaN where the session has no good bar.
    breaks : DataFrame of bool, same shape, optional
        True where a symbol's bar begins another return series: a position in the
        old one is forced out at its last price, the two are never stitched.
    costs : CostModel, optional
        Defaults to no cost.
    rules : ExecutionRules, optional
        Handling of missing prices.

    Returns
    -------
    Simulation
        Daily accounting from the first session after the first decision.

    Raises
    ------
    OrphanedWeightsError
        If a target names a symbol without a column.
    """
    book = _Book(returns.columns, costs or CostModel(), rules or ExecutionRules())
    by_row = _targets_by_row(targets, returns)
    first = min(by_row, default=len(returns))
    values = returns.to_numpy(dtype=np.float64)
    broken = np.zeros(values.shape, dtype=bool) if breaks is None else breaks.to_numpy(dtype=bool)
    records, weights = [], []
    for row in range(first, len(returns)):
        records.append(_session(book, values[row], broken[row], by_row.get(row)))
        weights.append(book.w.copy())
    index = returns.index[first:]
    daily = pd.DataFrame(
        records, index=index, columns=["ret", "gross_ret", "cost", "turnover", "gross", "net", "nav", "events"]
    )
    held = np.vstack(weights) if weights else np.empty((0, len(returns.columns)))
    return Simulation(daily, pd.DataFrame(held, index=index, columns=returns.columns))


def _session(
    book: _Book, r: FloatArray, broken: npt.NDArray[np.bool_], target: FloatArray | None
) -> tuple[float, float, float, float, float, float, float, str]:
    """One session: rebalance, force out what ended, earn, record."""
    cost = turnover = 0.0
    events: list[str] = []
    if target is not None and not book.bankrupt:
        cost, turnover = book.trade_to(target)
    missing = np.isnan(r)
    book.stale = np.where(missing & (book.w != 0.0), book.stale + 1, 0)
    out = (book.w != 0.0) & (broken | (book.stale > book.rules.max_stale))
    if out.any():
        events += [
            f"{'series_break' if broken[i] else 'forced_exit'}:{book.symbols[int(i)]}" for i in np.flatnonzero(out)
        ]
        exit_cost, exit_turnover = book.force_out(out)
        cost, turnover = cost + exit_cost, turnover + exit_turnover
    net_ret, gross_ret, cost, capped = book.earn(np.where(missing, 0.0, r), cost)
    events += [f"short_loss_cap:{book.symbols[int(i)]}" for i in np.flatnonzero(capped)]
    if book.bankrupt and net_ret != 0.0:
        events.append("bankrupt")
    gross, net = float(np.abs(book.w).sum()), float(book.w.sum())
    return net_ret, gross_ret, cost, turnover, gross, net, book.nav, ",".join(events)
