"""How alerts read, and what was told of each."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Notification, User
from accounts.services import notify
from markets.models import AlertKind
from markets.services import create_alert, fire_alerts
from markets.services.alerts import Firing
from markets.watching.wording import condition, price_topic, repetition, span, told_of, window_choices
from tests.fixtures_desk import Desk


@pytest.mark.parametrize(
    ("kind", "level", "facts", "words", "how_often"),
    [
        (AlertKind.ABOVE, "64000", {}, "rises to 64,000.00 USDT", "once"),
        (AlertKind.BELOW, "0.5", {}, "falls to 0.50 USDT", "once"),
        (
            AlertKind.MOVE,
            "0.055",
            {"window_seconds": 3_600, "repeats": True},
            "moves by 5.5 % within 1 hour",
            "at most every hour",
        ),
        (
            AlertKind.VOLUME_SPIKE,
            "3",
            {"window_seconds": 300, "repeats": True, "cool_down_seconds": 900},
            "trades 3 times its usual volume in 5m",
            "at most every 15 minutes",
        ),
    ],
)
def test_an_alert_in_words(
    desk: Desk, alice: User, kind: AlertKind, level: str, facts: dict[str, Any], words: str, how_often: str
) -> None:
    alert = create_alert(owner=alice, instrument=desk.instrument(), kind=kind, level=Decimal(level), **facts)
    assert (condition(alert), repetition(alert)) == (words, how_often)


@pytest.mark.parametrize(("seconds", "words"), [(86_400, "1 day"), (7_200, "2 hours"), (90, "90 seconds")])
def test_a_span_is_in_whole_units(seconds: int, words: str) -> None:
    assert span(seconds) == words


def test_windows_by_kind() -> None:
    assert window_choices(AlertKind.ABOVE) == []
    assert window_choices(AlertKind.MOVE)[0] == (60, "1 minute")
    assert window_choices(AlertKind.VOLUME_SPIKE)[-1] == (86_400, "1d")


def test_what_was_told_last_of_each_alert_of_ones_own(desk: Desk, alice: User, bob: User) -> None:
    btc = desk.instrument()
    told, silent = (create_alert(owner=alice, instrument=btc, kind=AlertKind.ABOVE, level=Decimal(9)) for _ in "ab")
    fire_alerts(namespace=desk.namespace, firings=[Firing(told.pk, desk.at, Decimal("9.25"))])
    told.refresh_from_db()
    [mine] = Notification.objects.filter(user=alice)
    # Another's notification says nothing about mine.
    notify(user=bob, event="alert.fired", context=mine.context | {"price": "1.00"})
    found = told_of(alice, [told, silent])
    assert {key: (one.price, one.at) for key, one in found.items()} == {told.pk: ("9.25", desk.at)}
    assert told_of(alice, [silent]) == {}


def test_a_real_venue_s_instrument_has_a_topic_of_its_own(desk: Desk) -> None:
    btc = desk.instrument()
    assert price_topic(btc) == f"prices:{desk.namespace}"
    btc.exchange.dialect = "binance"
    assert price_topic(btc) == f"ticker:{btc.pk}"
