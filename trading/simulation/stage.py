"""Where a simulation plays: a database in memory, set up once a process and put back for each seed, with time and ids of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper

from accounts.models import User
from common import clock, ids
from common.bus import bus
from engine.copying.settings import SizingMode
from markets.models import Asset, Exchange, Instrument, MarketKind, SourceKind
from markets.services.instruments import register_exchange, register_instrument
from portfolios.models import Portfolio
from portfolios.services.cash import open_portfolio
from trading.services.follows import open_lead_stream, start_follow

NAMESPACE = "simulation"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
BASE_PRICES = {"BTC": Decimal(1_000), "ETH": Decimal(100)}
# No seed that anybody asks for: its ids must not come again.
_SETTING_UP = 2**40
PEOPLE = ("bob", "charlie", "dave")


class WatchedConnection(DatabaseWrapper):
    """SQLite in memory that says when a transaction has committed, before anything that is to follow it."""

    committed: Callable[[], None] | None = None

    def run_and_clear_commit_hooks(self) -> None:
        # Whoever dies in a hook leaves nothing behind: Django would run the hooks of a later transaction twice.
        self.run_commit_hooks_on_set_autocommit_on = False
        hooks, self.run_on_commit = self.run_on_commit, []
        if self.committed is not None:
            self.committed()
        self.run_on_commit = hooks
        super().run_and_clear_commit_hooks()


class Stage:
    """The database of this process's simulations, and what everybody finds in it at noon."""

    def __init__(self) -> None:
        configured = connections.configure_settings(
            {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        )
        self.connection = WatchedConnection(configured["default"], "default")
        self._noon = sqlite3.connect(":memory:", check_same_thread=False)
        with self._in_place(_SETTING_UP, lambda: NOON):
            _make_tables(self.connection)
            _gather()
            self.connection.connection.backup(self._noon)

    @contextmanager
    def play(self, seed: int, wall_clock: Callable[[], datetime], committed: Callable[[], None]) -> Iterator[None]:
        """Put everything back to noon, with the ids of a seed, and hold the process to it while the block runs."""
        with self._in_place(seed, wall_clock):
            self._noon.backup(self.connection.connection)
            self.connection.committed = committed
            try:
                yield
            finally:
                self.connection.committed = None

    @contextmanager
    def _in_place(self, seed: int, wall_clock: Callable[[], datetime]) -> Iterator[None]:
        with ExitStack() as stack:
            stack.callback(connections.__setitem__, "default", connections["default"])
            connections["default"] = self.connection
            self.connection.ensure_connection()
            stack.callback(_use_redis, settings.REDIS_URL)
            _use_redis("")
            stack.callback(clock.use_wall_clock, clock.use_wall_clock(wall_clock))
            stack.callback(ids.use_source, ids.use_source(ids.IdSource(seed)))
            yield


def _use_redis(url: str) -> None:
    """Speak over another bus: with "" over a fresh one in memory."""
    settings.REDIS_URL = url
    bus.cache_clear()


def _make_tables(connection: WatchedConnection) -> None:
    """Make the tables as the models have them; migrating would take seconds, and `make check` holds both to be the same."""
    with connection.schema_editor() as editor:
        for model in apps.get_models():
            editor.create_model(model)


def _gather() -> None:
    """Let alice lead two books and own a third, bob and others have money, and bob follow."""
    exchange = register_exchange(code=NAMESPACE, name="Simulation", namespace=NAMESPACE, source_kind=SourceKind.REAL)
    Exchange.objects.filter(pk=exchange.pk).update(is_sandbox=True)
    exchange.refresh_from_db()
    for base in BASE_PRICES:
        register_instrument(
            exchange=exchange,
            base=base,
            quote="USDT",
            tick_size=Decimal("0.01"),
            lot_step=Decimal("0.001"),
            min_notional=Decimal(5),
        )
    register_instrument(
        exchange=exchange,
        base="BTC",
        quote="USDT",
        contract="PERP",
        kind=MarketKind.PERPETUAL,
        tick_size=Decimal("0.01"),
        lot_step=Decimal("0.001"),
        min_notional=Decimal(5),
    )
    User.objects.create_user("operator@simulation.invalid", is_staff=True)
    alice = User.objects.create_user("alice@simulation.invalid")
    books = [_open(alice, name, exchange, 10_000) for name in ("Lead", "Second", "Own")]
    for lead in books[:2]:
        open_lead_stream(lead)
    for name in PEOPLE:
        _open(User.objects.create_user(f"{name}@simulation.invalid"), "Cash", exchange, 5_000)
    bob = User.objects.get(email="bob@simulation.invalid")
    source = Portfolio.objects.get(owner=bob, name="Cash")
    start_follow(follower=bob, lead=books[0], source=source, amount=Decimal(1_000), settings=follow_settings(30))


def follow_settings(tenths: int) -> dict[str, object]:
    """Return what a follow is begun with: a multiplier of so many tenths, each way to size in turn, every other one without
    the guards that would keep it from running out of cash.
    """
    unguarded = {"max_order_share": "1", "max_instrument_share": "1"}
    sizing = list(SizingMode)[tenths % len(SizingMode)]
    return {"sizing": sizing, "multiplier": Decimal(tenths) / 10, **(unguarded if tenths % 2 == 0 else {})}


def _open(owner: User, name: str, exchange: Exchange, amount: int) -> Portfolio:
    settlement = Asset.objects.get(pk="USDT")
    return open_portfolio(owner=owner, name=name, exchange=exchange, settlement=settlement, amount=Decimal(amount))


def instruments() -> list[Instrument]:
    """Return what is traded, with what services need of it: spot in the order of `BASE_PRICES`, then the perpetual."""
    found = Instrument.objects.select_related("market", "exchange").filter(exchange__code=NAMESPACE)
    return sorted(found, key=lambda one: (one.is_perpetual, list(BASE_PRICES).index(one.market.base_id)))


@cache
def stage() -> Stage:
    """Return this process's stage."""
    return Stage()
