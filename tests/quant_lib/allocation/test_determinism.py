from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.allocation import AllocationRequest, allocate, content_hash

PROFILES = ("equal_weight", "hrp", "min_variance")


@pytest.mark.parametrize("risk_profile", PROFILES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 25))
def test_order_of_columns_rows_and_clusters_changes_nothing(risk_profile: str, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    returns = pd.DataFrame(
        rng.standard_normal((60, n)) * rng.uniform(0.01, 0.05, n),
        index=pd.date_range("2022-01-01", periods=60),
        columns=[f"atom_{i:02d}" for i in range(n)],
    )
    clusters = pd.Series(rng.integers(0, 4, n), index=returns.columns)
    asked = AllocationRequest(risk_profile=risk_profile, ann=365, asset_cap=0.2, cluster_cap=0.4)
    base = allocate(returns, clusters, asked)
    shuffled = allocate(returns.iloc[rng.permutation(60), rng.permutation(n)], clusters.iloc[rng.permutation(n)], asked)
    pd.testing.assert_series_equal(shuffled.weights, base.weights, check_exact=True, check_freq=False)
    assert shuffled.inputs_hash == base.inputs_hash
    assert shuffled.weights_hash == base.weights_hash


def test_labels_of_clusters_do_not_matter_only_the_partition(market, groups_of) -> None:
    returns = market(12)
    clusters = groups_of(returns, 4)
    asked = AllocationRequest(risk_profile="min_variance", ann=365, cluster_cap=0.3)
    renamed = clusters.map({0: 70, 1: 3, 2: 11, 3: 5})
    first, second = allocate(returns, clusters, asked), allocate(returns, renamed, asked)
    np.testing.assert_allclose(second.weights, first.weights, atol=1e-10)


def test_content_hash_is_over_values_at_1e_8() -> None:
    weights = pd.Series([0.25, 0.75, 0.0], index=["a", "b", "c"])
    assert content_hash(weights.iloc[::-1]) == content_hash(weights)
    assert content_hash(weights.add([1e-10, -1e-10, -1e-12])) == content_hash(weights)
    assert content_hash(weights.add([1e-7, 0.0, 0.0])) != content_hash(weights)
    assert content_hash(weights.rename({"a": "z"})) != content_hash(weights)


_SCRIPT = """
import numpy as np, pandas as pd
from quant_lib.allocation import AllocationRequest, allocate
rng = np.random.default_rng(7)
names = {f"atom_{i:02d}" for i in range(20)}  # a set: its order follows PYTHONHASHSEED
returns = pd.DataFrame(rng.standard_normal((100, 20)) * 0.03, columns=sorted(names))[list(names)]
clusters = pd.Series({name: int(name[-2:]) % 5 for name in names})
for risk_profile in ("equal_weight", "hrp", "min_variance"):
    print(allocate(returns, clusters, AllocationRequest(risk_profile=risk_profile, ann=365)).weights_hash)
"""


@pytest.mark.slow
def test_two_hash_seeds_and_two_thread_counts_agree() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            env=os.environ | {"PYTHONHASHSEED": seed, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, threads in (("1", "1"), ("2", "1"), ("2", "2"))
    }
    assert len(outputs) == 1
    assert len(outputs.pop().split()) == 3
