"""Contracts of a sleeve's tables that go beyond their schemas (semantics 4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_lib.contracts.verdicts import Verdict, require

if TYPE_CHECKING:
    import pandas as pd

    from quant_lib.calendars import Calendar


CAP_TOLERANCE = 1e-6
CONSERVED = 1e-6
"""Tolerance of sums of weights and of accounting identities."""


def signals_say_why(signals: pd.DataFrame) -> Verdict:
    """Every typed signal has a figure, or its name stands among the missing ones with the reason."""
    import pandas as pd

    from quant_lib.contracts._candidate_tables import CANDIDATE_SIGNALS

    figures = [column.name for column in CANDIDATE_SIGNALS.columns if column.type == "float64"]
    told = [text.partition(":")[0].split(", ") for text in signals["missing"]]
    lost = signals[figures].isna()
    wrong = [
        {"symbol": symbol, "signals": ", ".join(silent)}
        for symbol, names, row in zip(signals["symbol"], told, lost.to_numpy(), strict=True)
        if (silent := sorted({name for name, out in zip(figures, row, strict=True) if out} ^ {*names} - {""}))
    ]
    return require(
        not wrong,
        f"{len(wrong)} of {len(signals)} candidates lack a signal without a reason",
        {"signals_missing": int(lost.to_numpy().sum())},
        pd.DataFrame(wrong, columns=["symbol", "signals"]),
    )


def candidates_agree_with(direction: str, candidates: pd.DataFrame, rating: str | None = "recommend_all") -> Verdict:
    """Every candidate has the sleeve's direction and, where its scanners ask for one, a rating of its sign."""
    sign = 1.0 if direction == "LONG" else -1.0
    off = candidates["direction"].ne(direction)
    if rating is not None:
        off |= ~(candidates[rating] * sign > 0.0)
    wrong = candidates[off]
    return require(
        wrong.empty,
        f"{len(wrong)} of {len(candidates)} candidates contradict {direction}",
        {"candidates": len(candidates), "contradicting": len(wrong)},
        wrong[["symbol", "direction", *([] if rating is None else [rating])]],
    )


def funnel_is_complete(funnel: pd.DataFrame, drops: pd.DataFrame, candidates: pd.DataFrame) -> Verdict:
    """Rows lost at every step are rows in the drop table; the last step holds the candidates."""
    ordered = funnel.sort_values("step_no")
    lost = (ordered["rows_in"] - ordered["rows_out"]).set_axis(ordered["step"])
    told = drops.groupby("step").size().reindex(lost.index, fill_value=0)
    off = lost[lost != told]
    figures: dict[str, float | int | str] = {"discovered": int(ordered["rows_in"].max()), "candidates": len(candidates)}
    if len(candidates) == 0:
        words = "; ".join(f"{r.step} {r.rows_in}→{r.rows_out}" for r in ordered.itertuples())
        return Verdict(False, f"no candidate is left: {words}", figures)
    return require(off.empty, f"{len(off)} steps drop symbols without saying which", figures)


MIN_RETENTION = 0.8
"""Share of what scanners propose that must become candidates, or a person is told (semantics 1.11)."""


def scanners_are_sound(scanners: pd.DataFrame, *, strict: bool) -> Verdict:
    """No scanner failed (a strict sleeve's failure, else a warning), and most of what they proposed could be used."""
    import pandas as pd

    failed = scanners[scanners["error"].ne("")]
    thin = scanners[scanners["retention"] < MIN_RETENTION]
    used, kept = int((scanners["proposed"] - scanners["repeated"]).sum()), int(scanners["kept"].sum())
    figures: dict[str, float | int | str] = {
        "scanners": len(scanners),
        "scanners_failed": len(failed),
        "retention": kept / used if used else 0.0,
    }
    said = [f"scanner {name} failed: {error}" for name, error in zip(failed["scanner"], failed["error"], strict=True)]
    own = thin["proposed"] - thin["repeated"]
    said += [f"{name}: {n} of {of} kept" for name, n, of in zip(thin["scanner"], thin["kept"], own, strict=True)]
    message = "; ".join(said) or f"{len(scanners)} scanners ran, {kept} of {used} proposals are candidates"
    passed = failed.empty or not strict
    return Verdict(passed, message, figures, pd.concat([failed, thin]), warning=bool(said))


def returns_are_sound(returns: pd.DataFrame, date: pd.Timestamp) -> Verdict:
    """Layer L0: complete, unique, finite, at most 500 % a day, nothing after the decision date."""
    import numpy as np
    import pandas as pd

    wide = returns.pivot(index="bar_date", columns="symbol", values="ret")
    bad = returns[~np.isfinite(returns["ret"]) | (returns["ret"] < -1.0) | (returns["ret"] > 5.0)]
    late = returns[returns["bar_date"] > date]
    holes = int(wide.isna().sum().sum())
    figures: dict[str, float | int | str] = {
        "sessions": len(wide),
        "symbols": wide.shape[1],
        "holes": holes,
        "largest": float(returns["ret"].abs().max()) if len(returns) else 0.0,
    }
    return require(
        bad.empty and late.empty and holes == 0 and len(wide) > 0,
        f"{wide.shape[1]} symbols x {len(wide)} sessions, {holes} holes, {len(bad)} bad, {len(late)} after the date",
        figures,
        pd.concat([bad, late])[["bar_date", "symbol", "ret"]],
    )


def vetoes_hold(selection: pd.DataFrame, max_winners: int) -> Verdict:
    """No recruited row carries a veto, ranks are unique, the cap holds."""
    wrong = selection[selection["selected"] & selection["vetoes"].ne("")]
    winners = int(selection["selected"].sum())
    ranks = selection.loc[selection["rank"] > 0, "rank"]
    return require(
        wrong.empty and winners <= max_winners and ranks.is_unique,
        f"{winners} recruited of {len(selection)}, {int(selection['vetoes'].ne('').sum())} under a hard veto, "
        f"{len(wrong)} recruited in spite of one",
        {"recruited": winners, "vetoed": int(selection["vetoes"].ne("").sum())},
        wrong[["symbol", "vetoes"]],
    )


def weights_are_conserved(allocations: pd.DataFrame, weights: pd.DataFrame, positions: pd.DataFrame) -> Verdict:
    """Layer L4: weights sum to gross, positions to net, cash is what is left, sign and size agree."""
    import numpy as np
    import pandas as pd

    keys = ["engine", "risk_profile"]
    table = allocations.set_index(keys)
    atoms = weights.groupby(keys)["weight"].sum().reindex(table.index, fill_value=0.0)
    net = positions.groupby(keys)["net_weight"].sum().reindex(table.index, fill_value=0.0)
    gross = positions.groupby(keys)["weight"].sum().reindex(table.index, fill_value=0.0)
    off = pd.DataFrame(
        {
            "gross": (gross - table["gross"]).abs(),
            "net": (net - table["net"]).abs(),
            "cash": (1.0 - gross - table["cash"]).abs(),
            "atoms": (atoms - gross).clip(upper=0.0).abs(),
        }
    )
    wrong = off[(off > CONSERVED).any(axis=1)].reset_index()
    signs = positions[
        (positions["weight"] - positions["net_weight"].abs()).abs().gt(CONSERVED)
        | (np.sign(positions["net_weight"]) != positions["direction"].map({"LONG": 1.0, "SHORT": -1.0}))
    ]
    return require(
        wrong.empty and signs.empty and len(table) > 0,
        f"{len(table)} allocations, {len(wrong)} not conserved, {len(signs)} positions with the wrong sign or size",
        {"allocations": len(table), "largest_error": float(off.to_numpy().max()) if len(off) else 0.0},
        wrong if len(wrong) else signs[["risk_profile", "symbol", "net_weight", "direction"]],
    )


def net_is_kept(allocations: pd.DataFrame, net_target: float | None, gross_target: float) -> Verdict:
    """Layer L4: every book is as net as was promised for what it invests, baselines apart."""
    if net_target is None:
        return require(True, "no net target", {})
    books = allocations[allocations["status"].eq("solved") & allocations["engine"].ne("market")]
    promised = books["gross_before"] * (net_target / gross_target)
    off = (books["net"] - promised).abs()
    wrong = books.loc[off > CONSERVED, ["engine", "risk_profile", "gross_before", "net"]]
    return require(
        wrong.empty,
        f"{len(wrong)} of {len(books)} books are not {net_target / gross_target:g} times their gross net",
        {"largest_net_error": float(off.max()) if len(off) else 0.0},
        wrong,
    )


def caps_hold(allocations: pd.DataFrame, weights: pd.DataFrame) -> Verdict:
    """Layer L4: no atom and no cluster above the cap that was enforced, baselines apart."""
    import pandas as pd

    keys = ["engine", "risk_profile"]
    capped = allocations[allocations["status"].eq("solved") & allocations["engine"].ne("market")].set_index(keys)
    largest = weights.groupby(keys)["weight"].max().reindex(capped.index, fill_value=0.0)
    clusters = weights.groupby([*keys, "cluster"])["weight"].sum().groupby(level=keys).max()
    clusters = clusters.reindex(capped.index, fill_value=0.0)
    over = pd.DataFrame({"asset": largest - capped["asset_cap"], "cluster": clusters - capped["cluster_cap"]})
    wrong = over[(over > CAP_TOLERANCE).any(axis=1)].reset_index()
    return require(
        wrong.empty,
        f"{len(wrong)} of {len(capped)} allocations break a cap",
        {"capped": len(capped), "largest_excess": float(over.to_numpy().max()) if len(over) else 0.0},
        wrong,
    )


def market_holds_the_benchmark(positions: pd.DataFrame, benchmark: str) -> Verdict:
    """Layer L4: the baseline ``market`` holds the benchmark, long, and nothing else."""
    held = positions[positions["risk_profile"] == "market"]
    wrong = held[held["symbol"].ne(benchmark) | held["net_weight"].le(0.0)]
    return require(
        wrong.empty,
        f"the market baseline holds {len(wrong)} positions that are not {benchmark} long",
        {"market_positions": len(held)},
        wrong[["symbol", "net_weight"]],
    )


def accounting_adds_up(windows: pd.DataFrame, returns: pd.DataFrame, calendar: Calendar) -> Verdict:
    """NAV compounds the returns, every test session is there once per series, windows do not overlap."""
    import numpy as np
    import pandas as pd

    wrong = []
    first, last = (calendar.session_number(windows[name].to_numpy()) for name in ("test_start", "test_end"))
    test_days = int((last - first + 1).sum())
    for key, rows in returns.groupby(["engine", "risk_profile", "simulator"]):
        ordered = rows.sort_values("bar_date")
        nav = np.cumprod(1.0 + ordered["ret"].to_numpy())
        error = float(np.abs(nav - ordered["nav"].to_numpy()).max())
        costs = float(np.abs(ordered["gross_ret"] - ordered["cost"] - ordered["ret"]).max())
        if (
            error > CONSERVED
            or costs > CONSERVED
            or ordered["bar_date"].duplicated().any()
            or len(ordered) != test_days
        ):
            wrong.append(
                {"series": "/".join(map(str, key)), "nav_error": error, "cost_error": costs, "rows": len(ordered)}
            )
    overlap = bool((windows["test_start"].iloc[1:].to_numpy() <= windows["test_end"].iloc[:-1].to_numpy()).any())
    look_ahead = bool((windows["decided_on"] >= windows["test_start"]).any())
    return require(
        not wrong and not overlap and not look_ahead and len(windows) > 0,
        f"{len(windows)} windows, {test_days} sessions, {len(wrong)} series do not add up",
        {"windows": len(windows), "sessions": test_days},
        pd.DataFrame(wrong),
    )
