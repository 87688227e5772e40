"""Who takes part in a test, and a market of its own: alice leads, bob follows, charlie is a stranger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from accounts.models import User
from common import clock
from common.ids import new_id, seeded_random
from common.tasks import inline_tasks
from engine.timeframes import timeframe_ms
from markets.feed import apply_step
from markets.models import Asset, Exchange, Instrument, Market, SourceKind
from markets.steps import ClosedCandle, Step
from portfolios.models import Portfolio
from portfolios.services.cash import open_portfolio

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice@example.org", "correct horse")


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob@example.org", "correct horse")


@pytest.fixture
def charlie(db: None) -> User:
    return User.objects.create_user("charlie@example.org", "correct horse")


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_user("operator@example.org", "correct horse", is_staff=True)


class Desk:
    """A venue of one test alone: it trades against USDT at the prices, and at the market time, that the test says."""

    def __init__(self, kind: SourceKind = SourceKind.REAL) -> None:
        self.namespace = f"desk-{new_id().hex[-12:]}"
        self.exchange = Exchange.objects.create(
            code=self.namespace, name="The desk", namespace=self.namespace, source_kind=kind
        )
        self.usdt = Asset.objects.get_or_create(code="USDT")[0]
        self.at = NOON
        clock.set_market_time(self.namespace, NOON)

    def instrument(self, base: str = "BTC", quote: str = "USDT", **rules: Any) -> Instrument:
        """List a market; without rules it has ticks of 0.01, lots of 0.001 and no minimums, and costs 10 bps."""
        assets = [Asset.objects.get_or_create(code=code)[0] for code in (base, quote)]
        market = Market.objects.create(base=assets[0], quote=assets[1], namespace=self.namespace)
        steps = {"tick_size": Decimal("0.01"), "lot_step": Decimal("0.001")}
        return Instrument.objects.create(
            exchange=self.exchange, market=market, symbol=f"{base}-{quote}", **(steps | rules)
        )

    def portfolio(self, owner: User, amount: int | str = 10_000, name: str = "Main", **facts: Any) -> Portfolio:
        return open_portfolio(
            owner=owner,
            name=name,
            exchange=self.exchange,
            settlement=self.usdt,
            amount=Decimal(amount),
            **facts,
        )

    def step(
        self,
        prices: dict[Instrument, int | str],
        at: datetime | None = None,
        closed: Sequence[ClosedCandle] = (),
    ) -> None:
        """Let market time come to `at` (default: where it is) with these prices and closed candles."""
        self.at = at or self.at
        found: dict[UUID, Decimal] = {one.pk: Decimal(price) for one, price in prices.items()}
        apply_step(self.namespace, Step(self.at, found, tuple(closed)), persists_candles=True)

    def close_candles(self, instrument: Instrument, closes: Sequence[float], timeframe: str = "5m") -> None:
        """Close one candle after the other with these closing prices; the market then stands at the last of them."""
        for close in closes:
            opened_at, self.at = self.at, self.at + timedelta(milliseconds=timeframe_ms(timeframe))
            candle = ClosedCandle(instrument.pk, timeframe, opened_at, close, close, close, close, 1.0)
            self.step({instrument: str(close)}, closed=[candle])


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk()


Working = Callable[[], AbstractContextManager[None]]


def working_with(capture_on_commit: Any) -> Working:
    """Return `with working():` over what captures the callbacks of commits."""

    @contextmanager
    def until_done() -> Iterator[None]:
        with inline_tasks(seeded_random("tests")) as queue:
            with capture_on_commit(execute=True):
                yield
            ran = 1
            while ran:
                with capture_on_commit(execute=True):
                    ran = queue.drain()

    return until_done


@pytest.fixture
def working(django_capture_on_commit_callbacks: Any) -> Working:
    """Give `with working():`; at its end all is done that the block's commits set off, tasks of tasks included."""
    return working_with(django_capture_on_commit_callbacks)
