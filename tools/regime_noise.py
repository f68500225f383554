"""Share of days each regime label takes on noise, where there is nothing to find: `python -m tools.regime_noise`.

Independent normal and Student t(4) returns, seeded, every day read as the daily chain would read it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd

from quant_lib.regime import RegimeRules, regimes_over

SESSIONS, HISTORY, SPREAD = 900, 252, 0.03
NOISE: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "normal": lambda rng: rng.normal(0.0, SPREAD, SESSIONS),
    "student_t4": lambda rng: SPREAD * rng.standard_t(4, SESSIONS) / np.sqrt(2.0),
}


def labels(kind: str, seed: int) -> Counter[str]:
    """Days of each label on one series of noise."""
    returns = np.clip(NOISE[kind](np.random.default_rng([11, seed])), -0.9, None)
    dated = pd.Series(returns, index=pd.bdate_range("2018-01-01", periods=SESSIONS))
    readings = regimes_over(dated, RegimeRules(history=HISTORY)).values()
    return Counter(str(reading.regime.label) for reading in readings if reading.regime.known)


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=7, help="series of each kind")
    chosen = parser.parse_args()
    for kind in NOISE:
        each = [labels(kind, seed) for seed in range(chosen.series)]
        total = sum(each, Counter[str]())
        shares = ", ".join(f"{name} {n / total.total():.2%}" for name, n in sorted(total.items()))
        most = max(one["CRISIS"] / one.total() for one in each)
        print(f"{kind}: {total.total()} days: {shares}; CRISIS in one series at most {most:.2%}")  # noqa: T201


if __name__ == "__main__":
    main()
