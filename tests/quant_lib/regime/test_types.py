import pytest

from quant_lib.regime import (
    ADAPTIVE_PROFILE,
    AGGRESSOR_SHARE,
    CASH_BUFFER,
    CLUSTER_THRESHOLD,
    L2_PENALTY,
    HmmState,
    Quadrant,
    Regime,
    RegimeLabel,
    UnknownRegimeError,
    risk_of,
)


def regime(label: str = "CRISIS", quadrant: str = "STAGNATION") -> Regime:
    return Regime(RegimeLabel(label), 0.9, Quadrant(quadrant), HmmState.QUIET, 0.1, known=True)


def test_a_label_is_its_name_as_text():
    assert f"{regime().label}/{regime().quadrant}" == "CRISIS/STAGNATION"
    assert regime().label == "CRISIS"


def test_every_known_state_has_a_risk():
    for by_label in (AGGRESSOR_SHARE, CASH_BUFFER, CLUSTER_THRESHOLD):
        assert set(by_label) == set(RegimeLabel) - {RegimeLabel.UNKNOWN}
    for by_quadrant in (L2_PENALTY, ADAPTIVE_PROFILE):
        assert set(by_quadrant) == set(Quadrant) - {Quadrant.UNKNOWN}
    risk = risk_of(regime())
    assert (risk.aggressor_share, risk.cash_buffer, risk.cluster_threshold) == (0.03, 0.25, 0.3)
    assert (risk.l2_penalty, risk.adaptive_profile) == (0.10, "min_variance")


def test_the_more_stress_the_less_risk():
    order = ["QUIET", "NORMAL", "TURBULENT", "CRISIS"]
    shares = [AGGRESSOR_SHARE[name] for name in order]
    assert shares == sorted(shares, reverse=True)
    assert [CASH_BUFFER[name] for name in order] == sorted(CASH_BUFFER[name] for name in order)


def test_an_unknown_regime_has_no_risk():
    unknown = Regime.unknown()
    assert not unknown.known
    assert (unknown.label, unknown.quadrant, unknown.hmm_state) == ("UNKNOWN", "UNKNOWN", "UNKNOWN")
    assert unknown.score is None
    assert unknown.hmm_probability is None
    with pytest.raises(UnknownRegimeError, match="unknown"):
        risk_of(unknown)


def test_half_known_is_refused():
    with pytest.raises(ValueError, match="must all be known"):
        Regime(RegimeLabel.NORMAL, None, Quadrant.UNKNOWN, HmmState.UNKNOWN, None, known=False)
    with pytest.raises(ValueError, match="must all be known"):
        Regime(RegimeLabel.CRISIS, None, Quadrant.CRISIS, HmmState.CRISIS, 1.0, known=True)
