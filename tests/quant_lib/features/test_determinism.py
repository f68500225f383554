"""N9, R15: same bars, same bits, whatever the order of rows and columns, the threads or the company."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_lib.features import FEATURES, _compute, compute_features

NAMES = [feature.name for feature in FEATURES]


def digest(table):
    """SHA-256 over the bits of every value and key."""
    sha = hashlib.sha256()
    for column in table.columns:
        values = table[column]
        plain = values.to_numpy() if values.dtype.kind in "fi" else values.astype(str).str.cat(sep=",").encode()
        sha.update(plain if isinstance(plain, bytes) else plain.tobytes())
    return sha.hexdigest()


@pytest.fixture
def small_blocks(monkeypatch):
    """Many blocks, so that threads really share the work."""
    monkeypatch.setattr(_compute, "_BLOCK_ROWS", 300)


@pytest.fixture(scope="module")
def reference(bars, segments):
    return digest(compute_features(bars, segments, names=NAMES, threads=1))


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_do_not_matter(threads, bars, segments, reference, small_blocks):
    assert digest(compute_features(bars, segments, names=NAMES, threads=threads)) == reference


@pytest.mark.parametrize("seed", range(10))
def test_order_of_rows_and_columns_does_not_matter(seed, bars, segments, reference, small_blocks):
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(bars))
    columns = rng.permutation(bars.columns)
    made = compute_features(bars.iloc[rows][columns], segments.iloc[rows], names=NAMES, threads=2)
    assert digest(made) == reference


def test_other_symbols_do_not_matter(bars, segments, small_blocks):
    mine = bars["symbol"] == "BINANCE:S01USDT"
    own = [feature.name for feature in FEATURES if not feature.cross_section]
    together = compute_features(bars, segments, names=own, threads=2)
    alone = compute_features(bars[mine], segments[mine], names=own, threads=2)
    pd.testing.assert_frame_equal(
        together[together["symbol"] == "BINANCE:S01USDT"].reset_index(drop=True), alone, check_exact=True
    )


def test_input_is_left_alone(bars, segments):
    before = bars.copy(deep=True)
    compute_features(bars, segments)
    pd.testing.assert_frame_equal(bars, before, check_exact=True)


@pytest.mark.slow
def test_hash_seed_does_not_matter():
    code = """
import hashlib, numpy as np, pandas as pd
from quant_lib.features import compute_features
n = 300
close = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.03, 2 * n)))
bars = pd.DataFrame({'symbol': np.repeat(['X:A', 'X:B'], n), 'date': list(pd.date_range('2020', periods=n)) * 2,
                     'high': close * 1.01, 'low': close / 1.01, 'close': close, 'volume': 1.0})
print(hashlib.sha256(compute_features(bars).iloc[:, 2:-3].to_numpy(float).tobytes()).hexdigest())
"""
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[3],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(digests) == 1
