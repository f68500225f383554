"""How every sleeve would have selected at past month ends, from what the lakehouse holds, as a Markdown table.

``python -m tools.selection_history --since 2021-01-31 --until 2022-06-30 [--profile P ...] [--detail]``

Candidates are reconstructed point in time and selected as a walk-forward window would on that day: nothing later is
read.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from quant_assets.configured import load_configured
from quant_assets.sleeve_rules import sleeve_rules
from quant_lib.calendars import CalendarBook, get_calendar, session_number_of
from quant_lib.decision import History, SleeveRules
from quant_lib.decision.choice import select_on
from quant_lib.errors import QuantError
from quant_lib.health import segment_bars
from quant_resources.config import Project
from quant_resources.lakehouse import Lake


@dataclass(frozen=True)
class Line:
    """One sleeve on one day."""

    profile: str
    day: pd.Timestamp
    summary: dict[str, object]
    winners: frozenset[str]
    note: str = ""


def history_of(lake: Lake, project: Project, until: dt.date) -> History:
    """Everything stored up to a date."""
    from quant_assets.sleeve_rules import health_rules

    rules = health_rules(project)
    bars = lake.read("ohlcv", until=until, columns=["symbol", "date", "open", "high", "low", "close", "volume"])
    bars = bars.sort_values(["symbol", "date"], kind="stable").reset_index(drop=True)
    newest = lake.read("instruments", until=until)
    instruments = newest[newest["date"] == newest["date"].max()]
    segments: pd.Series = segment_bars(bars, rules, CalendarBook.of(instruments))
    return History.of(bars.assign(segment=segments), lake.read("features", until=until), instruments, rules)


def month_ends(since: dt.date, until: dt.date) -> list[pd.Timestamp]:
    """Last days of the months in a range."""
    return list(pd.date_range(since, until, freq="ME"))


def lines(history: History, rules: SleeveRules, days: list[pd.Timestamp]) -> Iterator[Line]:
    """Select on every day; a day that cannot be decided is a line with the reason."""
    for day in days:
        try:
            found, _ = select_on(history, rules, day, _lookback_start(rules, day))
        except QuantError as error:
            yield Line(rules.profile, day, {}, frozenset(), str(error))
            continue
        won = found.table.loc[found.table["selected"], "symbol"]
        yield Line(rules.profile, day, {**found.summary, "reached": found.stage}, frozenset(won))


def _lookback_start(rules: SleeveRules, day: pd.Timestamp) -> pd.Timestamp:
    """First session of the lookback that ends on a day."""
    calendar = get_calendar(rules.calendar)
    first = session_number_of(calendar, day.date()) - rules.returns.lookback + 1
    return pd.Timestamp(calendar.session_date(np.array([first], dtype=np.int64))[0])


def per_day(rows: list[Line]) -> str:
    """Markdown of every line."""
    header = "| profile | day | candidates | hard | soft | clusters | stage | winners | long | short | vetoes |"
    made = [header, "|" + " --- |" * 11]
    for row in rows:
        s = row.summary
        if not s:
            made.append(f"| {row.profile} | {row.day:%Y-%m-%d} | – | | | | | | | | {row.note} |")
            continue
        counts = s["vetoes"] if isinstance(s["vetoes"], dict) else {}
        vetoes = ", ".join(f"{name} {n}" for name, n in counts.items())
        made.append(
            f"| {row.profile} | {row.day:%Y-%m-%d} | {s['n_candidates']} | {s['n_vetoed']} | {s['n_soft_vetoed']} | "
            f"{s['n_clusters']} | {s['reached']} | {s['n_winners']} | {s['n_long']} | {s['n_short']} | {vetoes} |"
        )
    return "\n".join(made)


def per_profile(rows: list[Line]) -> str:
    """Markdown of totals: candidates, what each veto refused, stages, winners, overlap with the opposite side."""
    header = "| profile | days | candidates | winners | longs | shorts | stage 1/2/3/4 | no winner | overlap | vetoes |"
    made = [header, "|" + " --- |" * 10]
    won: dict[tuple[str, pd.Timestamp], frozenset[str]] = {(row.profile, row.day): row.winners for row in rows}
    for profile in dict.fromkeys(row.profile for row in rows):
        own = [row for row in rows if row.profile == profile and row.summary]
        vetoes: Counter[str] = Counter()
        stages: Counter[int] = Counter()
        for row in own:
            vetoes.update(row.summary["vetoes"])  # type: ignore[call-overload]
            stages[int(str(row.summary["reached"]))] += 1
        other = _opposite(profile)
        both = sum(len(row.winners & won.get((other, row.day), frozenset())) for row in own)
        two_sided = other != profile and any(row.profile == other for row in rows)
        shown = str(both) if two_sided else "–"  # a sleeve without an opposite would be compared with itself
        total = {key: sum(int(str(row.summary[key])) for row in own) for key in _TOTALS}
        reached = "/".join(str(stages[number]) for number in (1, 2, 3, 4))
        empty = sum(not row.winners for row in own)
        words = ", ".join(f"{name} {n}" for name, n in sorted(vetoes.items()))
        counts = " | ".join(str(total[key]) for key in _TOTALS)
        made.append(f"| {profile} | {len(own)} | {counts} | {reached} | {empty} | {shown} | {words} |")
    return "\n".join(made)


_TOTALS = ("n_candidates", "n_winners", "n_long", "n_short")


def _opposite(profile: str) -> str:
    words = profile.split("_")
    swap = {"long": "short", "short": "long"}
    return "_".join(swap.get(word, word) for word in words)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--since", type=dt.date.fromisoformat, required=True)
    parser.add_argument("--until", type=dt.date.fromisoformat, required=True)
    parser.add_argument("--profile", action="append", help="sleeve, repeatable; every one if left out")
    parser.add_argument("--detail", action="store_true", help="one line for each day")
    chosen = parser.parse_args(arguments)
    settings, project = load_configured()
    history = history_of(Lake(settings.lakehouse_dir), project, chosen.until)
    days, rows = month_ends(chosen.since, chosen.until), []
    for name in chosen.profile or sorted(project.sleeves):
        rows += list(lines(history, sleeve_rules(project, project.sleeve(name)), days))
        sys.stderr.write(f"{name} done\n")
    sys.stdout.write((per_day(rows) if chosen.detail else per_profile(rows)) + "\n")


if __name__ == "__main__":
    main()
