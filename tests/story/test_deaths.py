"""A feed or an engine that dies without a word: the one that stands by takes over, and nothing is done twice or left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import redis
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from accounts.models import User
from common.clock import market_now
from common.ids import new_id
from engine.timeframes import MINUTE_MS, moment
from markets.models import Instrument
from markets.selectors import candle_arrays, tradable_instruments
from markets.services import seed_simulated_venue
from markets.simulated import NAMESPACE, VENUE_CODE
from portfolios.models import Portfolio
from tests.fixtures_desk import Desk
from tests.story.processes import Process, own_environment, wait_until
from tests.story.sites import procfile
from trading.models import CauseKind, Leg, Order, OrderState, Side, Trigger, TriggerState
from trading.services.orders import Cause, submit_order

# A lease that nobody renews lapses within ten seconds; the rest is for a busy machine.
TAKEN_OVER_SECONDS = 60.0
Starts = Callable[..., Process]


@pytest.fixture
def starts(tmp_path: Path, settings: Settings) -> Iterator[Starts]:
    """Start a process of the Procfile on the test's own database, Redis keys and candles, for a venue of one's choice."""
    place, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    settings.CANDLE_DIR = tmp_path / "candles"
    environment = own_environment(
        settings.VAR_DIR,
        SLIPSTREAM_CANDLE_DIR=str(settings.CANDLE_DIR),
        DATABASE_URL=f"{place}/{connection.settings_dict['NAME']}",
        REDIS_URL=settings.REDIS_URL,
        SLIPSTREAM_SIMULATION_SPEED="600",
    )
    started: list[Process] = []

    def start(name: str, venue: str = VENUE_CODE) -> Process:
        shell, option, command = procfile()[name]
        log = tmp_path / f"{name}-{len(started)}.log"
        started.append(Process([shell, option, command.replace(VENUE_CODE, venue)], environment, log))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def _is_led(role: str) -> bool:
    """Tell whether somebody holds the lease of a feed or an engine."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        return bool(client.exists(f"{settings.REDIS_PREFIX}lease:{role}"))


def _buy_with_stop(portfolio: Portfolio, instrument: Instrument) -> None:
    """Buy one, to be sold when the price has fallen by a tenth, and wait until that is watched for."""
    submit_order(
        portfolio=portfolio,
        instrument=instrument,
        side=Side.BUY,
        leg=Leg.OPEN,
        quantity=Decimal(1),
        cause=Cause(CauseKind.RUN, new_id().hex),
        stop_loss_ratio=Decimal("0.1"),
    )
    armed = Trigger.objects.filter(portfolio=portfolio, state=TriggerState.ARMED)
    wait_until(armed.exists, "the arming of a stop")


def _stopped(portfolio: Portfolio) -> list[tuple[str, Decimal]]:
    """Return the state and the filled quantity of each sale that a stop has made, oldest first."""
    sales = Order.objects.filter(portfolio=portfolio, cause_kind=CauseKind.TRIGGER, side=Side.SELL)
    return list(sales.order_by("pk").values_list("state", "filled_quantity"))


@pytest.mark.services
@pytest.mark.timeout(300)
@pytest.mark.django_db(transaction=True)
def test_a_stop_fires_once_though_its_engine_was_killed_before_the_price_fell(starts: Starts, alice: User) -> None:
    desk = Desk()
    bitcoin, portfolio = desk.instrument(), desk.portfolio(alice)
    desk.step({bitcoin: 100})
    starts("worker")
    first = starts("engine", desk.exchange.code)
    wait_until(lambda: _is_led(f"engine:{desk.namespace}"), "an engine at work")
    starts("engine", desk.exchange.code)
    _buy_with_stop(portfolio, bitcoin)
    first.kill()
    # Told to nobody, and not told again.
    desk.step({bitcoin: 80})
    once = [(OrderState.FILLED, Decimal(1))]
    wait_until(lambda: _stopped(portfolio) == once, "the stop's sale", TAKEN_OVER_SECONDS)

    # The one that was killed comes back; the next stop proves that both have seen every price since.
    starts("engine", desk.exchange.code)
    desk.step({bitcoin: 75}, desk.at + timedelta(seconds=1))
    _buy_with_stop(portfolio, bitcoin)
    desk.step({bitcoin: 60}, desk.at + timedelta(seconds=1))
    wait_until(lambda: _stopped(portfolio) == once * 2, "the second stop's sale")
    assert list(Trigger.objects.values_list("state", flat=True)) == [TriggerState.FIRED] * 2


@pytest.mark.services
@pytest.mark.timeout(300)
@pytest.mark.django_db(transaction=True)
def test_a_market_goes_on_without_a_gap_when_its_feed_was_killed(starts: Starts, tmp_path: Path) -> None:
    exchange = seed_simulated_venue(history_minutes=60)
    seeded = market_now(NAMESPACE)
    first = starts("feed")
    wait_until(lambda: market_now(NAMESPACE) > seeded + timedelta(minutes=3), "a moving market")
    starts("feed")
    first.kill()
    stopped = market_now(NAMESPACE)
    later = stopped + timedelta(minutes=5)
    wait_until(lambda: market_now(NAMESPACE) > later, "a market that moves again", TAKEN_OVER_SECONDS)
    for instrument in tradable_instruments(exchange.namespace):
        opened_at = candle_arrays(instrument, "1m", end=later).opened_at
        print(
            np.diff(opened_at)[np.diff(opened_at) != MINUTE_MS],
            moment(int(opened_at[0])),
            moment(int(opened_at[-1])),
            later,
            stopped,
        )
        assert moment(int(opened_at[-1])) >= stopped
        assert set(np.diff(opened_at).tolist()) == {MINUTE_MS}


@pytest.mark.parametrize("command", ["run_feed", "run_engine"])
def test_a_process_whose_venue_is_missing_says_how_to_make_it(command: str, db: None) -> None:
    with pytest.raises(CommandError, match=r"^There is no exchange 'nowhere' here: run manage\.py seed_simulated, or"):
        call_command(command, "nowhere")
