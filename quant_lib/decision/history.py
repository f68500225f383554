"""What was stored up to a date, served day by day."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from quant_lib.calendars import CalendarBook
from quant_lib.health import HealthRules, quarantine_bars, segment_starts


@dataclass(frozen=True)
class History:
    """What was stored up to a date, served day by day. Make it with `History.of`.

    A decision asks for rows *as of* its day and is handed nothing later: rows are
    kept in order of their date, and a day's view ends where that day ends.

    Attributes
    ----------
    bars, features : DataFrame
        Sorted by (date, symbol).
    instruments : DataFrame
        Catalogue rows of the newest date: only what does not change over time is read.
    quarantined, starts : DataFrame
        Bad prints with the date they became known, and where segments begin.
    calendars : CalendarBook
        Calendar of each symbol.
    """

    bars: pd.DataFrame
    features: pd.DataFrame
    instruments: pd.DataFrame
    quarantined: pd.DataFrame
    starts: pd.DataFrame
    calendars: CalendarBook

    @classmethod
    def of(cls, bars: pd.DataFrame, features: pd.DataFrame, instruments: pd.DataFrame, rules: HealthRules) -> History:
        """Order the rows and find, once, what quarantines and separates them.

        Both findings carry the date they became known and do not change when later
        bars are added, so that a day's view can be cut from them.

        Parameters
        ----------
        bars : DataFrame
            symbol, date, open, high, low, close, volume, segment.
        features : DataFrame
            Rows of the table, at least the columns of `features_read`.
        instruments : DataFrame
            Rows of the table.
        rules : HealthRules
            What quarantines a bar.
        """
        calendars = CalendarBook.of(instruments)
        return cls(
            bars.sort_values(["date", "symbol"], ignore_index=True),
            features.sort_values(["date", "symbol"], ignore_index=True),
            instruments,
            quarantine_bars(bars, rules, calendars),
            segment_starts(bars, bars["segment"]),
            calendars,
        )

    def bars_between(self, since: pd.Timestamp, day: pd.Timestamp) -> pd.DataFrame:
        """Bars of the sessions from ``since`` to ``day``."""
        return _between(self.bars, since, day)

    def features_on(self, day: pd.Timestamp) -> pd.DataFrame:
        """Feature rows of one day."""
        return _between(self.features, day, day)

    def features_between(self, since: pd.Timestamp, day: pd.Timestamp) -> pd.DataFrame:
        """Feature rows of the sessions from ``since`` to ``day``."""
        return _between(self.features, since, day)

    def bad_prints(self, day: pd.Timestamp) -> pd.DataFrame:
        """Quarantined bars known on a day."""
        return self.quarantined[self.quarantined["known_on"] <= day]

    def segment_starts(self, day: pd.Timestamp) -> pd.DataFrame:
        """Segments that had begun on a day."""
        return self.starts[self.starts["start"] <= day]


def _between(frame: pd.DataFrame, since: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
    """Rows of a date-ordered frame, both ends included."""
    dates = frame["date"].to_numpy()
    first = dates.searchsorted(since.to_datetime64(), side="left")
    last = dates.searchsorted(until.to_datetime64(), side="right")
    return frame.iloc[int(first) : int(last)].reset_index(drop=True)
