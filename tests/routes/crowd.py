"""More of everything that a list may show, written straight into the tables: lists are asked how they grow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.db.models import Model, UUIDField

from accounts.models import AuditEntry, Invitation, Notification, Plan, Profile, SignIn, User
from common.ids import new_id
from community.models import CompetitionEntry
from marketplace.models import TrackRecord
from marketplace.search.services import index_listings
from markets.models import AlertState, Asset, Instrument, Market, PriceAlert, WatchListEntry
from markets.steps import ClosedCandle
from portfolios.margin_models import AccountFunding, VenueTerms
from portfolios.models import (
    AccountBalance,
    Balance,
    EquitySnapshot,
    ExchangeAccount,
    ExchangeAccountUse,
    LedgerLine,
    Portfolio,
    Position,
    RemainderEntry,
)
from strategies.models import Backtest, BacktestResult, JobState, RunState, Sweep, SweepPoint
from tests.fixtures_desk import NOON
from tests.routes.world import World
from trading.models import (
    CauseKind,
    Fill,
    FollowCommand,
    ForeignFill,
    LeadEvent,
    Order,
    OrderEvent,
    SafetySwitch,
    ScopeKind,
    Trigger,
)
from trading.plans.models import Plan as TradingPlan
from trading.risk.models import RiskDecision
from trading.template_models import OrderTemplate

Row = TypeVar("Row", bound=Model)


class Crowd:
    """Writes `count` more rows of everything at each call; rows point at rows of their own where they can."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._made = 0

    def come(self, count: int) -> None:
        self._numbers = range(self._made, self._made + count)
        self._made += count
        instruments = self._instruments()
        people = self._people()
        leads = self._portfolios(people, "Lead")
        books = self._portfolios([self._world.people["alice"]] * count, "Book")
        self._listings(leads)
        self._follows(leads, books)
        self._trades(instruments)
        self._strategies(instruments, books)
        self._studies()
        self._competitions(people)
        self._own_things()

    def _copies(self, row: Row, **changes: Callable[[int], Any]) -> list[Row]:
        """Write one copy of a row per number, each with what `changes` (column -> value of a number) say."""
        columns = [one for one in row._meta.concrete_fields if not one.primary_key]
        held = {one.attname: getattr(row, one.attname) for one in columns}
        made = []
        for number in self._numbers:
            copy = type(row)(**held)
            if isinstance(row._meta.pk, UUIDField):
                copy.pk = new_id()
            for name, value in changes.items():
                setattr(copy, name, value(number))
            made.append(copy)
        return type(row)._base_manager.bulk_create(made)

    def _first(self, model: type[Row], **facts: Any) -> Row:
        """Return the row that was there before any crowd came."""
        return model._base_manager.filter(**facts).order_by("pk")[0]

    def _at(self, rows: list[Any]) -> Callable[[int], Any]:
        """Return number -> key of the row that belongs to it."""
        first = self._numbers.start
        return lambda number: rows[number - first].pk

    def _instruments(self) -> list[Instrument]:
        desk = self._world.pit.desk
        assets = self._copies(Asset.objects.get(code="BTC"), code=lambda n: f"COIN{n}")
        markets = self._copies(Market.objects.get(base="BTC"), base_id=self._at(assets))
        instruments = self._copies(
            self._world.pit.instrument, market_id=self._at(markets), symbol=lambda n: f"COIN{n}-USDT"
        )
        self._copies(desk.exchange, code=lambda n: f"exchange-{n}")
        found = list(Instrument.objects.select_related("market").filter(pk__in=[one.pk for one in instruments]))
        opened_at, desk.at = desk.at, desk.at + timedelta(minutes=5)
        candles = [ClosedCandle(one.pk, "5m", opened_at, 100.0, 101.0, 99.0, 100.0, 1.0) for one in found]
        desk.step(dict.fromkeys(found, 100), closed=candles)
        return instruments

    def _people(self) -> list[User]:
        people = self._copies(self._world.people["charlie"], email=lambda n: f"person-{n}@example.org")
        Profile.objects.bulk_create(
            [
                Profile(user=one, handle=f"person_{number}", display_name=f"Person {number}")
                for number, one in zip(self._numbers, people, strict=True)
            ]
        )
        return people

    def _portfolios(self, owners: list[User], name: str) -> list[Portfolio]:
        portfolios = self._copies(self._world.pit.lead, name=lambda n: f"{name} {n}", owner_id=self._at(owners))
        balance = Balance.objects.get(portfolio=self._world.pit.lead, asset="USDT")
        self._copies(balance, portfolio_id=self._at(portfolios))
        position = self._first(Position, portfolio=self._world.pit.lead)
        self._copies(position, portfolio_id=self._at(portfolios))
        snapshot = self._first(EquitySnapshot, portfolio=self._world.pit.lead)
        self._copies(snapshot, portfolio_id=self._at(portfolios))
        return portfolios

    def _listings(self, leads: list[Portfolio]) -> None:
        owner = {lead.pk: lead.owner_id for lead in leads}
        at = self._at(leads)
        listings = self._copies(self._world.listing, portfolio_id=at, owner_id=lambda n: owner[at(n)])
        record = TrackRecord.objects.get(listing=self._world.listing)
        for number, listing in zip(self._numbers, listings, strict=True):
            record.pk, record._state.adding = listing.pk, True
            record.unit_value = 1 + number / 100
            record.save(force_insert=True)
        index_listings(listing_ids=[one.pk for one in listings])

    def _follows(self, leads: list[Portfolio], books: list[Portfolio]) -> None:
        alice = self._world.people["alice"].pk
        follows = self._copies(
            self._world.follow, follower_id=lambda n: alice, lead_id=self._at(leads), portfolio_id=self._at(books)
        )
        self._copies(self._first(FollowCommand), follow_id=self._at(follows))

    def _denials(self, instruments: list[Instrument]) -> None:
        """Let the lead's limits deny something of each instrument once."""
        facts = {"code": "ORDER_SHARE_LIMIT", "asked": 1, "allowed": 0, "happened_at": NOON, "recorded_at": NOON}
        lead = self._world.pit.lead
        RiskDecision.objects.bulk_create(RiskDecision(portfolio=lead, instrument=one, **facts) for one in instruments)

    def _trades(self, instruments: list[Instrument]) -> None:
        """Let the lead and bob's copy of it trade each instrument once."""
        lead, copy = self._world.pit.lead, self._world.follow.portfolio
        for portfolio in (lead, copy):
            order = self._first(Order, portfolio=portfolio, fills__isnull=False)
            orders = self._orders(order, instruments)
            fill = self._first(Fill, portfolio=portfolio)
            self._copies(
                fill,
                order_id=self._at(orders),
                instrument_id=self._at(instruments),
                venue_fill_id=lambda n: new_id().hex,
                number=lambda n: 1_000 + n,
            )
            self._copies(self._first(OrderEvent, order=order), order_id=self._at(orders))
            self._copies(self._first(Position, portfolio=portfolio), instrument_id=self._at(instruments))
            self._copies(self._first(LedgerLine, portfolio=portfolio), booking_id=lambda n: new_id())
        self._denials(instruments)
        self._plans(instruments)
        events = self._copies(self._first(LeadEvent), seq=lambda n: 1_000 + n)
        copied = self._first(Order, portfolio=copy, cause_kind=CauseKind.LEAD_EVENT)
        at = self._at(events)
        self._orders(copied, instruments, cause_kind=lambda n: CauseKind.LEAD_EVENT, cause_id=lambda n: str(at(n)))
        entry = self._orders(self._first(Order, portfolio=lead), instruments)
        self._copies(self._first(Trigger), entry_id=self._at(entry), change=lambda n: 1_000 + n)

    def _plans(self, instruments: list[Instrument]) -> None:
        """Let the lead plan something of each instrument, and its first plan order each."""
        plan, order = self._first(TradingPlan), self._first(Order, portfolio=self._world.pit.lead)
        at = self._at(instruments)
        self._copies(plan, instrument_id=at, key=lambda n: f"plan-{n}", change=lambda n: 5_000 + n)
        self._orders(order, instruments, plan_id=lambda n: plan.pk, plan_key=str)

    def _orders(self, order: Order, instruments: list[Instrument], **changes: Callable[[int], Any]) -> list[Order]:
        return self._copies(
            order,
            **{
                "instrument_id": self._at(instruments),
                "cause_kind": lambda n: CauseKind.HAND,
                "cause_id": lambda n: new_id().hex,
                "client_order_id": lambda n: new_id().hex,
                **changes,
            },
        )

    def _strategies(self, instruments: list[Instrument], books: list[Portfolio]) -> None:
        world = self._world
        strategies = self._copies(world.version.strategy, name=lambda n: f"Crossing {n}")
        versions = self._copies(world.version, strategy_id=self._at(strategies), instrument_id=self._at(instruments))
        self._copies(world.version, number=lambda n: n + 2)
        places = {"portfolio_id": self._at(books), "instrument_id": self._at(instruments)}
        self._copies(world.run, version_id=self._at(versions), **places)
        self._copies(world.run, state=lambda n: RunState.STOPPED, **places)
        order = self._first(Order, portfolio=world.pit.lead)
        order.portfolio_id, order.instrument_id = world.run.portfolio_id, world.run.instrument_id
        order.created_at = world.run.started_at
        own = {"instrument_id": lambda n: world.run.instrument_id, "cause_kind": lambda n: CauseKind.RUN}
        self._orders(order, instruments, **own)

    def _studies(self) -> None:
        world = self._world
        backtests = self._copies(self._first(Backtest, state=JobState.DONE), spec_hash=lambda n: f"{n:064}")
        self._copies(self._first(BacktestResult), backtest_id=self._at(backtests))
        self._copies(self._first(Sweep, pk=world.values["sweep_id"]), spec_hash=lambda n: f"{n:064}")
        self._copies(self._first(SweepPoint), number=lambda n: n + 10)

    def _competitions(self, people: list[User]) -> None:
        world = self._world
        entry = CompetitionEntry.objects.get(competition=world.competition, user=world.people["alice"])
        competitions = self._copies(world.competition)
        for one in competitions:
            one.allowed_instruments.set([world.pit.instrument])
        of_alice = self._portfolios([world.people["alice"]] * len(people), "Entry of alice")
        self._copies(entry, competition_id=self._at(competitions), portfolio_id=self._at(of_alice))
        of_others = self._portfolios(people, "Entry")
        self._copies(entry, user_id=self._at(people), portfolio_id=self._at(of_others))

    def _watching(self) -> None:
        world = self._world
        self._copies(world.empty, name=lambda n: f"List {n}")
        coins = list(Instrument.objects.filter(symbol__in=[f"COIN{n}-USDT" for n in self._numbers]).order_by("pk"))
        self._copies(self._first(WatchListEntry), instrument_id=self._at(coins), position=lambda n: n + 2)
        self._copies(self._first(VenueTerms), instrument_id=self._at(coins))
        alert = PriceAlert.objects.get(pk=world.values["alert_id"])
        self._copies(alert, change=lambda n: 1_000 + 2 * n)
        ended = {"state": lambda n: AlertState.FIRED, "times_fired": lambda n: 1}
        self._copies(alert, change=lambda n: 1_001 + 2 * n, **ended)

    def _own_things(self) -> None:
        world = self._world
        snapshot = self._first(EquitySnapshot, portfolio=world.pit.lead)
        self._copies(snapshot, at=lambda n: snapshot.at - timedelta(minutes=n + 1))
        self._copies(self._first(Notification, user=world.people["alice"]))
        account = self._first(ExchangeAccount, owner=world.people["alice"])
        self._copies(account, label=lambda n: f"Account {n}")
        self._copies(self._first(ExchangeAccountUse, account=account))
        self._copies(self._first(AccountBalance), asset=lambda n: f"COIN{n}")
        self._copies(self._first(RemainderEntry))
        self._copies(self._first(AccountFunding), payment_id=lambda n: f"crowd-{n}")
        self._copies(self._first(ForeignFill), venue_fill_id=lambda n: f"crowd-{n}")
        self._watching()
        self._copies(self._first(AuditEntry, actor=world.people["alice"]))
        self._copies(self._first(SignIn))
        self._copies(self._first(OrderTemplate), name=lambda n: f"Template {n}")
        self._copies(world.token, digest=lambda n: new_id().hex * 2)
        self._copies(self._first(Invitation), code=lambda n: new_id().hex)
        self._copies(self._first(Plan), name=lambda n: f"Plan {n}", is_default=lambda n: False)
        self._copies(self._first(SafetySwitch), scope=lambda n: ScopeKind.USER, scope_id=lambda n: new_id().hex)
