"""The directional sign test as two gates of every sleeve: before capital is divided, and after (semantics 10.8)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from quant_assets import keys
from quant_assets.checks.factory import Contract
from quant_lib.contracts.verdicts import Verdict, require
from quant_resources.config import SleeveConfig

if TYPE_CHECKING:
    import pandas as pd

    from quant_resources.lakehouse import Lake


NAME = "sign_test"


def sign_contracts(sleeve: SleeveConfig) -> list[Contract]:
    """Both gates. They stop the chain whatever ``strict`` says: a short that is long is not a matter of strictness."""

    def before(lake: Lake, date: dt.date) -> Verdict:
        return judge_signs(lake, sleeve, date)

    def after(lake: Lake, date: dt.date) -> Verdict:
        return judge_signs(lake, sleeve, date, flattened=True)

    streams, weights = (keys.sleeve_key(sleeve.name, step) for step in ("strategy_returns", "weights"))
    return [
        Contract(streams, NAME, "Every stream is the bet its atom says; every winner has its atom.", before),
        Contract(weights, NAME, "Every position of every allocation has the side of its atoms.", after),
    ]


def judge_signs(lake: Lake, sleeve: SleeveConfig, date: dt.date, *, flattened: bool = False) -> Verdict:
    """Run the sign test on what is stored; all cash passes only where nobody was recruited."""
    from quant_assets.alpha.reading import wide_returns
    from quant_lib.synthesis import sign_test

    def rows(table: str) -> pd.DataFrame:
        return lake.decision(table, sleeve.name, date)

    selection, atoms = rows("selection"), rows("atoms")
    winners = set(selection.loc[selection["selected"].astype(bool), "symbol"])
    held = {name: _own(rows(name)) for name in ("weights", "positions")} if flattened else {}
    if not winners and atoms.empty and not any(len(frame) for frame in held.values()):
        return require(True, "nothing recruited: all cash, no sign to test", {"atoms": 0})
    found = sign_test(
        wide_returns(rows("strategy_returns"), "atom_id"),
        wide_returns(rows("returns_matrix"), "symbol"),
        atoms,
        direction=sleeve.direction,
        winners=winners,
        run_id=f"{sleeve.name}/{date}",
        **held,
    )
    return require(
        found.passed,
        f"directional sign test: {found.errors} errors, {found.warnings} warnings, "
        f"{found.n_atoms_checked} atoms over {found.n_rows_checked} sessions",
        {"atoms": found.n_atoms_checked, "sign_errors": found.errors, "sign_warnings": found.warnings},
        found.to_frame(),
    )


def _own(rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out the market baseline, which holds the benchmark and none of the sleeve's atoms."""
    return rows[rows["risk_profile"] != "market"]
