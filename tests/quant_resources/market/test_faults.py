import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_resources.market import Faults
from quant_resources.market.errors import FaultSyntaxError
from quant_resources.market.faults import FaultPlan


def test_every_fault_is_off_by_default() -> None:
    plan = FaultPlan(Faults())
    assert Faults.parse([]) == Faults()
    assert plan.delay() == 0.0
    assert not any(plan.strikes(name) for name in ("drop_frames", "truncate", "http_429", "http_503", "handshake_429"))
    assert not plan.cuts_socket(10**9)
    assert not plan.committed


def test_every_field_can_be_written_as_text() -> None:
    faults = Faults.parse(
        [
            "latency=50ms",
            "jitter=0.5s",
            "drop_frames=0.01",
            "truncate=0.02",
            "disconnect_after=20",
            "disconnects=2",
            "http_429=0.2",
            "http_503=1",
            "handshake_429=0.5",
            "retry_after=Wed, 21 Oct 2026 07:28:00 GMT",
            "missing=binance:xusdt, BINANCE:YUSDT",
            "missing=BINANCE:ZUSDT",
            "denied=BINANCE:D",
            "silent=BINANCE:S",
            "empty=BINANCE:E",
            "bad_token",
            "mute=true",
            "seed=9",
        ]
    )
    assert faults == Faults(
        latency=0.05,
        jitter=0.5,
        drop_frames=0.01,
        truncate=0.02,
        disconnect_after=20,
        disconnects=2,
        http_429=0.2,
        http_503=1.0,
        handshake_429=0.5,
        retry_after="Wed, 21 Oct 2026 07:28:00 GMT",
        missing=("BINANCE:XUSDT", "BINANCE:YUSDT", "BINANCE:ZUSDT"),
        denied=("BINANCE:D",),
        silent=("BINANCE:S",),
        empty=("BINANCE:E",),
        bad_token=True,
        mute=True,
        seed=9,
    )
    changed = [field.name for field in dataclasses.fields(Faults) if getattr(faults, field.name) != field.default]
    assert changed == [field.name for field in dataclasses.fields(Faults)]


@pytest.mark.parametrize(
    "text",
    ["", "laziness=1", "latency", "latency=-5ms", "latency=soon", "drop_frames=1.5", "drop_frames=x", "http_429=nan",
     "disconnect_after=-1", "disconnect_after=2.5", "missing=", "bad_token=maybe", "seed=٣"],
)  # fmt: skip
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(FaultSyntaxError):
        Faults.parse([text])


@given(st.integers(0, 1000), st.floats(0.05, 0.95))
def test_chances_are_seeded_and_about_right(seed: int, chance: float) -> None:
    def draw() -> list[bool]:
        plan = FaultPlan(Faults(http_429=chance, drop_frames=chance, seed=seed))
        # Another kind of fault in between must not disturb the sequence.
        return [plan.strikes("http_429") for _ in range(300) if plan.strikes("drop_frames") or True]

    first = draw()
    assert first == draw()
    assert abs(sum(first) / 300 - chance) < 0.15


def test_sockets_are_cut_as_often_as_told() -> None:
    plan = FaultPlan(Faults(disconnect_after=5, disconnects=2))
    assert [plan.cuts_socket(n) for n in (4, 5, 5, 5)] == [False, True, True, False]
    assert plan.committed["disconnect_after"] == 2


def test_jitter_lies_within_its_bounds() -> None:
    plan = FaultPlan(Faults(latency=0.05, jitter=0.1))
    delays = [plan.delay() for _ in range(200)]
    assert min(delays) >= 0.05
    assert max(delays) <= 0.15
    assert len(set(delays)) > 100
