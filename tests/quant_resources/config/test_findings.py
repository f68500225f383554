"""Every finding the configuration can have, provoked once, with the place and the words a user reads."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import quant_resources.config as package
from quant_resources.config import Severity, lint

if TYPE_CHECKING:
    from conftest import Configs

Break = Callable[["Configs"], object]


def edit(name: str, old: str, new: str) -> Break:
    return lambda configs: configs.edit(name, old, new)


def add(name: str, text: str) -> Break:
    return lambda configs: configs.add(name, text)


def write(name: str, text: str) -> Break:
    return lambda configs: configs.write(name, text)


RATING_FILTER = "  - {left: Recommend.All, operation: greater, right: 0}"
PLATFORM, UNIVERSE, SCANNER, SLEEVE = "platform.yaml", "universes/spot.yaml", "scanners/buys.yaml", "sleeves/longs.yaml"


def rule(text: str) -> Break:
    """Add a filter to the LONG scanner, on line 7."""
    return edit(SCANNER, RATING_FILTER, f"{RATING_FILTER}\n  - {text}")


# name: (how to break it, code, where, words of message or fix)
ERRORS: dict[str, tuple[Break, str, str, str]] = {
    "a field compared with itself": (
        rule("{left: close, operation: nequal, right: close}"),
        "CFG_CONTRADICTION_FILTER",
        "configs/scanners/buys.yaml:7:filters[1]",
        "compares the field with itself",
    ),
    "everything taken out": (
        rule("{left: ADX, operation: not_in_range, right: [0, 100]}"),
        "CFG_CONTRADICTION_FILTER",
        "configs/scanners/buys.yaml:7:filters[1]",
        "nothing can pass: ADX not_in_range (0, 100)",
    ),
    "what is left is taken out": (
        edit(
            SCANNER,
            RATING_FILTER,
            RATING_FILTER
            + (
                "\n  - {left: RSI, operation: greater, right: 70}\n  - {left: RSI, operation: not_in_range, right: [60, 100]}"
            ),
        ),
        "CFG_CONTRADICTION_FILTER",
        "configs/scanners/buys.yaml:8:filters[2]",
        "nothing can pass: RSI greater 70 and RSI not_in_range (60, 100)",
    ),
    "screen beyond its field": (
        add(SCANNER, "trend: {adx: 200}\n"),
        "CFG_CONTRADICTION_FILTER",
        "configs/scanners/buys.yaml:12:trend.adx",
        "nothing can pass: trend.adx 200; choose a value that the field can have",
    ),
    "screen against a filter": (
        lambda c: (
            rule("{left: Perf.W, operation: less, right: 0}")(c),
            c.add(SCANNER, "trend: {momentum: {Perf.W: 0}}\n"),
        ),
        "CFG_CONTRADICTION_FILTER",
        "configs/scanners/buys.yaml:13:trend.momentum.Perf.W",
        "nothing can pass: Perf.W less 0 and trend.momentum.Perf.W 0",
    ),
    "momentum of what has no side": (
        add(SCANNER, "trend: {momentum: {volume_change: 5}}\n"),
        "CFG_TREND_FIELD",
        "configs/scanners/buys.yaml:12:trend.momentum.volume_change",
        "says nothing of which way the price went",
    ),
    "an include list of another venue": (
        add(SCANNER, 'include_symbols: ["OKX:BTCUSDT"]\n'),
        "CFG_CONTRADICTION_MEMBERSHIP",
        "configs/scanners/buys.yaml:12:include_symbols",
        "nothing can be proposed: OKX:BTCUSDT cannot belong to universe spot: OKX is not in its exchanges",
    ),
    "an include list of perpetuals": (
        add(SCANNER, 'include_symbols: ["BINANCE:BTCUSDT.P"]\n'),
        "CFG_CONTRADICTION_MEMBERSHIP",
        "configs/scanners/buys.yaml:12:include_symbols",
        "a perpetual is not among its asset_types",
    ),
    "a static symbol of another venue": (
        add(UNIVERSE, 'symbols: ["OKX:BTCUSDT"]\n'),
        "CFG_CONTRADICTION_MEMBERSHIP",
        "configs/universes/spot.yaml:6:symbols[0]",
        "OKX is not in its exchanges",
    ),
    "a static symbol of another quote": (
        add(UNIVERSE, 'symbols: ["BINANCE:BTCTRY"]\n'),
        "CFG_CONTRADICTION_MEMBERSHIP",
        "configs/universes/spot.yaml:6:symbols[0]",
        "its quote TRY is not in quotes",
    ),
    "a static symbol that is cash": (
        add(UNIVERSE, 'symbols: ["BINANCE:EURUSDT"]\n'),
        "CFG_CONTRADICTION_MEMBERSHIP",
        "configs/universes/spot.yaml:6:symbols[0]",
        "its base EUR is cash",
    ),
    "a static symbol that is excluded": (
        add(UNIVERSE, 'symbols: ["BINANCE:BTCUSDT"]\nexclude_symbols: ["BINANCE:BTCUSDT"]\n'),
        "CFG_CONTRADICTION_MEMBERSHIP",
        "configs/universes/spot.yaml:6:symbols[0]",
        "it is in exclude_symbols as well",
    ),
    "broken YAML": (add(SLEEVE, "a: [1\n"), "CFG_LOAD", "configs/sleeves/longs.yaml:9:a[1]", "not valid YAML"),
    "duplicate key": (
        add(SLEEVE, "direction: SHORT\n"),
        "CFG_LOAD",
        "configs/sleeves/longs.yaml:8",
        "already on line 2",
    ),
    "no platform": (lambda c: (c.path / PLATFORM).unlink(), "CFG_LOAD", "configs/platform.yaml", "there is no file"),
    "unknown key": (
        add(SLEEVE, "scaners: [x]\n"),
        "CFG_UNKNOWN_KEY",
        "configs/sleeves/longs.yaml:8:scaners",
        "'scanners'",
    ),
    "unknown nested key": (
        edit(SLEEVE, "top_n: 5", "top_m: 5"),
        "CFG_UNKNOWN_KEY",
        "configs/sleeves/longs.yaml:7:selection.top_m",
        "did you mean 'top_n'?",
    ),
    "unknown key in a list": (
        rule("{left: ADX, operation: greater, rigth: 20, right: 20}"),
        "CFG_UNKNOWN_KEY",
        "configs/scanners/buys.yaml:7:filters[1].rigth",
        "did you mean 'right'?",
    ),
    "name in the file": (
        add(SLEEVE, "name: other\n"),
        "CFG_UNKNOWN_KEY",
        "configs/sleeves/longs.yaml:8:name",
        "file's name",
    ),
    "missing key": (
        edit(SLEEVE, "direction: LONG\n", ""),
        "CFG_MISSING_KEY",
        "configs/sleeves/longs.yaml:1:direction",
        "required",
    ),
    "missing nested key": (
        edit(SLEEVE, "  venue: binance_spot", "  direction: long"),
        "CFG_MISSING_KEY",
        "configs/sleeves/longs.yaml:3:tags.venue",
        "required",
    ),
    "sort order is required": (
        edit(SCANNER, "sort_order: desc\n", ""),
        "CFG_MISSING_KEY",
        "configs/scanners/buys.yaml:1:sort_order",
        "required",
    ),
    "intent is required": (
        edit(SCANNER, "intent: LONG\n", ""),
        "CFG_MISSING_KEY",
        "configs/scanners/buys.yaml:1:intent",
        "required",
    ),
    "wrong word": (
        edit(SLEEVE, "direction: LONG", "direction: LNG"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:2:direction",
        "must be one of LONG, SHORT, it reads 'LNG', did you mean 'LONG'?",
    ),
    "resolved twice": (
        edit(
            "scanners/sells.yaml",
            "sort_by: Recommend.All\nsort_order: asc",
            "sort_by: close\nsort_order: asc\nresolve: Recommend.All",
        ),
        "CFG_DISCOVERY",
        "configs/scanners/sells.yaml:9:resolve",
        "the intent SHORT has decided already",
    ),
    "unknown engine": (
        add(SLEEVE, "allocation:\n  engines: [custom, riskfolo]\n"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:9:allocation.engines[1]",
        "did you mean 'riskfolio'?",
    ),
    "pair nobody solves": (
        add(SLEEVE, "allocation:\n  engines: [custom, pyportfolioopt]\n  risk_profiles: [hrp, erc]\n"),
        "CFG_UNSUPPORTED_PAIR",
        "configs/sleeves/longs.yaml:10:allocation.risk_profiles[1]",
        "engine pyportfolioopt does not solve erc",
    ),
    "ladder that falls": (
        add(SLEEVE, "risk: {neutrality: [0.15, 0.05]}\n"),
        "CFG_CONTRADICTION_RANGE",
        "configs/sleeves/longs.yaml:8:risk.neutrality",
        "0.15, 0.05 does not increase",
    ),
    "unknown risk profile": (
        add(SLEEVE, "allocation:\n  risk_profiles:\n    - hrp\n    - min_varience\n"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:11:allocation.risk_profiles[1]",
        "did you mean 'min_variance'?",
    ),
    "text for a number": (
        edit(SLEEVE, "top_n: 5", "top_n: 05"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:7:selection.top_n",
        "must be a whole number, it reads '05'; write decimal digits",
    ),
    "fraction for a count": (
        edit(SLEEVE, "top_n: 5", "top_n: 5.5"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:7:selection.top_n",
        "must be a whole number, it reads '5.5'",
    ),
    "boolean for a count": (
        edit(SLEEVE, "top_n: 5", "top_n: true"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:7:selection.top_n",
        "must be a whole number, it reads 'true'",
    ),
    "YAML 1.1 boolean": (
        add(SLEEVE, "strict: yes\n"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:8:strict",
        "must be true or false, it reads 'yes'; write true or false in lower case",
    ),
    "number for text": (
        edit(SLEEVE, "description: Long", "description: 5"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:1:description",
        "must be text, it reads '5'; write it in quotes",
    ),
    "boolean for text": (
        edit(UNIVERSE, "quotes: [USDT, USDC]", "quotes: [USDT, true]"),
        "CFG_SCHEMA",
        "configs/universes/spot.yaml:5:quotes[1]",
        "must be text, it reads 'true'; write it in quotes",
    ),
    "no value": (
        edit(SLEEVE, "top_n: 5", "top_n:"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:7:selection.top_n",
        "must be a whole number, it has no value",
    ),
    "text for a map": (
        edit(SLEEVE, "selection:\n  top_n: 5", "selection: best"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:6:selection",
        "must be a map of keys, it reads 'best'",
    ),
    "text for a list": (
        edit(SLEEVE, "scanners: [buys]", "scanners: buys"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:5:scanners",
        "must be a list, it reads 'buys'",
    ),
    "out of range": (
        edit(SLEEVE, "top_n: 5", "top_n: 0"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:7:selection.top_n",
        "must be greater than or equal to 1, it reads '0'",
    ),
    "repeated scanner": (
        edit(SLEEVE, "scanners: [buys]", "scanners: [buys, buys]"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:5:scanners",
        "must not repeat buys",
    ),
    "empty list": (
        edit(SLEEVE, "scanners: [buys]", "scanners: []"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:5:scanners",
        "must not be empty",
    ),
    "bad date": (
        edit(PLATFORM, "2018-01-01", "2018-02-30"),
        "CFG_SCHEMA",
        "configs/platform.yaml:1:start_date",
        "must be a day that exists",
    ),
    "loose date": (
        edit(PLATFORM, "2018-01-01", "2018-1-1"),
        "CFG_SCHEMA",
        "configs/platform.yaml:1:start_date",
        "must be a date written as YYYY-MM-DD, it reads '2018-1-1'",
    ),
    "bad symbol": (
        edit(PLATFORM, '["BINANCE:BTCUSDT"]', '["BINANCE:BTCUSDT", "btcusdt"]'),
        "CFG_SCHEMA",
        "configs/platform.yaml:3:benchmarks[1]",
        "is not a valid symbol",
    ),
    "symbol with a path": (
        add(UNIVERSE, 'include_symbols: ["BINANCE:../../X"]\n'),
        "CFG_SCHEMA",
        "configs/universes/spot.yaml:6:include_symbols[0]",
        "is not a valid symbol",
    ),
    "bad owner": (
        add(PLATFORM, "owners: [quant]\n"),
        "CFG_SCHEMA",
        "configs/platform.yaml:4:owners[0]",
        "must be an e-mail address or team:NAME",
    ),
    "scanner by path": (
        edit(SLEEVE, "scanners: [buys]", "scanners: [../buys]"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:5:scanners[0]",
        "is not a valid name",
    ),
    "unknown signal": (
        edit(SLEEVE, "top_n: 5", "weights: {momentun: 1.0}"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:7:selection.weights.momentun",
        "must be one of momentum",
    ),
    "unknown dominant signal": (
        edit(SLEEVE, "top_n: 5", "dominant_signal: recommend_other"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:7:selection.dominant_signal",
        "must be one of momentum",
    ),
    "boolean in a filter": (
        rule("{left: ADX, operation: greater, right: true}"),
        "CFG_SCHEMA",
        "configs/scanners/buys.yaml:7:filters[1].right",
        "must be a number, a text, or a list of them, it reads 'true'",
    ),
    "file name": (
        write("sleeves/My-Sleeve.yaml", "x: 1\n"),
        "CFG_NAME",
        "configs/sleeves/My-Sleeve.yaml",
        "not a valid name",
    ),
    "device name": (write("sleeves/con.yaml", "x: 1\n"), "CFG_NAME", "configs/sleeves/con.yaml", "not a valid name"),
    "reserved name": (
        write("sleeves/dataops.yaml", "x: 1\n"),
        "CFG_NAME",
        "configs/sleeves/dataops.yaml",
        "platform's own",
    ),
    "unknown scanner": (
        edit(SLEEVE, "scanners: [buys]", "scanners: [buyz]"),
        "CFG_REFERENCE",
        "configs/sleeves/longs.yaml:5:scanners[0]",
        "there is no scanner 'buyz', did you mean 'buys'?; known scanners: buys, sells",
    ),
    "unknown universe": (
        edit(SCANNER, "universe: spot", "universe: sport"),
        "CFG_REFERENCE",
        "configs/scanners/buys.yaml:2:universe",
        "did you mean 'spot'?",
    ),
    "unknown followed universe": (
        edit(PLATFORM, "follow: [spot]", "follow: [spot, perp]"),
        "CFG_REFERENCE",
        "configs/platform.yaml:2:follow[1]",
        "there is no universe 'perp'",
    ),
    "history after start": (
        add(PLATFORM, "history_start: 2019-01-01\n"),
        "CFG_CONTRADICTION_DATES",
        "configs/platform.yaml:4:history_start",
        "after start_date 2018-01-01",
    ),
    "quarantine below report": (
        add(PLATFORM, "health: {large_return: 3.0, quarantine_return: 2.5}\n"),
        "CFG_CONTRADICTION_RANGE",
        "configs/platform.yaml:4:health.quarantine_return",
        "below large_return 3.0",
    ),
    "jump ratio": (
        add(PLATFORM, "health: {jump_ratio: 6.0}\n"),
        "CFG_CONTRADICTION_RANGE",
        "configs/platform.yaml:4:health.jump_ratio",
        "not below 1 + quarantine_return",
    ),
    "min above max": (
        edit(SCANNER, "  min: 0.1", "  min: 0.1\n  max: 0.05"),
        "CFG_CONTRADICTION_RANGE",
        "configs/scanners/buys.yaml:9:volatility.min",
        "0.1 is above max 0.05",
    ),
    "winners": (
        edit(SLEEVE, "top_n: 5", "min_winners: 30"),
        "CFG_CONTRADICTION_RANGE",
        "configs/sleeves/longs.yaml:7:selection.min_winners",
        "30 is above max_winners 25",
    ),
    "in and out": (
        add(UNIVERSE, 'include_symbols: ["BINANCE:AUSDT"]\nexclude_symbols: ["BINANCE:AUSDT"]\n'),
        "CFG_CONTRADICTION_MEMBERSHIP",
        "configs/universes/spot.yaml:7:exclude_symbols",
        "BINANCE:AUSDT is in include_symbols as well",
    ),
    "wrong direction": (
        edit(SLEEVE, "scanners: [buys]", "scanners: [buys, sells]"),
        "CFG_CONTRADICTION_DIRECTION",
        "configs/sleeves/longs.yaml:5:scanners[1]",
        "sells proposes SHORT, the sleeve is LONG",
    ),
    "wrong direction tag": (
        edit(SLEEVE, "  venue: binance_spot", "  venue: binance_spot\n  direction: short"),
        "CFG_CONTRADICTION_DIRECTION",
        "configs/sleeves/longs.yaml:5:tags.direction",
        "the tag says short",
    ),
    "source that does not list the universe": (
        lambda configs: (
            configs.edit(SCANNER, "universe: spot", "universe: spot\nsource: binance"),
            configs.edit(UNIVERSE, "exchanges: [BINANCE]", "exchanges: [BINANCE, OKX]"),
        ),
        "CFG_CONTRADICTION_SOURCE",
        "configs/scanners/buys.yaml:3:source",
        "Binance cannot say what is listed of OKX in universe spot",
    ),
    "filter against intent": (
        edit(SCANNER, "operation: greater, right: 0", "operation: less, right: 0"),
        "CFG_CONTRADICTION_INTENT",
        "configs/scanners/buys.yaml:6:filters[0]",
        "Recommend.All less 0 leaves only ratings that argue against LONG",
    ),
    "filters against each other": (
        rule("{left: ADX, operation: in_range, right: [10, 20]}\n  - {left: ADX, operation: greater, right: 20}"),
        "CFG_CONTRADICTION_FILTER",
        "configs/scanners/buys.yaml:8:filters[2]",
        "nothing can pass: ADX in_range (10, 20) and ADX greater 20",
    ),
    "outside of what the field can be": (
        rule("{left: Recommend.MA, operation: greater, right: 1}"),
        "CFG_CONTRADICTION_FILTER",
        "configs/scanners/buys.yaml:7:filters[1]",
        "nothing can pass",
    ),
    "filter against a floor": (
        rule("{left: Value.Traded, operation: less, right: 1000}"),
        "CFG_CONTRADICTION_FILTER",
        "configs/scanners/buys.yaml:8:value_traded_min",
        "nothing can pass: Value.Traded less 1000 and value_traded_min",
    ),
    "unknown field": (
        rule("{left: Recomend.MA, operation: greater, right: 0}"),
        "CFG_FILTER_LEFT",
        "configs/scanners/buys.yaml:7:filters[1].left",
        "did you mean 'Recommend.MA'?",
    ),
    "field without a history": (
        rule("{left: gap, operation: greater, right: 0}"),
        "CFG_FILTER_LEFT",
        "configs/scanners/buys.yaml:7:filters[1].left",
        "not a field that past days can be judged by",
    ),
    "field that only a live scan knows": (
        rule("{left: market_cap_calc, operation: greater, right: 0}"),
        "CFG_NOT_POINT_IN_TIME",
        "configs/sleeves/longs.yaml:5:scanners[0]",
        "buys reads market_cap_calc, which no past day can be judged by",
    ),
    "weekly screen": (
        add(SCANNER, "confirm_screen: {timeframe: weekly, adx: 10}\n"),
        "CFG_NOT_POINT_IN_TIME",
        "configs/sleeves/longs.yaml:5:scanners[0]",
        "buys reads ADX|1W",
    ),
    "index membership by a filter": (
        rule("{left: index, operation: equal, right: SP500}"),
        "CFG_FILTER_INDEX",
        "configs/scanners/buys.yaml:7:filters[1].left",
        "name a dated list instead",
    ),
    "list that is not there": (
        add(UNIVERSE, "symbol_files: [lists/x.txt]\n"),
        "CFG_SYMBOL_FILE",
        "configs/universes/spot.yaml:6:symbol_files[0]",
        "there is no file x.txt",
    ),
    "list outside": (
        add(UNIVERSE, "symbol_files: [../../x.txt]\n"),
        "CFG_SYMBOL_FILE",
        "configs/universes/spot.yaml:6:symbol_files[0]",
        "outside the configuration folder",
    ),
    "capitalisation that is not there": (
        add(SCANNER, "market_cap: {file: caps.csv, floor: 1000000}\n"),
        "CFG_MARKET_CAP_FILE",
        "configs/scanners/buys.yaml:12:market_cap.file",
        "there is no file caps.csv",
    ),
    "field of the base sort": (
        add(SCANNER, "base_sort_by: turnovr\n"),
        "CFG_BASE_SORT_FIELD",
        "configs/scanners/buys.yaml:12:base_sort_by",
        "is not a field to judge by",
    ),
    "field of the composite": (
        edit(SCANNER, "sort_by: Recommend.All", "sort_by: momentum_composite\nmomentum_composite_fields: [Perf.2M]"),
        "CFG_MOMENTUM_FIELD",
        "configs/scanners/buys.yaml:11:momentum_composite_fields",
        "'Perf.2M' is not a field to judge by",
    ),
    "composite of nothing": (
        edit(SCANNER, "sort_by: Recommend.All", "sort_by: momentum_composite"),
        "CFG_MOMENTUM_FIELD",
        "configs/scanners/buys.yaml:10:sort_by",
        "momentum_composite has no fields",
    ),
    "field of the trend": (
        add(SCANNER, "trend: {momentum: {Perf.2M: 0.0}}\n"),
        "CFG_TREND_FIELD",
        "configs/scanners/buys.yaml:12:trend.momentum",
        "'Perf.2M' is not a field to judge by",
    ),
    "field of a screen": (
        add(SCANNER, "execute_screen: {momentum: {Perf.2M: 0.0}}\n"),
        "CFG_SCREEN_FIELD",
        "configs/scanners/buys.yaml:12:execute_screen.momentum",
        "'Perf.2M' is not a field to judge by",
    ),
    "screen without thresholds": (
        add(SCANNER, "trend: {timeframe: daily}\n"),
        "CFG_EMPTY_SCREEN",
        "configs/scanners/buys.yaml:12:trend",
        "none is supplied by default",
    ),
    "unknown operation": (
        rule("{left: ADX, operation: graeter, right: 0}"),
        "CFG_FILTER_OP",
        "configs/scanners/buys.yaml:7:filters[1].operation",
        "did you mean 'greater'?",
    ),
    "operation on text": (
        rule("{left: name, operation: greater, right: 0}"),
        "CFG_FILTER_OP",
        "configs/scanners/buys.yaml:7:filters[1].operation",
        "use one of equal, nequal, match, nmatch",
    ),
    "range of one": (
        rule("{left: ADX, operation: in_range, right: 20}"),
        "CFG_FILTER_SHAPE",
        "configs/scanners/buys.yaml:7:filters[1].right",
        "needs a list of two numbers",
    ),
    "range of texts": (
        rule("{left: ADX, operation: in_range, right: [close, volume]}"),
        "CFG_FILTER_SHAPE",
        "configs/scanners/buys.yaml:7:filters[1].right",
        "needs a list of two numbers",
    ),
    "range the wrong way round": (
        rule("{left: ADX, operation: in_range, right: [30, 20]}"),
        "CFG_FILTER_SHAPE",
        "configs/scanners/buys.yaml:7:filters[1].right",
        "30 is above 20",
    ),
    "list for a number": (
        rule("{left: ADX, operation: greater, right: [20]}"),
        "CFG_FILTER_SHAPE",
        "configs/scanners/buys.yaml:7:filters[1].right",
        "not a list",
    ),
    "unknown other field": (
        rule("{left: close, operation: greater, right: SMA20O}"),
        "CFG_FILTER_SHAPE",
        "configs/scanners/buys.yaml:7:filters[1].right",
        "did you mean 'SMA200'?",
    ),
    "bad regular expression": (
        rule("{left: name, operation: match, right: '('}"),
        "CFG_FILTER_SHAPE",
        "configs/scanners/buys.yaml:7:filters[1].right",
        "not a regular expression",
    ),
    "number for a search": (
        rule("{left: name, operation: match, right: 5}"),
        "CFG_FILTER_SHAPE",
        "configs/scanners/buys.yaml:7:filters[1].right",
        "needs one text",
    ),
    "unknown sort field": (
        edit(SCANNER, "sort_by: Recommend.All", "sort_by: Recommend.all"),
        "CFG_SORT_FIELD",
        "configs/scanners/buys.yaml:10:sort_by",
        "did you mean 'Recommend.All'?",
    ),
    "sort by text": (
        edit(SCANNER, "sort_by: Recommend.All", "sort_by: name"),
        "CFG_SORT_FIELD",
        "configs/scanners/buys.yaml:10:sort_by",
        "not a field to sort by",
    ),
    "least bearish first": (
        edit("scanners/sells.yaml", "sort_order: asc", "sort_order: desc"),
        "CFG_SORT_DIRECTION",
        "configs/scanners/sells.yaml:8:sort_order",
        "argue least for SHORT; write asc",
    ),
    "not ingested": (
        lambda c: (
            c.write("universes/perp.yaml", (c.path / UNIVERSE).read_text()),
            c.edit(SCANNER, "universe: spot", "universe: perp"),
        )[0],
        "CFG_NOT_FOLLOWED",
        "configs/sleeves/longs.yaml:5:scanners[0]",
        "add perp to follow",
    ),
    "proxy is not followed": (
        add(SLEEVE, 'regime: {proxy: "BINANCE:BTCUSDC"}\n'),
        "CFG_BENCHMARK",
        "configs/sleeves/longs.yaml:8:regime.proxy",
        "did you mean 'BINANCE:BTCUSDT'?",
    ),
    "proxy is nothing": (
        add(SLEEVE, "regime: {proxy: bitcoin}\n"),
        "CFG_SCHEMA",
        "configs/sleeves/longs.yaml:8:regime.proxy",
        "must be benchmark, universe or a symbol",
    ),
    "regime needs more than it keeps": (
        add(SLEEVE, "regime: {min_history: 600, history: 500}\n"),
        "CFG_CONTRADICTION_WINDOW",
        "configs/sleeves/longs.yaml:8:regime.min_history",
        "more than regime.history, 500",
    ),
    "benchmark": (
        add(SLEEVE, 'benchmark: "BINANCE:BTCUSDC"\n'),
        "CFG_BENCHMARK",
        "configs/sleeves/longs.yaml:8:benchmark",
        "did you mean 'BINANCE:BTCUSDT'?",
    ),
    "hard veto removed": (
        edit(SLEEVE, "top_n: 5", "vetoes: [stalled]"),
        "CFG_CONTRADICTION_VETO",
        "configs/sleeves/longs.yaml:7:selection.vetoes",
        "stale and toxic must stay",
    ),
    "ranking by no signal": (
        edit(SLEEVE, "top_n: 5", "ranking: {method: signal}"),
        "CFG_CONTRADICTION_RANKING",
        "configs/sleeves/longs.yaml:7:selection.ranking.method",
        "signal needs `signal`",
    ),
    "signal of another ranking": (
        edit(SLEEVE, "top_n: 5", "ranking: {signal: adx}"),
        "CFG_CONTRADICTION_RANKING",
        "configs/sleeves/longs.yaml:7:selection.ranking.signal",
        "the method is mps",
    ),
    "score ranked from its worst end": (
        edit(SLEEVE, "top_n: 5", "ranking: {direction: ascending}"),
        "CFG_CONTRADICTION_RANKING",
        "configs/sleeves/longs.yaml:7:selection.ranking.direction",
        "ranks the best first",
    ),
    "weight of what the engine does not score": (
        edit(SLEEVE, "top_n: 5", "engine: v2\n  weights: {adx: 2.0}"),
        "CFG_CONTRADICTION_WEIGHT",
        "configs/sleeves/longs.yaml:8:selection.weights.adx",
        "v2 does not score adx",
    ),
    "dominant signal of another engine": (
        edit(SLEEVE, "top_n: 5", "dominant_signal: fragility"),
        "CFG_CONTRADICTION_WEIGHT",
        "configs/sleeves/longs.yaml:7:selection.dominant_signal",
        "v4 does not score fragility",
    ),
    "weight set of another engine": (
        edit(SLEEVE, "top_n: 5", "engine: v3.2\n  weight_set: flat"),
        "CFG_CONTRADICTION_WEIGHT",
        "configs/sleeves/longs.yaml:8:selection.weight_set",
        "exists for v4 only",
    ),
    "random-walk band upside down": (
        add(SLEEVE, "filters: {predictability: {hurst_band: [0.6, 0.4]}}\n"),
        "CFG_CONTRADICTION_RANGE",
        "configs/sleeves/longs.yaml:8:filters.predictability.hurst_band",
        "write the lower end first",
    ),
    "assets cannot hold the capital": (
        add(SLEEVE, "risk: {asset_cap: 0.03}\n"),
        "CFG_CONTRADICTION_CAP",
        "configs/sleeves/longs.yaml:8:risk.asset_cap",
        "raise it to at least 0.04",
    ),
    "net exposure of half a long book": (
        add(SLEEVE, "risk: {net_target: 0.5}\n"),
        "CFG_CONTRADICTION_NET",
        "configs/sleeves/longs.yaml:8:risk.net_target",
        "set gross_target to 0.5",
    ),
    "net short with longs": (
        add(SLEEVE, "risk: {net_target: -0.5, gross_target: 0.5}\n"),
        "CFG_CONTRADICTION_NET",
        "configs/sleeves/longs.yaml:8:risk.net_target",
        "combine a long and a short sleeve in a meta",
    ),
    "clusters cannot hold the capital": (
        add(SLEEVE, "risk: {asset_cap: 0.1, max_clusters: 3}\n"),
        "CFG_CONTRADICTION_CAP",
        "configs/sleeves/longs.yaml:8:risk.cluster_cap",
        "raise it to at least 0.3333",
    ),
}

WINDOWS = {
    "train above lookback": ("data: {lookback_days: 200}", "backtest.train"),
    "train above min_days": ("data: {min_days: 251}", "backtest.train"),
    "min_days above lookback": ("data: {min_days: 501}", "data.min_days"),
    "clusters above lookback": ("risk: {lookbacks: [60, 501]}", "risk.lookbacks"),
    "test above step": ("backtest: {test: 11}", "backtest.test"),
    "history too short": ("backtest: {history_days: 261}", "backtest.train"),
    "gap above min_days": ("data: {max_internal_gap: 253}", "data.max_internal_gap"),
}

WARNINGS: dict[str, tuple[Break, str, str, str]] = {
    "kept by name from elsewhere": (
        add(SCANNER, 'ensure_symbols: ["OKX:BTCUSDT"]\n'),
        "CFG_DEAD_RULE",
        "configs/scanners/buys.yaml:12:ensure_symbols[0]",
        "could not belong to universe spot anyway",
    ),
    "a scanner's exclusion from elsewhere": (
        add(SCANNER, 'exclude_symbols: ["BINANCE:BTCUSDT.P"]\n'),
        "CFG_DEAD_RULE",
        "configs/scanners/buys.yaml:12:exclude_symbols[0]",
        "a perpetual is not among its asset_types",
    ),
    "one included symbol from elsewhere": (
        add(SCANNER, 'include_symbols: ["BINANCE:BTCUSDT", "OKX:BTCUSDT"]\n'),
        "CFG_DEAD_RULE",
        "configs/scanners/buys.yaml:12:include_symbols[1]",
        "OKX is not in its exchanges",
    ),
    "a floor of another venue": (
        add(SCANNER, "volume: {per_exchange: {OKX: 5}}\n"),
        "CFG_DEAD_RULE",
        "configs/scanners/buys.yaml:12:volume.per_exchange.OKX",
        "OKX is no exchange of universe spot",
    ),
    "a preference for another venue": (
        add(SCANNER, "exchange_priority: [OKX]\n"),
        "CFG_DEAD_RULE",
        "configs/scanners/buys.yaml:12:exchange_priority[0]",
        "OKX is no exchange of universe spot",
    ),
    "a preference among what is all kept": (
        add(SCANNER, "exchange_priority: [BINANCE]\ndedupe: false\n"),
        "CFG_DEAD_RULE",
        "configs/scanners/buys.yaml:12:exchange_priority",
        "write dedupe: true",
    ),
    "a preference for perpetuals nobody attaches": (
        add(SCANNER, "perp_exchange_priority: [BINANCE]\n"),
        "CFG_DEAD_RULE",
        "configs/scanners/buys.yaml:12:perp_exchange_priority",
        "write attach_perp_counterparts: true",
    ),
    "a preference for quotes nobody admits": (
        add(SCANNER, "quote_priority: [DAI]\n"),
        "CFG_DEAD_RULE",
        "configs/scanners/buys.yaml:12:quote_priority",
        "admits none of these quotes",
    ),
    "recent performance of nothing": (
        add(SCANNER, "recent_perf: {}\n"),
        "CFG_DEAD_RULE",
        "configs/scanners/buys.yaml:12:recent_perf",
        "asks for nothing",
    ),
    "a figure the field cannot have": (
        rule("{left: ADX, operation: nequal, right: 200}"),
        "CFG_DEAD_FILTER",
        "configs/scanners/buys.yaml:7:filters[1]",
        "ADX nequal 200 never drops anything",
    ),
    "a field that reaches itself": (
        rule("{left: ADX, operation: egreater, right: ADX}"),
        "CFG_DEAD_FILTER",
        "configs/scanners/buys.yaml:7:filters[1]",
        "drops nothing but missing figures",
    ),
    "a screen that a filter makes idle": (
        lambda c: (rule("{left: ADX, operation: greater, right: 30}")(c), c.add(SCANNER, "trend: {adx: 20}\n")),
        "CFG_DEAD_FILTER",
        "configs/scanners/buys.yaml:13:trend.adx",
        "trend.adx 20 never drops anything",
    ),
    "screen that lets the other side pass": (
        add(SCANNER, "trend: {recommendation: -0.3}\n"),
        "CFG_WEAK_SCREEN",
        "configs/scanners/buys.yaml:12:trend.recommendation",
        "lets ratings pass that argue against LONG",
    ),
    "any quote": (
        edit(UNIVERSE, "quotes: [USDT, USDC]\n", ""),
        "CFG_UNIVERSE_QUOTES",
        "configs/universes/spot.yaml:1:quotes",
        "outranks USDT",
    ),
    "excluded from elsewhere": (
        add(UNIVERSE, 'exclude_symbols: ["OKX:AUSDT"]\n'),
        "CFG_DEAD_RULE",
        "configs/universes/spot.yaml:6:exclude_symbols[0]",
        "could not belong anyway",
    ),
    "limit never binds": (
        add(SCANNER, "limit: 100\nbase_limit: 50\n"),
        "CFG_DEAD_LIMIT",
        "configs/scanners/buys.yaml:12:limit",
        "base_limit leaves 50",
    ),
    "filter implied by another": (
        rule("{left: Recommend.All, operation: greater, right: -0.3}"),
        "CFG_DEAD_FILTER",
        "configs/scanners/buys.yaml:7:filters[1]",
        "never drops anything",
    ),
    "filter implied by the field": (
        rule("{left: ADX, operation: egreater, right: 0}"),
        "CFG_DEAD_FILTER",
        "configs/scanners/buys.yaml:7:filters[1]",
        "never drops anything",
    ),
    "filter implied by a floor": (
        rule("{left: Value.Traded, operation: greater, right: 500000}"),
        "CFG_DEAD_FILTER",
        "configs/scanners/buys.yaml:7:filters[1]",
        "never drops anything",
    ),
    "asset cap never binds": (
        add(SLEEVE, "risk: {asset_cap: 0.5}\n"),
        "CFG_DEAD_CAP",
        "configs/sleeves/longs.yaml:8:risk.asset_cap",
        "cluster_cap 0.25 is lower",
    ),
    "members of a proxy that has none": (
        add(SLEEVE, "regime: {members: 20}\n"),
        "CFG_DEAD_LIMIT",
        "configs/sleeves/longs.yaml:8:regime.members",
        "the proxy is benchmark",
    ),
    "weight under a dominant signal": (
        edit(SLEEVE, "top_n: 5", "weights: {adx: 2.0}\n  dominant_signal: adx"),
        "CFG_DEAD_WEIGHT",
        "configs/sleeves/longs.yaml:7:selection.weights.adx",
        "dominant_signal sets adx to 3.0",
    ),
    "weight of no signal": (
        edit(SLEEVE, "top_n: 5", "dominant_signal_weight: 2.0"),
        "CFG_DEAD_WEIGHT",
        "configs/sleeves/longs.yaml:7:selection.dominant_signal_weight",
        "no dominant_signal is set",
    ),
    "threshold that a slope does not read": (
        add(SLEEVE, "filters: {trend_regime: {mode: slope, threshold: 0.01}}\n"),
        "CFG_DEAD_VALUE",
        "configs/sleeves/longs.yaml:8:filters.trend_regime.threshold",
        "the mode slope does not read it",
    ),
    "free trading": (
        add(SLEEVE, "costs: {slippage: 0, commission: 0}\n"),
        "CFG_COSTS",
        "configs/sleeves/longs.yaml:8:costs",
        "trading costs nothing",
    ),
    "free borrowing": (
        add("sleeves/shorts.yaml", "costs: {short_borrow: 0}\n"),
        "CFG_COSTS",
        "configs/sleeves/shorts.yaml:5:costs.short_borrow",
        "borrowing costs nothing",
    ),
    "unused scanner": (
        write("scanners/idle.yaml", "extends: buys.yaml\ndescription: Idle\n"),
        "CFG_DEAD_FILE",
        "configs/scanners/idle.yaml",
        "no sleeve uses this scanner",
    ),
    "unused universe": (
        lambda c: c.write("universes/idle.yaml", (c.path / UNIVERSE).read_text()),
        "CFG_DEAD_FILE",
        "configs/universes/idle.yaml",
        "nothing follows or scans",
    ),
    "unused parent": (
        write("sleeves/_idle.yaml", "strict: true\n"),
        "CFG_DEAD_FILE",
        "configs/sleeves/_idle.yaml",
        "no value of this file is used",
    ),
    "other suffix": (
        write("sleeves/x.yml", "a: 1\n"),
        "CFG_STRAY_FILE",
        "configs/sleeves/x.yml",
        "nothing reads this file",
    ),
    "other folder": (
        write("sleeves/old/x.yaml", "a: 1\n"),
        "CFG_STRAY_FILE",
        "configs/sleeves/old/x.yaml",
        "nothing reads",
    ),
}


def test_the_starting_point_is_clean(configs: Configs) -> None:
    assert configs.lint() == []
    assert list(configs.load().sleeves) == ["longs", "shorts"]


@pytest.mark.parametrize("case", ERRORS)
def test_errors(configs: Configs, case: str) -> None:
    breaks, code, where, words = ERRORS[case]
    breaks(configs)
    finding = configs.error()
    assert (finding.code, finding.severity, finding.where) == (code, Severity.ERROR, where)
    assert words in str(finding)
    assert [one for one in configs.lint() if one.severity is Severity.ERROR] == [finding]


@pytest.mark.parametrize("case", WINDOWS)
def test_windows(configs: Configs, case: str) -> None:
    text, key = WINDOWS[case]
    configs.edit(SLEEVE, "selection:\n  top_n: 5\n", text + "\n")
    findings = [finding for finding in configs.errors() if finding.key == key]
    assert {finding.code for finding in findings} == {"CFG_CONTRADICTION_WINDOW"}
    assert all(finding.file == "configs/sleeves/longs.yaml" and finding.line >= 1 for finding in findings)


@pytest.mark.parametrize("case", WARNINGS)
def test_warnings(configs: Configs, case: str) -> None:
    breaks, code, where, words = WARNINGS[case]
    breaks(configs)
    configs.load()  # it still loads
    findings = configs.lint()
    assert [(one.code, one.severity, one.where) for one in findings] == [(code, Severity.WARNING, where)]
    assert words in str(findings[0])


def test_an_engine_without_its_library_names_the_extra(configs: Configs, monkeypatch: pytest.MonkeyPatch) -> None:
    configs.add(SLEEVE, "allocation:\n  engines: [custom, cvxportfolio]\n  risk_profiles: [min_variance]\n")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = [finding for finding in configs.lint() if finding.code == "CFG_MISSING_ENGINE"]
    assert [(one.line, one.key) for one in found] == [(9, "allocation.engines[1]")]
    assert "quant-assets[cvxportfolio]" in found[0].fix


def test_twins(configs: Configs) -> None:
    """A LONG and a SHORT scanner without the filter that tells them apart hold the same assets (D24)."""
    configs.write("scanners/a.yaml", "extends: buys.yaml\nfilters: []\nsort_by: Value.Traded\nlogic: rating_osc\n")
    configs.write("scanners/b.yaml", "extends: a.yaml\nintent: SHORT\ndescription: Others\n")
    finding = configs.error()
    assert finding.code == "CFG_CONTRADICTION_TWINS"
    assert finding.where == "configs/scanners/b.yaml:2:intent"
    assert "that a proposes LONG" in finding.message
    sleeve = "extends: longs.yaml\ndescription: Shorts\ndirection: SHORT\nscanners: [b]\n"
    configs.write("sleeves/shorts.yaml", sleeve + "selection: {rating: null}\n")
    assert configs.error().code == "CFG_CONTRADICTION_TWINS"
    for told_apart in ("selection: {rating: recommend_all}", "selection: {rating: null}\nfilters: {trend_regime: {}}"):
        configs.write("sleeves/shorts.yaml", f"{sleeve}{told_apart}\n")
        assert "CFG_CONTRADICTION_TWINS" not in {one.code for one in configs.lint()}


def test_a_parent_that_cannot_be_read_is_found_even_if_nobody_extends_it(configs: Configs) -> None:
    configs.write("sleeves/_idle.yaml", "a: 1\na: 2\n")
    assert [(one.code, one.where) for one in configs.lint()] == [("CFG_LOAD", "configs/sleeves/_idle.yaml:2")]


def test_unused_without_a_platform_is_not_guessed(configs: Configs) -> None:
    (configs.path / PLATFORM).unlink()
    configs.write("sleeves/_idle.yaml", "strict: true\n")
    assert [one.code for one in configs.lint()] == ["CFG_LOAD"]


def test_every_error_is_reported_at_once(configs: Configs) -> None:
    configs.edit(SLEEVE, "top_n: 5", "top_n: 0\n  top_m: 1")
    configs.edit(SCANNER, "sort_by: Recommend.All", "sort_by: nothing")
    configs.add(UNIVERSE, "x: 1\nx: 2\n")
    findings = configs.errors()
    codes = [finding.code for finding in findings]
    assert codes == ["CFG_SORT_FIELD", "CFG_SCHEMA", "CFG_UNKNOWN_KEY", "CFG_LOAD"]  # by file and line


def test_a_flood_of_errors_is_cut_short(configs: Configs) -> None:
    configs.add(SLEEVE, "".join(f"sel{index}: 1\n" for index in range(2_000)))
    started = time.process_time()
    findings = configs.errors()
    assert time.process_time() - started < 1.0
    assert len(findings) == 51
    assert sum("1950 more errors in this file" in finding.message for finding in findings) == 1


def test_the_folder_may_be_the_working_directory(configs: Configs, monkeypatch: pytest.MonkeyPatch) -> None:
    configs.write("scanners/idle.yaml", "extends: buys.yaml\ndescription: Idle\n")
    configs.write("sleeves/_idle.yaml", "strict: true\n")
    monkeypatch.chdir(configs.path)
    assert [one.where for one in lint(Path(), environment={})] == [
        "configs/scanners/idle.yaml",
        "configs/sleeves/_idle.yaml",
    ]


def test_a_universe_without_its_members_stops_every_sleeve_of_it(configs: Configs) -> None:
    configs.add(UNIVERSE, "needs_symbol_file: true\n")
    assert [(one.code, one.where) for one in configs.errors()] == [
        ("CFG_SYMBOL_FILE", "configs/sleeves/longs.yaml:5:scanners[0]"),
        ("CFG_SYMBOL_FILE", "configs/sleeves/shorts.yaml:4:scanners[0]"),
    ]


def test_codes_are_listed_not_compared(configs: Configs) -> None:
    rule("{left: category, operation: greater, right: 26}")(configs)
    assert "CFG_FILTER_OP" in {one.code for one in configs.errors()}


def test_a_crossing_needs_the_bar_before(configs: Configs) -> None:
    rule("{left: close, operation: crosses_above, right: SMA200}")(configs)
    assert configs.error().code == "CFG_FILTER_OP"
    assert "compares with the bar before" in configs.error().message


def test_a_dated_list_is_read_beside_the_file_that_names_it(configs: Configs) -> None:
    configs.add(UNIVERSE, "symbol_files: [lists/a.txt, lists/b.txt]\nneeds_symbol_file: true\n")
    text = "# as_of: {}\n# source: a test\nBINANCE:BTCUSDT\n{}"
    configs.write("universes/lists/a.txt", text.format("2020-01-01", ""))
    configs.write("universes/lists/b.txt", text.format("2021-01-01", "BINANCE:ETHUSDT  # joined\n"))
    project = configs.load()
    lists = project.member_lists(project.scanner("buys"))
    assert [len(one.symbols) for one in lists] == [1, 2]
    before = project.config_hash("longs")
    configs.write("universes/lists/b.txt", text.format("2021-01-02", ""))
    assert configs.load().config_hash("longs") != before
    for bad, words in (
        ("BINANCE:BTCUSDT\n", "source"),
        ("# source: x\nBINANCE:BTCUSDT\n", "as_of"),
        ("# source: x\n# as_of: 2020-01-01\n", "lists nothing"),
        ("# source: x\n# as_of: 2020-01-01\nbtc\n", "not a valid symbol"),
        ("# source: x\n# as_of: 2020-01-01\nA:B\nA:B\n", "repeats A:B"),
    ):
        configs.write("universes/lists/b.txt", bad)
        assert (configs.error().code, words in configs.error().message) == ("CFG_SYMBOL_FILE", True)


def test_a_market_cap_file_is_dated_and_whole(configs: Configs) -> None:
    configs.add(SCANNER, "market_cap: {file: caps.csv, floor: 1000000, rank_limit: 50}\n")
    configs.write("scanners/caps.csv", "# as_of: 2020-01-01\nbase,market_cap,rank\nBTC,130000000000,1\n")
    project = configs.load()
    caps = project.market_caps(project.scanner("buys"))
    assert caps is not None
    assert (caps.caps, caps.ranks) == ({"BTC": 130e9}, {"BTC": 1.0})
    for bad in ("base,market_cap,rank\nBTC,1,1\n", "# as_of: 2020-01-01\nBTC,-1,1\n", "# as_of: 2020-01-01\n"):
        configs.write("scanners/caps.csv", bad)
        assert configs.error().code == "CFG_MARKET_CAP_FILE"


def test_errors_come_before_warnings(configs: Configs) -> None:
    configs.add("scanners/sells.yaml", "limit: 100\nbase_limit: 50\n")
    configs.edit(SLEEVE, "top_n: 5", "top_n: 0")
    assert [one.severity for one in configs.lint()] == [Severity.ERROR, Severity.WARNING]


def test_a_broken_scanner_is_not_reported_as_missing(configs: Configs) -> None:
    configs.edit(SCANNER, "sort_order: desc", "sort_order: down")
    assert configs.error().code == "CFG_SCHEMA"


def test_column_comparisons_and_searches_are_accepted(configs: Configs) -> None:
    rule("{left: close, operation: greater, right: SMA200}\n  - {left: name, operation: match, right: 'USDT$'}")(
        configs
    )
    assert configs.lint() == []
    assert configs.load().scanner("buys").filters[1].right == "SMA200"


def test_a_missing_folder_is_an_empty_one(configs: Configs) -> None:
    for name in ("longs", "shorts"):
        (configs.path / "sleeves" / f"{name}.yaml").unlink()
    (configs.path / "sleeves").rmdir()
    assert configs.load().sleeves == {}


def test_every_code_is_provoked_and_documented() -> None:
    """No finding without a test above (or beside), and none missing from the decision record."""
    source = "".join(path.read_text() for path in Path(package.__file__).parent.glob("*.py"))
    source += (Path(package.__file__).parent.parent / "settings.py").read_text()
    codes = set(re.findall(r'"(CFG_[A-Z_]+)"', source))
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    tests += (Path(__file__).parent.parent / "test_settings.py").read_text()
    record = (Path(__file__).parents[3] / "docs" / "decisions" / "0008-configuration.md").read_text()
    assert codes
    assert {code for code in codes if f'"{code}"' not in tests} == set()
    assert {code for code in codes if f"`{code}`" not in record} == set()
