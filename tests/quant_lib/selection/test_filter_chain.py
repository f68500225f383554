"""Each filter bites on its own, on what is not known too, and gives way only where it may."""

import json

import numpy as np
import pandas as pd
import pytest

from quant_lib.errors import MissingDataError
from quant_lib.selection import (
    AdvancedTrend,
    ContradictoryRulesError,
    Friction,
    InvalidUniverseError,
    Percentile,
    Predictability,
    SelectionRules,
    TrendRegime,
    VetoRules,
    select,
)
from quant_lib.selection.filters import Trail

BAD = "BINANCE:C002USDT"
FREE = VetoRules(rating=None)


def chosen(market, *chain, trail=None, **rules):
    rules = {"max_stage": 1, "min_winners": 0, "top_n": 50, "max_winners": 600} | rules
    return select(*market.inputs(), SelectionRules(vetoes=FREE, filters=chain, **rules), trail=trail)


def row(result, symbol=BAD):
    return result.table.set_index("symbol").loc[symbol]


def vetoes(result, symbol=BAD):
    rows = result.vetoes[result.vetoes["symbol"] == symbol]
    return dict(zip(rows["veto"], rows["kind"], strict=True))


SPOILT = [
    ("entropy", "soft", {"entropy_noise_pct": 0.951}, 0.95),
    ("efficiency", "soft", {"efficiency_noise_pct": 0.049}, 0.05),
    ("hurst", "soft", {"hurst_noise_pct": 0.481}, 0.48),
    ("hurst", "soft", {"hurst_noise_pct": 0.519}, 0.52),
    ("kurtosis", "hard", {"kurtosis": 20.1}, 20.0),
    ("extreme_volatility", "hard", {"volatility": 2.51}, 2.5),
    ("extreme_roc", "hard", {"roc_10": 100.1}, 100.0),
    ("extreme_roc", "hard", {"roc_10": -80.1}, -80.0),
    ("extreme_range", "hard", {"volatility_d": 100.1}, 100.0),
]


@pytest.mark.parametrize(("veto", "kind", "figures", "threshold"), SPOILT)
def test_predictability_bites_on_each_figure(market, veto, kind, figures, threshold):
    ((name, value),) = figures.items()
    result = chosen(market().spoil("features", BAD, **figures), Predictability())
    assert vetoes(result) == {veto: kind}
    assert not row(result)["selected"]
    assert json.loads(row(result)["veto_detail"])[veto] == {"value": value, "threshold": threshold}
    assert len(result.vetoes) == 1
    edge = chosen(market().spoil("features", BAD, **{name: threshold}), Predictability())
    assert vetoes(edge) == {}
    unknown = chosen(market().spoil("features", BAD, **{name: np.nan}), Predictability())
    assert vetoes(unknown) == {veto: kind}
    assert "not known" in unknown.vetoes["note"].iloc[0]
    assert row(chosen(market().spoil("features", BAD, **figures)))["selected"]


@pytest.mark.parametrize(
    ("hurst", "momentum", "bites"), [(0.6, -0.1, True), (0.55, -0.1, False), (0.6, 0.1, False), (0.6, 0.0, False)]
)
def test_persistence_against_the_trade_is_toxic(market, hurst, momentum, bites):
    for side, sign in (("LONG", 1), ("SHORT", -1)):
        spoilt = market(direction=side)
        spoilt.features["momentum"] = 0.5 * sign
        spoilt.spoil("features", BAD, hurst=hurst, momentum=sign * momentum)
        result = chosen(spoilt, Predictability(toxic_persistence=True))
        assert vetoes(result) == ({"toxic_persistence": "hard"} if bites else {}), side
        assert vetoes(chosen(spoilt, Predictability())) == {}


def test_white_noise_is_rejected_in_the_stated_share(market):
    """Percentiles of noise are uniform by construction: the filter rejects what its limits say."""
    rng = np.random.default_rng(42)
    noise = market(n=2000, sessions=20)
    for name in ("entropy_noise_pct", "efficiency_noise_pct", "hurst_noise_pct"):
        noise.features[name] = rng.uniform(size=2000)
    for rules in (Predictability(), Predictability(entropy_max=0.5, efficiency_min=0.3, hurst_band=(0.3, 0.7))):
        facts = noise.features.assign(logic="l", direction="LONG", roc=4.0)
        bites = np.zeros(2000, dtype=bool)
        for veto in rules.vetoes():
            bites |= veto.judge(facts, FREE).bites
        share = rules.noise_share()
        assert bites.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 2000))
    assert Predictability().noise_share() == pytest.approx(1 - 0.95 * 0.95 * 0.96)


def test_stage_two_relaxes_the_spectral_limits_and_nothing_else():
    strict = Predictability(entropy_max=0.6, efficiency_min=0.1, hurst_band=(0.3, 0.7), toxic_persistence=True)
    assert strict.relaxed(1) == strict
    for stage in (2, 3, 4):
        eased = strict.relaxed(stage)
        assert (eased.entropy_max, eased.efficiency_min) == (pytest.approx(0.72), pytest.approx(0.08))
        assert (eased.hurst_band, eased.toxic_persistence) == ((0.3, 0.7), True)
    assert Predictability(entropy_max=0.95).relaxed(2).entropy_max == 1.0


@pytest.mark.parametrize(
    ("figures", "stage", "last"),
    [
        ({"entropy_noise_pct": 0.951}, 2, 4),
        ({"efficiency_noise_pct": 0.045}, 2, 4),
        ({"hurst_noise_pct": 0.5}, 3, 4),
        ({"efficiency_noise_pct": 0.01}, 3, 4),
        ({"efficiency_noise_pct": 0.01, "entropy_noise_pct": 0.9995}, 4, 4),
        ({"hurst_noise_pct": 0.5}, 0, 2),
        ({"kurtosis": 30.0}, 0, 4),
    ],
)
def test_each_stage_lets_in_its_own_and_records_it(market, figures, stage, last):
    """Every candidate is a cluster of its own here, so that stage 3 has someone to serve."""
    spoilt = market(n=6).spoil("features", BAD, **figures)
    result = chosen(spoilt, Predictability(), min_winners=6, max_stage=last, cluster_threshold=0.1)
    assert row(result)["stage"] == stage
    assert row(result)["selected"] == (stage > 0)
    assert set(result.table.drop(2)["stage"]) == {1}
    assert result.stage == (stage or last)
    assert result.sparse is (stage == 0)
    if stage:
        assert "in spite of" in row(result)["reason"]
        assert row(result)["vetoes"] == ""


def test_benchmarks_are_spared_soft_vetoes_only(market):
    soft = market().spoil("features", BAD, entropy_noise_pct=0.99)
    assert row(chosen(soft, Predictability(), exempt=(BAD,)))["stage"] == 1
    hard = market().spoil("features", BAD, kurtosis=99.0)
    assert not row(chosen(hard, Predictability(), exempt=(BAD,)))["selected"]


def test_engines_without_a_loop_do_not_relax(market):
    spoilt = market(n=6).spoil("features", BAD, entropy_noise_pct=0.96)
    for engine, stage in (("v4", 2), ("v2.1", 0), ("baseline", 0), ("liquid_htr", 2)):
        result = chosen(spoilt, Predictability(), engine=engine, min_winners=6, max_stage=4)
        assert row(result)["stage"] == stage, engine


def test_friction_is_the_square_root_law_of_the_profiles_ticket(market):
    healthy = market(n=3)
    healthy.features["momentum"], healthy.features["volatility"] = [0.5, 0.5, 0.5], [0.8, 0.8, 0.8]
    healthy.candidates["turnover"] = [1e8, 2e6, 1e6]
    result = chosen(healthy, Friction(ticket=1.5e5, hurdle=0.25))
    impact = 0.8 * np.sqrt(1.5e5 / healthy.candidates["turnover"])
    told = result.features[result.features["feature"] == "eci"]["value"]
    np.testing.assert_allclose(told, impact)
    assert (
        (result.table["soft_vetoes"] == "friction").tolist() == (0.5 - impact < 0.25).tolist() == [False, False, True]
    )
    larger = chosen(healthy, Friction(ticket=1e6, hurdle=0.25))
    assert (larger.table["soft_vetoes"] == "friction").tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("momentum", "hurdle", "passes"),
    [
        (0.30, 0.1, True),  # 0.3 - 0.2 = 0.1
        (0.29, 0.1, False),
        (1.01, 0.9, True),  # strong, and what is left is positive
        (0.99, 0.9, False),
        (-0.5, -0.6, False),
        (-0.39, -0.6, True),
        (np.nan, -9.0, False),
    ],
)
def test_friction_exempts_the_strong_whose_net_is_positive(market, momentum, hurdle, passes):
    for side, sign in (("LONG", 1), ("SHORT", -1)):
        spoilt = market(direction=side)
        spoilt.features["momentum"] = 5.0 * sign
        spoilt.spoil("features", BAD, momentum=sign * momentum, volatility=0.4)
        spoilt.spoil("candidates", BAD, turnover=4e6)  # impact 0.4 x sqrt(1e6/4e6) = 0.2
        result = chosen(spoilt, Friction(ticket=1e6, hurdle=hurdle - 1e-12))
        assert row(result)["selected"] is np.bool_(passes) or row(result)["selected"] == passes, side
        assert vetoes(result) == ({} if passes else {"friction": "soft"}), side


def test_a_strong_momentum_that_impact_eats_is_not_exempt(market):
    spoilt = market().spoil("features", BAD, momentum=1.5, volatility=8.0)
    spoilt.spoil("candidates", BAD, turnover=1e6)
    assert vetoes(chosen(spoilt, Friction(ticket=1e6, hurdle=0.0))) == {"friction": "soft"}


def bars(market, n=80, **columns):
    """Trailing features: every symbol as on the date, with a fresh crossing for all; columns replace those of BAD."""
    parts = []
    sign = 1.0 if (market.candidates["direction"] == "LONG").all() else -1.0
    for symbol in market.symbols:
        own = market.features[market.features["symbol"] == symbol].iloc[0]
        rows = pd.DataFrame({"date": pd.date_range(end=own["date"], periods=n), "symbol": symbol, "segment": 0})
        for name in ("close", "vwma_20", "sma_200", "sma_50", "bb_width_20"):
            rows[name] = own[name]
        rows.loc[: n - 2, "vwma_20"] = own["sma_200"] * (1 - 0.01 * sign)  # crossed on the date
        if symbol == BAD:
            for name, values in columns.items():
                rows.loc[n - len(values) :, name] = values
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def trend(market, trail, **rules):
    return vetoes(chosen(market, TrendRegime(**{"threshold": 0.005} | rules), trail=trail))


@pytest.mark.parametrize("source", ["close", "vwma", "sma_50"])
def test_the_regime_needs_the_source_beyond_the_band(market, source):
    column = {"close": "close", "vwma": "vwma_20", "sma_50": "sma_50"}[source]
    for side, sign in (("LONG", 1), ("SHORT", -1)):
        made = market(direction=side)
        for distance, bites in ((0.0051, False), (0.0049, True), (-0.2, True), (np.nan, True)):
            trail = bars(made, **{column: [1 + sign * distance]})
            found = trend(made, trail, source=source, strict_signal=False)
            if column == "vwma_20" and not distance > 0:
                assert found == {"trend_regime": "hard", "trend_signal": "hard"}
            else:
                assert found == ({"trend_regime": "hard"} if bites else {}), (side, distance)


def test_inside_the_band_the_last_side_holds_where_it_may(market):
    made = market()
    inside = bars(made, close=[1.02, 1.001, 1.0, 0.999])
    assert trend(made, inside) == {"trend_regime": "hard"}
    eased = {"strict_regime": False, "memory": 4}
    assert trend(made, inside, **eased) == {}
    assert trend(made, bars(made, close=[0.98, 1.001, 1.0, 0.999]), **eased) == {"trend_regime": "hard"}
    # Older than the memory: nothing holds.
    assert trend(made, bars(made, close=[1.02, 1.001, 1.0, 1.0, 0.999]), **eased) == {"trend_regime": "hard"}
    # The newest bar outside decides, not the first.
    assert trend(made, bars(made, close=[1.02, 0.98, 1.001, 1.0]), **eased) == {"trend_regime": "hard"}
    assert trend(made, bars(made, close=[1.02, 1.001, 1.0, np.nan]), **eased) == {"trend_regime": "hard"}


@pytest.mark.parametrize(("ago", "bites"), [(0, False), (4, False), (5, True), (30, True)])
def test_the_crossing_must_be_recent_and_to_the_trades_side(market, ago, bites):
    for side, sign in (("LONG", 1), ("SHORT", -1)):
        made = market(direction=side)
        crossed = bars(made, vwma_20=[1 - 0.01 * sign] * 40 + [1 + 0.01 * sign] * (ago + 1))
        assert trend(made, crossed, lookback=5) == ({"trend_signal": "hard"} if bites else {}), side
        assert trend(made, crossed, lookback=5, strict_signal=False) == {}
        back = bars(made, vwma_20=[1 - 0.01 * sign] * 40 + [1 + 0.01 * sign] * 2 + [1 - 0.01 * sign])
        assert trend(made, back, lookback=5) == {"trend_signal": "hard"}
        assert trend(made, back, lookback=5, strict_signal=False) == {"trend_signal": "hard"}


def test_bars_of_an_earlier_series_under_the_ticker_do_not_count(market):
    made = market()
    trail = bars(made)
    old = (trail["symbol"] == BAD) & (trail["date"] < trail["date"].max())
    assert trend(made, trail) == {}
    assert trend(made, trail.assign(segment=np.where(old, 0, 1))) == {"trend_signal": "hard"}


def test_a_symbol_without_a_bar_on_the_date_has_no_trend(market):
    made = market()
    trail = bars(made)
    trail = trail[~((trail["symbol"] == BAD) & (trail["date"] == trail["date"].max()))]
    assert trend(made, trail) == {"trend_regime": "hard", "trend_signal": "hard"}


@pytest.mark.parametrize(("slope", "bites"), [(0.0011, False), (0.001, True), (-0.5, True), (np.nan, True)])
def test_the_research_mode_reads_the_slope(market, slope, bites):
    for side, sign in (("LONG", 1), ("SHORT", -1)):
        made = market(direction=side)
        made.features["sma200_slope"] = 0.01 * sign
        made.spoil("features", BAD, sma200_slope=sign * slope)
        found = trend(made, bars(made, close=[1.0]), mode="slope", slope_min=0.001)
        assert found == ({"trend_regime": "hard"} if bites else {}), side


def test_adx_needs_strength_and_alignment(market):
    for side, strong, weak in (("LONG", "dmp_14", "dmn_14"), ("SHORT", "dmn_14", "dmp_14")):
        made = market(direction=side)
        assert vetoes(chosen(made, AdvancedTrend(adx_min=25.0))) == {}
        for figures, expected in (
            ({"adx_14": 24.9}, {"adx": "hard"}),
            ({"adx_14": np.nan}, {"adx": "hard"}),
            ({strong: 10.0, weak: 10.0}, {"directional_movement": "hard"}),
            ({strong: 9.0}, {"directional_movement": "hard"}),
            ({strong: np.nan}, {"directional_movement": "hard"}),
        ):
            spoilt = market(direction=side).spoil("features", BAD, **figures)
            assert vetoes(chosen(spoilt, AdvancedTrend(adx_min=25.0))) == expected, (side, figures)


def test_donchian_needs_a_breakout(market):
    rules = AdvancedTrend(mode="donchian_breakout")
    for side, reached, missed in (("LONG", 0.995 * 1.2, 0.9949 * 1.2), ("SHORT", 1.005 * 0.8, 1.0051 * 0.8)):
        for close, expected in ((reached, {}), (missed, {"donchian": "hard"}), (np.nan, {"donchian": "hard"})):
            spoilt = market(direction=side).spoil("features", BAD, close=close)
            assert vetoes(chosen(spoilt, rules)) == expected, (side, close)


def test_bands_must_widen_with_the_price_on_the_trades_side(market):
    rules = AdvancedTrend(mode="bb_expansion", expansion=1.25, lookback=4)
    for side in ("LONG", "SHORT"):
        made = market(direction=side)
        wide = bars(made)
        wide.loc[wide["date"] == wide["date"].max(), "bb_width_20"] = 0.3
        assert vetoes(chosen(made, rules, trail=wide)) == {}
        for widths, expected in (
            ([0.2, 0.2, 0.2, 0.9, 0.25], {}),  # the median, not the mean
            ([0.2, 0.2, 0.2, 0.9, 0.249], {"bb_expansion": "hard"}),
            ([np.nan, 0.2, 0.2, 0.2, 0.9], {"bb_expansion": "hard"}),
        ):
            trail = bars(made, bb_width_20=widths)
            assert vetoes(chosen(made, rules, trail=trail)) == expected, (side, widths)
        wrong = market(direction=side).spoil("features", BAD, close=1.0, vwma_20=1.0)
        assert vetoes(chosen(wrong, rules, trail=wide)) == {"bb_side": "hard"}


def test_the_percentile_keeps_the_best_of_those_that_passed(market):
    crowd = market(n=20)
    crowd.spoil("features", crowd.symbols[0], entropy_noise_pct=0.99)
    result = chosen(crowd, Predictability(), Percentile(share=0.10))
    passed = result.table[result.table["soft_vetoes"] == ""].sort_values("rank")
    assert len(passed) == 19
    assert result.table["selected"].sum() == 1  # int(1.9)
    assert passed["selected"].iloc[0]
    out = result.vetoes[result.vetoes["veto"] == "percentile"]
    assert (len(out), set(out["kind"]), set(out["threshold"])) == (18, {"hard"}, {1.0})
    beyond = passed.iloc[1]
    assert (beyond["vetoes"], beyond["blocked_by"], beyond["rank_gap"]) == ("percentile", "quota", beyond["rank"] - 1)


@pytest.mark.parametrize(
    ("n", "share", "places"), [(19, 0.1, 1), (20, 0.1, 2), (3, 0.1, 1), (0, 0.1, 0), (100, 0.29, 29)]
)
def test_quota(n, share, places):
    assert Percentile(share=share).quota(n) == places


def test_filters_that_look_back_need_the_bars_and_no_later_ones(market, day):
    made = market()
    with pytest.raises(MissingDataError, match="last 6 sessions"):
        chosen(made, TrendRegime())
    late = bars(made)
    late["date"] += pd.Timedelta(days=1)
    with pytest.raises(InvalidUniverseError, match="beyond the decision date"):
        chosen(made, TrendRegime(), trail=late)
    with pytest.raises(MissingDataError, match="sma_200"):
        chosen(made, TrendRegime(), trail=bars(made).drop(columns="sma_200"))


def test_a_filter_without_its_features_is_an_error_not_a_pass(market):
    for chain, column in (
        (Predictability(), "hurst_noise_pct"),
        (AdvancedTrend(), "dmp_14"),
        (TrendRegime(mode="slope"), "sma200_slope"),
    ):
        made = market()
        made.features = made.features.drop(columns=column)
        with pytest.raises(MissingDataError, match=column):
            chosen(made, chain, trail=bars(market()))


@pytest.mark.parametrize(
    "build",
    [
        lambda: Predictability(entropy_max=1.1),
        lambda: Predictability(efficiency_min=-0.1),
        lambda: Predictability(hurst_band=(0.6, 0.4)),
        lambda: Friction(ticket=0.0),
        lambda: Friction(ticket=1.0, hurdle=float("nan")),
        lambda: TrendRegime(source="ema"),
        lambda: TrendRegime(threshold=1.0),
        lambda: TrendRegime(lookback=0),
        lambda: TrendRegime(memory=0),
        lambda: AdvancedTrend(mode="macd"),
        lambda: AdvancedTrend(adx_min=101.0),
        lambda: AdvancedTrend(expansion=0.0),
        lambda: Percentile(share=0.0),
    ],
)
def test_parameters_that_make_no_sense_are_refused(build):
    with pytest.raises(ContradictoryRulesError):
        build()


def test_trail_against_a_plain_loop():
    rng = np.random.default_rng(3)
    days = pd.date_range("2022-05-01", periods=12)
    rows = [
        {"date": day, "symbol": symbol, "segment": int(i >= start), "close": rng.normal()}
        for symbol, start in (("A", 0), ("B", 7), ("C", 12))
        for i, day in enumerate(days)
        if rng.uniform() > 0.2 or i == 11
    ]
    frame = pd.DataFrame(rows)
    frame = frame[~((frame["symbol"] == "C") & (frame["date"] == days[-1]))].sample(frac=1.0, random_state=1)
    cut = Trail.of(frame, ["B", "A", "C", "D", "A"], ["close"], 5, days[-1]).values["close"]
    for at, symbol in enumerate(["B", "A", "C", "D", "A"]):
        own = frame[frame["symbol"] == symbol].sort_values("date")
        expected = [np.nan] * 5
        if len(own) and own["date"].iloc[-1] == days[-1]:
            last = own[own["segment"] == own["segment"].iloc[-1]]["close"].tolist()[-5:]
            expected[5 - len(last) :] = last
        np.testing.assert_array_equal(cut[at], expected)
