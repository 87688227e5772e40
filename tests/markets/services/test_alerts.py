"""Price alerts as their owners make them, and as a feed fires them: what is refused, and that each is told once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.models import LimitName, Notification, Plan, User
from accounts.registry import describe
from accounts.services import notify
from common.errors import DomainError, NotFound
from markets.models import AlertBook, AlertKind, AlertState, Instrument, InstrumentState, PriceAlert
from markets.selectors import alert_for_user, alerts_of
from markets.services import cancel_alert, create_alert, fire_alerts, forget_alerts, rearm_alerts
from markets.services.alerts import Firing
from tests.fixtures_desk import Desk


@pytest.fixture
def btc(desk: Desk) -> Instrument:
    return desk.instrument()


def above(owner: User, instrument: Instrument, **facts: Any) -> PriceAlert:
    terms: dict[str, Any] = {"kind": AlertKind.ABOVE, "level": Decimal(110)} | facts
    return create_alert(owner=owner, instrument=instrument, **terms)


def firing(alert: PriceAlert, price: str | None = "110.5") -> Firing:
    return Firing(alert.pk, alert.armed_at + timedelta(seconds=5), None if price is None else Decimal(price))


def test_an_alert_is_armed_at_market_time_and_numbered(desk: Desk, alice: User, btc: Instrument) -> None:
    first, second = above(alice, btc), above(alice, btc, repeats=True, cool_down_seconds=5)
    assert (first.state, first.armed_at, first.namespace) == (AlertState.ARMED, desk.at, desk.namespace)
    assert (first.change, second.change) == (1, 2)
    assert AlertBook.objects.get(namespace=desk.namespace).last_change == 2
    # Once needs no rest; again and again needs a minute at least.
    assert (first.cool_down_seconds, second.cool_down_seconds) == (0, 60)
    move = create_alert(
        owner=alice, instrument=btc, kind=AlertKind.MOVE, level=Decimal("0.05"), window_seconds=3600, repeats=True
    )
    assert move.cool_down_seconds == 3600


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"level": Decimal(0)}, "ALERT_LEVEL_NOT_VALID"),
        ({"level": Decimal("NaN")}, "ALERT_LEVEL_NOT_VALID"),
        ({"level": Decimal("100.005")}, "ALERT_LEVEL_NOT_VALID"),
        ({"level": Decimal("1E+20")}, "ALERT_LEVEL_NOT_VALID"),
        ({"level": Decimal("1" * 60)}, "ALERT_LEVEL_NOT_VALID"),
        ({"kind": AlertKind.MOVE, "level": Decimal("0.0500001"), "window_seconds": 60}, "ALERT_LEVEL_NOT_VALID"),
        ({"window_seconds": 60}, "ALERT_WINDOW_NOT_VALID"),
        ({"kind": AlertKind.MOVE, "level": Decimal("0.05")}, "ALERT_WINDOW_NOT_VALID"),
        ({"kind": AlertKind.MOVE, "level": Decimal("0.05"), "window_seconds": 61}, "ALERT_WINDOW_NOT_VALID"),
        ({"kind": AlertKind.MOVE, "level": Decimal("0.0009"), "window_seconds": 60}, "ALERT_LEVEL_NOT_VALID"),
        ({"kind": AlertKind.VOLUME_SPIKE, "level": Decimal(1), "window_seconds": 60}, "ALERT_LEVEL_NOT_VALID"),
        ({"kind": AlertKind.VOLUME_SPIKE, "level": Decimal(3), "window_seconds": 61}, "ALERT_WINDOW_NOT_VALID"),
        ({"repeats": True, "cool_down_seconds": -1}, "ALERT_COOL_DOWN_NOT_VALID"),
        ({"note": "x" * 121}, "ALERT_NOTE_TOO_LONG"),
    ],
)
def test_what_means_nothing_is_refused_and_nothing_stored(
    alice: User, btc: Instrument, facts: dict[str, Any], code: str
) -> None:
    with pytest.raises(DomainError) as refusal:
        above(alice, btc, **facts)
    assert refusal.value.code == code
    assert not PriceAlert.objects.exists()


def test_a_retired_instrument_gets_no_alert(alice: User, btc: Instrument) -> None:
    btc.state = InstrumentState.RETIRED
    with pytest.raises(DomainError, match="no longer traded"):
        above(alice, btc)


def test_the_plan_limits_the_alerts_that_wait(alice: User, bob: User, btc: Instrument) -> None:
    plan = Plan.objects.create(name="Small")
    plan.limits.create(name=LimitName.PRICE_ALERTS, value=1)
    alice.profile.plan = plan
    alice.profile.save()
    first = above(alice, btc)
    with pytest.raises(DomainError, match=r"Your plan \(Small\) allows 1 price alerts that wait"):
        above(alice, btc)
    above(bob, btc)
    cancel_alert(alert=first)
    assert above(alice, btc).state == AlertState.ARMED


def test_only_its_owner_gets_an_alert(alice: User, bob: User, charlie: User, btc: Instrument) -> None:
    alert = above(alice, btc)
    above(bob, btc)
    assert alert_for_user(alice, alert.pk) == alert
    assert alert_for_user(alice, str(alert.pk)).instrument == btc
    for stranger in (bob, charlie, AnonymousUser(), None):
        with pytest.raises(NotFound):
            alert_for_user(stranger, alert.pk)
    with pytest.raises(NotFound):
        alert_for_user(alice, "not an id")
    assert list(alerts_of(alice)) == [alert]


def test_a_firing_changes_the_state_and_tells_the_owner_in_words(alice: User, bob: User, btc: Instrument) -> None:
    alert = above(alice, btc, note="sell half")
    assert fire_alerts(namespace=alert.namespace, firings=[firing(alert)]) == [alert.pk]
    alert.refresh_from_db()
    assert (alert.state, alert.times_fired, alert.change) == (AlertState.FIRED, 1, 2)
    assert alert.fired_at == alert.armed_at + timedelta(seconds=5)
    told = Notification.objects.get()
    assert (told.user, told.event) == (alice, "alert.fired")
    words = describe(told.event, told.context)
    assert words.title == "BTC-USDT rose to 110.50 USDT"
    assert "sell half" in words.body
    assert words.url == f"/markets/{btc.pk}/"
    assert "MAIL" in told.deliveries.values_list("channel", flat=True)


def test_a_firing_that_comes_twice_or_too_late_tells_nothing(alice: User, btc: Instrument) -> None:
    once, canceled = above(alice, btc), above(alice, btc)
    cancel_alert(alert=canceled)
    firings = [firing(once), firing(canceled)]
    assert fire_alerts(namespace=once.namespace, firings=firings) == [once.pk]
    assert fire_alerts(namespace=once.namespace, firings=firings) == []
    assert Notification.objects.count() == 1
    canceled.refresh_from_db()
    assert (canceled.state, canceled.times_fired) == (AlertState.CANCELED, 0)


def test_a_feed_killed_before_the_commit_has_told_nothing_and_the_alert_still_waits(
    alice: User, btc: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = [above(alice, btc) for _ in range(3)]
    told = []

    def die_at_the_third(**facts: Any) -> None:
        told.append(facts)
        if len(told) == 3:
            raise SystemExit
        notify(**facts)

    monkeypatch.setattr("markets.services.alerts.notify", die_at_the_third)
    with pytest.raises(SystemExit):
        fire_alerts(namespace=alerts[0].namespace, firings=[firing(alert) for alert in alerts])
    assert set(PriceAlert.objects.values_list("state", "times_fired")) == {("ARMED", 0)}
    assert not Notification.objects.exists()
    monkeypatch.undo()
    assert len(fire_alerts(namespace=alerts[0].namespace, firings=[firing(alert) for alert in alerts])) == 3
    assert Notification.objects.count() == 3


@pytest.mark.parametrize(
    ("facts", "price", "title"),
    [
        ({"kind": AlertKind.BELOW, "level": Decimal(90)}, "89.9", "BTC-USDT fell to 89.90 USDT"),
        (
            {"kind": AlertKind.MOVE, "level": Decimal("0.05"), "window_seconds": 300},
            "95",
            "BTC-USDT moved at least 5 % within 5 minutes, to 95.00 USDT",
        ),
        (
            {"kind": AlertKind.VOLUME_SPIKE, "level": Decimal("2.5"), "window_seconds": 3600},
            None,
            "BTC-USDT traded at least 2.5 times its usual volume in 1h",
        ),
    ],
)
def test_each_kind_has_its_words(
    alice: User, btc: Instrument, facts: dict[str, Any], price: str | None, title: str
) -> None:
    alert = above(alice, btc, **facts)
    fire_alerts(namespace=alert.namespace, firings=[firing(alert, price)])
    told = Notification.objects.get()
    assert describe(told.event, told.context).title == title


def test_one_that_repeats_rests_and_is_armed_again_from_then_on(desk: Desk, alice: User, btc: Instrument) -> None:
    alert = above(alice, btc, repeats=True)
    fire_alerts(namespace=alert.namespace, firings=[firing(alert)])
    alert.refresh_from_db()
    assert alert.state == AlertState.RESTING
    assert fire_alerts(namespace=alert.namespace, firings=[firing(alert)]) == []
    desk.step({btc: 100}, desk.at + timedelta(minutes=2))
    assert rearm_alerts(namespace=alert.namespace, alert_ids=[alert.pk]) == 1
    assert rearm_alerts(namespace=alert.namespace, alert_ids=[alert.pk]) == 0
    alert.refresh_from_db()
    assert (alert.state, alert.armed_at, alert.times_fired) == (AlertState.ARMED, desk.at, 1)
    assert fire_alerts(namespace=alert.namespace, firings=[firing(alert)]) == [alert.pk]


def test_canceling_again_or_after_the_firing_changes_nothing(alice: User, btc: Instrument) -> None:
    fired, canceled = above(alice, btc), above(alice, btc)
    fire_alerts(namespace=fired.namespace, firings=[firing(fired)])
    assert cancel_alert(alert=canceled).state == AlertState.CANCELED
    change = AlertBook.objects.get().last_change
    assert cancel_alert(alert=canceled).change == change
    assert cancel_alert(alert=fired).state == AlertState.FIRED
    assert AlertBook.objects.get().last_change == change


def test_only_ended_alerts_of_the_owner_are_forgotten(alice: User, bob: User, btc: Instrument) -> None:
    waiting, ended, other = above(alice, btc), above(alice, btc), above(bob, btc)
    cancel_alert(alert=ended)
    cancel_alert(alert=other)
    assert forget_alerts(owner=alice) == 1
    assert set(PriceAlert.objects.values_list("pk", flat=True)) == {waiting.pk, other.pk}
