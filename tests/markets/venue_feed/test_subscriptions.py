"""What is wanted, and how few connections change when it does."""

from __future__ import annotations

from decimal import Decimal

from accounts.models import User
from markets.models import AlertKind, InstrumentState, InterestKind, PriceAlert
from markets.services import renew_interest
from markets.venue_feed.subscriptions import read_wanted, regroup
from tests.fixtures_desk import NOON, Desk


def test_a_new_symbol_goes_into_the_smallest_group_and_leaves_the_others_alone() -> None:
    assert regroup([], {"b", "a", "c"}, 2) == [("a", "b"), ("c",)]
    assert regroup([("a", "b"), ("c",)], {"a", "b", "c", "d"}, 2) == [("a", "b"), ("c", "d")]
    assert regroup([("a", "b"), ("c", "d")], {"a", "b", "c", "d", "e"}, 2) == [("a", "b"), ("c", "d"), ("e",)]


def test_a_symbol_that_nobody_wants_leaves_its_group_and_an_empty_group_goes() -> None:
    assert regroup([("a", "b"), ("c",)], {"a", "b"}, 2) == [("a", "b")]
    assert regroup([("a", "b"), ("c",)], {"b", "c"}, 2) == [("b",), ("c",)]
    assert regroup([("a",)], set(), 2) == []
    assert regroup([("a", "b")], {"b", "c"}, 2) == [("b", "c")]


def test_prices_are_wanted_of_everything_that_anybody_needs_and_alerts_need_theirs(desk: Desk, alice: User) -> None:
    named = {base: desk.instrument(base, gateway_symbol=f"{base}/USDT") for base in ("BTC", "ETH", "SOL", "XRP")}
    bare = desk.instrument("DOGE")
    gone = desk.instrument("LUNA", gateway_symbol="LUNA/USDT", state=InstrumentState.RETIRED)
    renew_interest(instrument_ids=[named["BTC"].pk, bare.pk, gone.pk], kind=InterestKind.BOOK, reason="page")
    renew_interest(instrument_ids=[named["XRP"].pk], kind=InterestKind.BOOK, reason="page", seconds=0)
    for change, (base, kind) in enumerate((("ETH", AlertKind.ABOVE), ("SOL", AlertKind.VOLUME_SPIKE))):
        PriceAlert.objects.create(
            owner=alice,
            instrument=named[base],
            namespace=desk.namespace,
            kind=kind,
            level=Decimal(5),
            window_seconds=60 if kind == AlertKind.VOLUME_SPIKE else None,
            change=change + 1,
            armed_at=NOON,
        )
    wanted = read_wanted(desk.exchange)
    assert wanted.symbols == {
        InterestKind.TICKER: {"BTC/USDT", "ETH/USDT", "SOL/USDT"},
        InterestKind.CANDLES: {"SOL/USDT"},
        InterestKind.TRADES: set(),
        InterestKind.BOOK: {"BTC/USDT"},
    }
    assert set(wanted.instruments) == {"BTC/USDT", "ETH/USDT", "SOL/USDT"}
    assert wanted.retired == frozenset({"LUNA-USDT"})
    assert wanted.perpetuals == []
