"""What runs decide on is watched, each run's for itself, while it runs."""

from __future__ import annotations

from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from markets.models import Exchange, Interest
from strategies.services.interests import renew_run_interests
from strategies.services.runs import stop_run
from strategies.tasks import renew_interests
from tests.fixtures_desk import Desk
from tests.strategies.services.test_runs import Setting


def test_running_runs_have_candles_and_price_watched(
    desk: Desk, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    setting = Setting(desk, alice)
    assert renew_run_interests() == 0  # the desk is not connected
    Exchange.objects.filter(pk=desk.exchange.pk).update(dialect="binance")
    with django_assert_num_queries(4):  # one question; one write, which a test puts a savepoint around
        assert renew_run_interests() == 2
    reason = f"run:{setting.run.pk}"
    assert set(Interest.objects.values_list("instrument", "kind", "reason")) == {
        (setting.instrument.pk, "CANDLES", reason),
        (setting.instrument.pk, "TICKER", reason),
    }
    stop_run(actor=alice, run=setting.run)
    Interest.objects.all().delete()
    renew_interests()
    assert not Interest.objects.exists()
