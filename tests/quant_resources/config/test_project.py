"""The loaded project: names, origins, hashes, environment values, immutability, speed."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError

from quant_resources.config import SleeveConfig, UnknownProfileError, config_hash, lint, load_project

if TYPE_CHECKING:
    from conftest import Configs

ROOT = Path(__file__).parents[3]


def test_everything_is_sorted_by_name(configs: Configs) -> None:
    for name in ("zeta", "alpha1", "mid"):
        configs.write(f"sleeves/{name}.yaml", f"extends: longs.yaml\ndescription: {name}\n")
    project = configs.load()
    for found in (project.sleeves, project.scanners, project.universes):
        assert list(found) == sorted(found)
    assert project.sleeves["mid"].name == "mid"


@pytest.mark.parametrize(
    ("asked", "best"),
    [("long", "longs"), ("shrots", "shorts"), ("LONGS", "longs"), ("xyz", None), ("", None), ("longs" * 40_000, None)],
)
def test_wrong_profile_names(configs: Configs, asked: str, best: str | None) -> None:
    project = configs.load()
    started = time.process_time()
    with pytest.raises(UnknownProfileError) as caught:
        project.sleeve(asked)
    assert time.process_time() - started < 1.0
    error = caught.value
    assert error.known == ("longs", "shorts")
    assert error.matches[:1] == ((best,) if best else ())
    assert "known: longs, shorts" in str(error)
    assert (f"did you mean {best!r}?" in str(error)) is (best is not None)


def test_wrong_scanner_and_universe_names(configs: Configs) -> None:
    project = configs.load()
    with pytest.raises(UnknownProfileError, match="there is no scanner named 'buy', did you mean 'buys'"):
        project.scanner("buy")
    with pytest.raises(UnknownProfileError, match="there is no universe named 'perp'; known: spot"):
        project.universe("perp")
    with pytest.raises(UnknownProfileError):
        project.resolve_sleeve("nothing")


def test_direction_tag_is_filled_in(configs: Configs) -> None:
    project = configs.load()
    assert project.sleeve("longs").tags.model_dump() == {"venue": "binance_spot", "direction": "long"}
    assert project.sleeve("shorts").tags.direction == "short"


def test_lists_of_a_sleeve_follow_its_order(configs: Configs) -> None:
    configs.write("scanners/again.yaml", "extends: buys.yaml\nlogic: rating_ma\nlimit: 20\n")
    configs.edit("sleeves/longs.yaml", "[buys]", "[buys, again]")
    project = configs.load()
    assert [scanner.name for scanner in project.scanners_of("longs")] == ["buys", "again"]
    assert [universe.name for universe in project.universes_of("longs")] == ["spot"]


# --- origins -----------------------------------------------------------------------------------------------------


def leaves(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, child in value.items():
            yield from leaves(child, f"{key}.{name}")
    else:
        yield key


def test_every_value_has_an_origin_and_every_origin_holds(configs: Configs) -> None:
    project = configs.load()
    resolved = project.resolve_sleeve("longs")
    models: dict[str, BaseModel] = {
        "sleeve": project.sleeve("longs"),
        "scanner.buys": project.scanner("buys"),
        "universe.spot": project.universe("spot"),
        "platform": project.platform,
    }
    expected = [key for prefix, model in models.items() for key in leaves(model.model_dump(exclude={"name"}), prefix)]
    assert [value.key for value in resolved.values] == expected
    for value in resolved.values:
        if value.origin == "default":
            continue
        file, _, line = value.origin.rpartition(":")
        written = (configs.path.parent / file).read_text().splitlines()[int(line) - 1]
        assert value.key.rpartition(".")[2] in written, value


def test_origins_are_exact(configs: Configs) -> None:
    resolved = configs.load(QUANT_SLEEVES__LONGS__COSTS__SLIPPAGE="0.002").resolve_sleeve("longs")
    assert resolved["sleeve.selection.top_n"].origin == "configs/sleeves/longs.yaml:7"
    assert resolved["sleeve.selection.top_n"].value == 5
    assert resolved["scanner.buys.volatility.min"].origin == "configs/scanners/buys.yaml:9"
    assert resolved["platform.start_date"].value == "2018-01-01"
    assert resolved["platform.start_date"].origin == "configs/platform.yaml:1"
    assert resolved["sleeve.selection.max_winners"].origin == "default"
    assert resolved["sleeve.costs.slippage"].origin == "environment QUANT_SLEEVES__LONGS__COSTS__SLIPPAGE"
    assert resolved["sleeve.costs.slippage"].value == 0.002
    assert resolved["sleeve.costs.commission"].origin == "default"
    json.dumps([value.value for value in resolved.values])
    with pytest.raises(KeyError):
        resolved["sleeve.nothing"]


# --- values from the environment ---------------------------------------------------------------------------------


def test_environment_wins_over_files(configs: Configs) -> None:
    project = configs.load(
        QUANT_PLATFORM__RATINGS__OVERALL="weighted",
        QUANT_SLEEVES__LONGS__SELECTION__TOP_N="9",
        QUANT_SLEEVES__LONGS__ALLOCATION__RISK_PROFILES="[hrp, equal_weight]",
        QUANT_SLEEVES__LONGS__SELECTION__WEIGHTS__ADX="2.5",
        QUANT_SCANNERS__BUYS__VALUE_TRADED_MIN="5e6",
        QUANT_UNIVERSES__SPOT__QUOTES="[USDT]",
        QUANT_SLEEVES__SHORTS__STRICT="",
        QUANT_HOME="/elsewhere",
        OTHER="x",
    )
    assert project.platform.ratings.overall == "weighted"
    assert project.sleeve("longs").selection.top_n == 9
    assert project.sleeve("longs").selection.weights == {"adx": 2.5}
    assert project.sleeve("longs").allocation.risk_profiles == ("hrp", "equal_weight")
    assert project.scanner("buys").value_traded_min == 5e6
    assert project.universe("spot").quotes == ("USDT",)
    assert project.sleeve("shorts").strict is True


def test_names_with_two_underscores(configs: Configs) -> None:
    configs.write("sleeves/longs__b.yaml", "extends: longs.yaml\ndescription: b\n")
    project = configs.load(QUANT_SLEEVES__LONGS__B__SELECTION__TOP_N="3")
    assert (project.sleeve("longs").selection.top_n, project.sleeve("longs__b").selection.top_n) == (5, 3)


@pytest.mark.parametrize(
    ("variable", "text", "code", "words"),
    [
        (
            "QUANT_SLEEVES__LONG__STRICT",
            "true",
            "CFG_ENV_VALUE",
            "names no key of a known sleeve, did you mean 'longs'?",
        ),
        ("QUANT_SLEEVES__LONGS", "true", "CFG_ENV_VALUE", "names no key of a known sleeve"),
        ("QUANT_SLEEVES__LONGS__", "true", "CFG_ENV_VALUE", "names no key of a known sleeve"),
        ("QUANT_PLATFORM__", "true", "CFG_ENV_VALUE", "names no key of a known platform"),
        ("QUANT_PLATFORM__RATINGS__OVERALL", "{a: b", "CFG_ENV_VALUE", "not valid YAML"),
        ("QUANT_PLATFORM__RATINGS__OVERALL", "best", "CFG_SCHEMA", "must be one of vendor, weighted, it reads 'best'"),
        ("QUANT_PLATFORM__RATINGS__OVERAL", "vendor", "CFG_UNKNOWN_KEY", "did you mean 'overall'?"),
        ("QUANT_SLEEVES__LONGS__STRICT", "on", "CFG_SCHEMA", "must be true or false, it reads 'on'"),
        ("QUANT_SLEEVES__LONGS__DATA__MIN_DAYS", "100", "CFG_CONTRADICTION_WINDOW", "data.min_days"),
    ],
)
def test_bad_environment_values_name_the_variable(
    configs: Configs, variable: str, text: str, code: str, words: str
) -> None:
    findings = configs.errors(**{variable: text})
    assert {finding.code for finding in findings} == {code}
    assert any(words in str(finding) for finding in findings)
    if code != "CFG_CONTRADICTION_WINDOW":
        assert str(findings[0]).startswith(f"environment {variable}: ") or str(findings[0]).startswith(
            f"environment {variable}:{findings[0].key}: "
        )


def test_a_variable_does_not_stand_for_the_whole_file(configs: Configs) -> None:
    configs.edit("sleeves/longs.yaml", "direction: LONG\n", "")
    finding = configs.error(QUANT_SLEEVES__LONGS__SELECTION__TOP_N="9")
    assert finding.where == "configs/sleeves/longs.yaml:1:direction"


# --- hashes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("sleeves/longs.yaml", "top_n: 5", "top_n: 6"),
        ("scanners/buys.yaml", "value_traded_min: 1000000", "value_traded_min: 2000000"),
        ("universes/spot.yaml", "[USDT, USDC]", "[USDC, USDT]"),
        ("platform.yaml", "follow: [spot]", "follow: [spot]\nratings: {ruleset: pine3}"),
        ("platform.yaml", "follow: [spot]", "follow: [spot]\nhealth: {stall_bars: 5}"),
    ],
)
def test_hash_changes_with_every_input_of_a_decision(configs: Configs, name: str, old: str, new: str) -> None:
    before = configs.load()
    configs.edit(name, old, new)
    after = configs.load()
    assert before.config_hash("longs") != after.config_hash("longs")
    shared = name.startswith(("universes", "platform"))
    assert (before.config_hash("shorts") != after.config_hash("shorts")) is shared


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("sleeves/longs.yaml", "description: Long", "# comment\ndescription: Other words"),
        ("sleeves/longs.yaml", "top_n: 5", "top_n: 5\n  max_winners: 25  # the default, written out"),
        ("sleeves/longs.yaml", "venue: binance_spot", "venue: elsewhere"),
        ("scanners/buys.yaml", "value_traded_min: 1000000", "value_traded_min: 1.0e+6"),
        ("platform.yaml", "follow: [spot]", 'owners: ["team:quant"]\nfollow: [spot]'),
    ],
)
def test_hash_ignores_how_it_is_written(configs: Configs, name: str, old: str, new: str) -> None:
    before = configs.load().config_hash("longs")
    configs.edit(name, old, new)
    assert configs.load().config_hash("longs") == before


def test_hash_is_canonical(configs: Configs) -> None:
    """The same in another process, whatever the order of hashing there."""
    expected = configs.load().config_hash("longs")
    code = (
        "import sys; from pathlib import Path; from quant_resources.config import load_project\n"
        "sys.stdout.write(load_project(Path(sys.argv[1])).config_hash('longs'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(configs.path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Kolkata"},
    )
    assert done.stdout == expected
    assert len(expected) == 64


def test_hash_of_one_model(configs: Configs) -> None:
    project = configs.load()
    sleeve = project.sleeve("longs")
    assert config_hash(sleeve) == config_hash(sleeve.model_copy(update={"description": "x"}))
    assert config_hash(sleeve) != config_hash(project.sleeve("shorts"))


# --- immutability, transport, cost -------------------------------------------------------------------------------


def test_frozen(configs: Configs) -> None:
    project = configs.load()
    with pytest.raises(ValidationError, match="frozen"):
        project.sleeve("longs").selection.top_n = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        project.sleeves["x"] = project.sleeve("longs")  # type: ignore[index]
    with pytest.raises(AttributeError):
        project.platform = None  # type: ignore[misc, assignment]


def test_models_travel_between_processes(configs: Configs) -> None:
    sleeve = configs.load().sleeve("longs")
    again = pickle.loads(pickle.dumps(sleeve))
    assert again == sleeve
    assert SleeveConfig.model_validate(sleeve.model_dump()) == sleeve


def test_loading_the_shipped_files_is_fast(slowness: Callable[[], float]) -> None:
    def seconds() -> float:
        pace, started = slowness(), time.process_time()
        load_project(ROOT / "configs")
        return (time.process_time() - started) / pace

    files = len(list((ROOT / "configs").rglob("*.yaml")))
    assert min(seconds() for _ in range(5)) <= 0.1 + 0.01 * files


def test_imports_are_light() -> None:
    code = "import sys, quant_resources.config; sys.stdout.write(' '.join(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    heavy = {
        "numpy",
        "pandas",
        "pyarrow",
        "duckdb",
        "deltalake",
        "dagster",
        "aiohttp",
        "scipy",
        "numba",
        "pydantic_settings",
    }
    assert loaded & heavy == set()


def test_nothing_is_written_and_no_pickle_is_read(configs: Configs) -> None:
    before = {path: path.stat().st_mtime_ns for path in configs.path.rglob("*")}
    configs.load()
    lint(configs.path, environment={})
    assert {path: path.stat().st_mtime_ns for path in configs.path.rglob("*")} == before
    package = ROOT / "quant_resources" / "config"
    source = "".join(path.read_text() for path in package.glob("*.py"))
    for word in ("pickle", "joblib", "shelve", "marshal", "eval(", "exec(", "yaml.load(", "unsafe"):
        assert word not in source
