"""Quote conversations, played without a network."""

import datetime as dt
import json

import pytest

from quant_resources.market import Clock, Faults
from quant_resources.market._quotes import QuoteDesk
from quant_resources.market._view import MarketView
from quant_resources.market.clock import DAY
from quant_resources.market.faults import FaultPlan

QS = "qs_Pw9xL2cRt6Ya"


class Quotes:
    def __init__(self, source, now, faults=None):
        self.sent = []
        clock = now if hasattr(now, "timestamp") else Clock.at(dt.datetime.fromtimestamp(now, dt.UTC))
        self.desk = QuoteDesk(
            MarketView(source, clock), FaultPlan(faults or Faults()), lambda *texts: self.sent.append(texts)
        )
        self.ask("quote_create_session", QS)

    def ask(self, method, *params):
        start = len(self.sent)
        self.desk.handle(method, list(params))
        return [[json.loads(text) for text in texts] for texts in self.sent[start:]]


@pytest.fixture
def market(lab):
    return lab.ListSource({"BINANCE:BTCUSDT": lab.make_bars([100.0, 110.0, 99.0])})


@pytest.fixture
def now(lab):
    return lab.DAY_ZERO + 3 * DAY


def test_the_worked_example(market, now):
    quotes = Quotes(market, now)
    assert quotes.ask("quote_set_fields", QS, "lp", "lp_time", "ch", "chp", "volume", "pricescale") == []
    quotes.ask("quote_add_symbols", QS, "BINANCE:BTCUSDT", "BINANCE:NOSUCH")
    data, failure = quotes.sent
    # Fields in descending order; data and completion travel in one message.
    assert data == (
        f'{{"m":"qsd","p":["{QS}",{{"n":"BINANCE:BTCUSDT","s":"ok","v":{{"volume":3.0,"pricescale":100,'
        f'"lp_time":{now},"lp":99.0,"chp":-10.0,"ch":-11.0}}}}]}}',
        f'{{"m":"quote_completed","p":["{QS}","BINANCE:BTCUSDT"]}}',
    )
    assert failure == (
        f'{{"m":"qsd","p":["{QS}",{{"n":"BINANCE:NOSUCH","s":"error","errmsg":"no_such_symbol","v":{{}}}}]}}',
        f'{{"m":"quote_completed","p":["{QS}","BINANCE:NOSUCH"]}}',
    )


@pytest.mark.parametrize(
    "name", ['={"session":"regular","symbol":"BINANCE:BTCUSDT"}', '={ "symbol": "binance:btcusdt" }']
)
def test_the_name_is_echoed_byte_for_byte(market, now, name):
    ((data, completed),) = Quotes(market, now).ask("quote_add_symbols", QS, name)
    assert (data["p"][1]["n"], data["p"][1]["s"], completed["p"][1]) == (name, "ok", name)


def test_without_a_field_list_everything_known_is_sent(market, now):
    ((data, _),) = Quotes(market, now).ask("quote_add_symbols", QS, "BINANCE:BTCUSDT")
    values = data["p"][1]["v"]
    assert values["trade_loaded"] is True
    assert values["metrics_loaded"] is False
    assert (values["open_price"], values["high_price"], values["low_price"]) == (110.0, 111.0, 98.5)
    assert (values["prev_close_price"], values["currency_code"], values["current_session"]) == (110.0, "USDT", "market")
    assert values["rtc"] is None


def test_a_flags_object_is_told_off_and_the_names_are_served(market, now):
    replies = Quotes(market, now).ask("quote_add_symbols", QS, "BINANCE:BTCUSDT", {"flags": ["force_permission"]})
    assert replies[0] == [{"m": "critical_error", "p": [QS, "invalid_parameters", "quote_add_symbols"]}]
    assert replies[1][0]["p"][1]["s"] == "ok"


def test_a_running_day_is_its_open(market, lab):
    ((data, _),) = Quotes(market, lab.DAY_ZERO + 2 * DAY + 60).ask("quote_add_symbols", QS, "BINANCE:BTCUSDT")
    values = data["p"][1]["v"]
    assert (values["lp"], values["ch"], values["volume"]) == (110.0, 0.0, 0.0)
    assert values["lp_time"] == lab.DAY_ZERO + 2 * DAY + 60


def test_a_symbol_that_no_longer_trades_says_so(market, lab):
    ((data, _),) = Quotes(market, lab.DAY_ZERO + 30 * DAY).ask("quote_add_symbols", QS, "BINANCE:BTCUSDT")
    assert data["p"][1]["v"]["current_session"] == "out_of_session"
    assert data["p"][1]["v"]["lp_time"] == lab.DAY_ZERO + 3 * DAY


def test_unknown_sessions_and_faults(market, now):
    quotes = Quotes(market, now, Faults(denied=("BINANCE:BTCUSDT",)))
    assert quotes.ask("quote_add_symbols", "qs_other", "A") == [
        [{"m": "critical_error", "p": ["qs_other", "invalid_parameters", "quote_add_symbols"]}]
    ]
    ((data, _),) = quotes.ask("quote_add_symbols", QS, "BINANCE:BTCUSDT")
    assert data["p"][1]["errmsg"] == "permission denied"
    assert Quotes(market, now, Faults(silent=("BINANCE:BTCUSDT",))).ask("quote_add_symbols", QS, "BTCUSDT") == []


def test_when_the_day_turns_only_what_changed_is_sent(market, lab):
    class Moving:
        value = lab.DAY_ZERO + DAY + 60

        def timestamp(self):
            return self.value

    clock = Moving()
    quotes = Quotes(market, clock)
    quotes.ask("quote_set_fields", QS, "lp", "lp_time", "volume", "pricescale")
    quotes.ask("quote_add_symbols", QS, "BTCUSDT")
    del quotes.sent[:]
    clock.value += 5
    quotes.desk.roll()
    assert quotes.sent == []
    clock.value += DAY
    quotes.desk.roll()
    ((text,),) = quotes.sent
    assert json.loads(text)["p"][1] == {"n": "BTCUSDT", "s": "ok", "v": {"lp_time": int(clock.value), "lp": 110.0}}
    quotes.ask("quote_remove_symbols", QS, "BTCUSDT")
    clock.value += DAY
    del quotes.sent[:]
    quotes.desk.roll()
    assert quotes.sent == []
