"""Contracts of a sleeve's chain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from quant_assets import keys
from quant_assets.checks.factory import Contract
from quant_assets.checks.signs import sign_contracts
from quant_assets.ratings import screened_rating
from quant_assets.sleeve_rules import sleeve_calendar, sleeve_rules
from quant_lib.contracts import (
    ALLOCATIONS,
    ATOMS,
    BACKTEST_METRICS,
    BACKTEST_RETURNS,
    BACKTEST_WEIGHTS,
    BACKTEST_WINDOWS,
    CANDIDATE_SIGNALS,
    CANDIDATES,
    FOUNDATION,
    POSITIONS,
    RETURNS_MATRIX,
    SELECTION,
    STRATEGY_RETURNS,
    STREAM_TAILS,
    WEIGHTS,
    TableSpec,
)
from quant_lib.contracts import _sleeve_contracts as rules
from quant_lib.contracts.verdicts import Verdict, all_of, judge_schema, require
from quant_resources.config import Project, SleeveConfig
from quant_resources.lakehouse import TableMissingError

if TYPE_CHECKING:
    import pandas as pd

    from quant_resources.lakehouse import Lake


_WHAT = {
    "candidates": "Schema, direction and rating sign; no scanner failed; every drop is told; a candidate is left.",
    "foundation": "Every shared table is pinned, verified, and reaches the date; candidates ⊆ bars ⊆ features.",
    "regime": "Schema; every figure is the same when later bars become noise; an unknown regime is a warning.",
    "returns_matrix": "Layer L0: complete, finite, unique, |r| ≤ 5, nothing after the date.",
    "selection": "Layer L2; no recruited row carries a hard veto; the cap holds.",
    "strategy_returns": "Layer L3: streams and the atoms behind them.",
    "weights": "Layer L4: conservation, caps, signs of sizes.",
    "backtest": "Accounting adds up; windows neither overlap nor look ahead; a year and a half at least, or a warning.",
    "report": "Artifacts are whole and the page loads nothing.",
}


class SleeveContracts:
    """Judges of one sleeve; each reads what is stored for a date."""

    def __init__(self, project: Project, sleeve: SleeveConfig, artifacts_root: str) -> None:
        self.project, self.sleeve, self.artifacts_root = project, sleeve, artifacts_root

    def contracts(self) -> list[Contract]:
        """One contract per step."""
        judges: dict[str, Callable[[Lake, dt.date], Verdict]] = {
            step: getattr(self, step) for step in keys.SLEEVE_STEPS
        }
        own = [
            Contract(keys.sleeve_key(self.sleeve.name, step), "contract", _WHAT[step], judge, self.sleeve.strict)
            for step, judge in judges.items()
        ]
        return [*own, *sign_contracts(self.sleeve)]

    def _rows(self, lake: Lake, spec: TableSpec, date: dt.date) -> pd.DataFrame:
        return lake.decision(spec.name, self.sleeve.name, date)

    def candidates(self, lake: Lake, date: dt.date) -> Verdict:
        """Judge the candidates and their funnel."""
        rows = self._rows(lake, CANDIDATES, date)
        funnel = lake.decision("candidate_funnel", self.sleeve.name, date)
        drops = lake.decision("candidate_drops", self.sleeve.name, date)
        signals, typed = self._later(lake, CANDIDATE_SIGNALS, date, "candidates")
        return all_of(
            judge_schema(CANDIDATES, rows),
            rules.candidates_agree_with(self.sleeve.direction, rows, screened_rating(self.project, self.sleeve)),
            typed,
            *([] if signals is None else [rules.signals_say_why(signals)]),
            rules.funnel_is_complete(funnel, drops, rows),
            rules.scanners_are_sound(
                lake.decision("candidate_scanners", self.sleeve.name, date), strict=self.sleeve.strict
            ),
        )

    def _later(self, lake: Lake, spec: TableSpec, date: dt.date, step: str) -> tuple[pd.DataFrame | None, Verdict]:
        """Rows of a table that earlier releases did not write, and what is wrong where there are none."""
        name = self.sleeve.name
        try:
            rows = self._rows(lake, spec, date)
        except TableMissingError:
            made = f"an earlier release made the {step} of {name} on {date}; materialise {name}/{step} of it again"
            return None, require(False, f"{spec.name} is not recorded: {made}")
        return rows, judge_schema(spec, rows)

    def foundation(self, lake: Lake, date: dt.date) -> Verdict:
        """Judge pins and the reconciliation of what is pinned."""
        import pandas as pd

        pins = self._rows(lake, FOUNDATION, date)
        day = pd.Timestamp(date)
        behind = pins[pins["newest_date"] != day]
        version = pins.set_index("table_name")["version"]
        bars = set(lake.read("ohlcv", version=int(version["ohlcv"]), date=date, columns=["symbol"])["symbol"])
        features = set(lake.read("features", version=int(version["features"]), date=date, columns=["symbol"])["symbol"])
        candidates = set(self._rows(lake, CANDIDATES, date)["symbol"])
        lost = sorted((candidates - bars) | (features - bars) | (candidates - features))
        return all_of(
            judge_schema(FOUNDATION, pins),
            require(
                behind.empty,
                f"{len(behind)} of {len(pins)} pinned tables do not reach {date}",
                {"pinned": len(pins)},
                behind[["table_name", "version", "newest_date"]],
            ),
            require(
                not lost,
                f"{len(lost)} symbols break candidates ⊆ bars ⊆ features",
                {"candidates": len(candidates), "bars": len(bars), "features": len(features)},
                pd.DataFrame({"symbol": lost}),
            ),
        )

    def regime(self, lake: Lake, date: dt.date) -> Verdict:
        """Judge the market regime."""
        from quant_assets.checks.regime import judge_regime

        return judge_regime(lake, self.project, self.sleeve, date)

    def returns_matrix(self, lake: Lake, date: dt.date) -> Verdict:
        """Judge layer L0."""
        import pandas as pd

        rows = self._rows(lake, RETURNS_MATRIX, date)
        return all_of(judge_schema(RETURNS_MATRIX, rows), rules.returns_are_sound(rows, pd.Timestamp(date)))

    def selection(self, lake: Lake, date: dt.date) -> Verdict:
        """Judge layer L2 and the vetoes; a sparse selection is a warning, not a failure."""
        rows = self._rows(lake, SELECTION, date)
        verdict = all_of(judge_schema(SELECTION, rows), rules.vetoes_hold(rows, self.sleeve.selection.max_winners))
        sparse = int(rows["selected"].sum()) < self.sleeve.selection.min_winners
        return Verdict(verdict.passed, verdict.message, verdict.figures, verdict.failing, warning=sparse)

    def strategy_returns(self, lake: Lake, date: dt.date) -> Verdict:
        """Judge layer L3."""
        rows, atoms = self._rows(lake, STRATEGY_RETURNS, date), self._rows(lake, ATOMS, date)
        tails, typed = self._later(lake, STREAM_TAILS, date, "strategy_returns")
        unmeasured = [] if tails is None else sorted(set(atoms["atom_id"]) ^ set(tails["atom_id"]))
        return all_of(
            judge_schema(STRATEGY_RETURNS, rows),
            judge_schema(ATOMS, atoms),
            typed,
            require(not unmeasured, f"{len(unmeasured)} atoms without tails, or tails without an atom", {}),
        )

    def weights(self, lake: Lake, date: dt.date) -> Verdict:
        """Judge layer L4."""
        weights, positions = self._rows(lake, WEIGHTS, date), self._rows(lake, POSITIONS, date)
        allocations = self._rows(lake, ALLOCATIONS, date)
        expected = len(sleeve_rules(self.project, self.sleeve).requests)
        return all_of(
            judge_schema(WEIGHTS, weights),
            judge_schema(POSITIONS, positions),
            judge_schema(ALLOCATIONS, allocations),
            require(
                len(allocations) == expected,
                f"{len(allocations)} of {expected} allocations are there",
                {"expected": expected},
            ),
            rules.weights_are_conserved(allocations, weights, positions),
            rules.caps_hold(allocations, weights),
            rules.net_is_kept(allocations, self.sleeve.risk.net_target, self.sleeve.risk.gross_target),
            rules.market_holds_the_benchmark(positions, self.sleeve.benchmark),
        )

    def backtest(self, lake: Lake, date: dt.date) -> Verdict:
        """Judge the accounting of the walk-forward."""
        windows, returns = self._rows(lake, BACKTEST_WINDOWS, date), self._rows(lake, BACKTEST_RETURNS, date)
        verdict = all_of(
            judge_schema(BACKTEST_WINDOWS, windows),
            judge_schema(BACKTEST_RETURNS, returns),
            judge_schema(BACKTEST_WEIGHTS, self._rows(lake, BACKTEST_WEIGHTS, date)),
            judge_schema(BACKTEST_METRICS, self._rows(lake, BACKTEST_METRICS, date)),
            rules.accounting_adds_up(windows, returns, sleeve_calendar(self.project, self.sleeve)),
        )
        short = returns["bar_date"].nunique() < 540
        return Verdict(verdict.passed, verdict.message, verdict.figures, verdict.failing, warning=short)

    def report(self, lake: Lake, date: dt.date) -> Verdict:
        """Judge the files: there, unchanged, self-contained."""
        import hashlib
        import re
        from pathlib import Path

        import pandas as pd

        rows = lake.decision("reports", self.sleeve.name, date)
        wrong = []
        for row in rows.itertuples():
            path = Path(self.artifacts_root) / str(row.path)
            content = path.read_bytes() if path.is_file() else b""
            if hashlib.sha256(content).hexdigest() != row.sha256:
                wrong.append({"artifact": row.artifact, "problem": "missing or changed"})
            elif row.artifact == "report.html" and re.search(
                rb"<(script|link|img)[^>]+(src|href)=[\"']https?:", content
            ):
                wrong.append({"artifact": row.artifact, "problem": "loads something from the network"})
        return require(
            not wrong and len(rows) == 4,
            f"{len(rows)} artifacts, {len(wrong)} wrong",
            {"artifacts": len(rows), "bytes": int(rows["bytes"].sum())},
            pd.DataFrame(wrong),
        )
