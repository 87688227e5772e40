"""More of everything that a list may show, written straight into the tables: lists are asked how they grow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from accounts.models import AuditEntry, Invitation, Plan, Profile, SignIn, User
from common.ids import new_id
from community.models import CompetitionEntry
from marketplace.models import Listing, TrackRecord
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
from strategies.models import Backtest, BacktestResult, JobState, RunState, StrategyVersion, Sweep, SweepPoint
from tests.fixtures_desk import NOON
from tests.routes.crowd_identity import more_of_identity
from tests.routes.crowd_market import more_of_the_marketplace, more_of_trading
from tests.routes.crowd_money import more_money
from tests.routes.crowd_rows import Rows
from trading.models import (
    CauseKind,
    Fill,
    Follow,
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


class Crowd(Rows):
    """Writes `count` more rows of everything at each call; rows point at rows of their own where they can."""

    def come(self, count: int) -> None:
        self.numbers = range(self.numbers.stop, self.numbers.stop + count)
        instruments = self._instruments()
        people = self._people()
        leads = self._portfolios(people, "Lead")
        books = self._portfolios([self.world.people["alice"]] * count, "Book")
        listings = self._listings(leads)
        follows = self._follows(leads, books)
        self._trades(instruments)
        versions = self._strategies(instruments, books)
        self._studies()
        self._competitions(people)
        self._own_things()
        more_of_identity(self, people)
        more_money(self, listings)
        more_of_the_marketplace(self, people=people, listings=listings, follows=follows, instruments=instruments)
        more_of_trading(self, people=people, instruments=instruments, versions=versions)

    def _instruments(self) -> list[Instrument]:
        desk = self.world.pit.desk
        assets = self.copies(Asset.objects.get(code="BTC"), code=lambda n: f"COIN{n}")
        markets = self.copies(Market.objects.get(base="BTC"), base_id=self.at(assets))
        instruments = self.copies(
            self.world.pit.instrument, market_id=self.at(markets), symbol=lambda n: f"COIN{n}-USDT"
        )
        self.copies(desk.exchange, code=lambda n: f"exchange-{n}")
        found = list(Instrument.objects.select_related("market").filter(pk__in=[one.pk for one in instruments]))
        opened_at, desk.at = desk.at, desk.at + timedelta(minutes=5)
        candles = [ClosedCandle(one.pk, "5m", opened_at, 100.0, 101.0, 99.0, 100.0, 1.0) for one in found]
        desk.step(dict.fromkeys(found, 100), closed=candles)
        return instruments

    def _people(self) -> list[User]:
        people = self.copies(self.world.people["charlie"], email=lambda n: f"person-{n}@example.org")
        Profile.objects.bulk_create(
            [
                Profile(user=one, handle=f"person_{number}", display_name=f"Person {number}")
                for number, one in zip(self.numbers, people, strict=True)
            ]
        )
        return people

    def _portfolios(self, owners: list[User], name: str) -> list[Portfolio]:
        portfolios = self.copies(self.world.pit.lead, name=lambda n: f"{name} {n}", owner_id=self.at(owners))
        balance = Balance.objects.get(portfolio=self.world.pit.lead, asset="USDT")
        self.copies(balance, portfolio_id=self.at(portfolios))
        position = self.first(Position, portfolio=self.world.pit.lead)
        self.copies(position, portfolio_id=self.at(portfolios))
        snapshot = self.first(EquitySnapshot, portfolio=self.world.pit.lead)
        self.copies(snapshot, portfolio_id=self.at(portfolios))
        return portfolios

    def _listings(self, leads: list[Portfolio]) -> list[Listing]:
        owner = {lead.pk: lead.owner_id for lead in leads}
        at = self.at(leads)
        listings = self.copies(self.world.listing, portfolio_id=at, owner_id=lambda n: owner[at(n)])
        record = TrackRecord.objects.get(listing=self.world.listing)
        for number, listing in zip(self.numbers, listings, strict=True):
            record.pk, record._state.adding = listing.pk, True
            record.unit_value = 1 + number / 100
            record.save(force_insert=True)
        index_listings(listing_ids=[one.pk for one in listings])
        return listings

    def _follows(self, leads: list[Portfolio], books: list[Portfolio]) -> list[Follow]:
        alice = self.world.people["alice"].pk
        follows = self.copies(
            self.world.follow, follower_id=lambda n: alice, lead_id=self.at(leads), portfolio_id=self.at(books)
        )
        self.copies(self.first(FollowCommand), follow_id=self.at(follows))
        return follows

    def _denials(self, instruments: list[Instrument]) -> None:
        """Let the lead's limits deny something of each instrument once."""
        facts = {"code": "ORDER_SHARE_LIMIT", "asked": 1, "allowed": 0, "happened_at": NOON, "recorded_at": NOON}
        lead = self.world.pit.lead
        RiskDecision.objects.bulk_create(RiskDecision(portfolio=lead, instrument=one, **facts) for one in instruments)

    def _trades(self, instruments: list[Instrument]) -> None:
        """Let the lead and bob's copy of it trade each instrument once."""
        lead, copy = self.world.pit.lead, self.world.follow.portfolio
        for portfolio in (lead, copy):
            order = self.first(Order, portfolio=portfolio, fills__isnull=False)
            orders = self._orders(order, instruments)
            fill = self.first(Fill, portfolio=portfolio)
            self.copies(
                fill,
                order_id=self.at(orders),
                instrument_id=self.at(instruments),
                venue_fill_id=lambda n: new_id().hex,
                number=lambda n: 1_000 + n,
            )
            self.copies(self.first(OrderEvent, order=order), order_id=self.at(orders))
            self.copies(self.first(Position, portfolio=portfolio), instrument_id=self.at(instruments))
            self.copies(self.first(LedgerLine, portfolio=portfolio), booking_id=lambda n: new_id())
        self._denials(instruments)
        self._plans(instruments)
        events = self.copies(self.first(LeadEvent), seq=lambda n: 1_000 + n)
        copied = self.first(Order, portfolio=copy, cause_kind=CauseKind.LEAD_EVENT)
        at = self.at(events)
        self._orders(copied, instruments, cause_kind=lambda n: CauseKind.LEAD_EVENT, cause_id=lambda n: str(at(n)))
        entry = self._orders(self.first(Order, portfolio=lead), instruments)
        self.copies(self.first(Trigger), entry_id=self.at(entry), change=lambda n: 1_000 + n)

    def _plans(self, instruments: list[Instrument]) -> None:
        """Let the lead plan something of each instrument, and its first plan order each."""
        plan, order = self.first(TradingPlan), self.first(Order, portfolio=self.world.pit.lead)
        at = self.at(instruments)
        self.copies(plan, instrument_id=at, key=lambda n: f"plan-{n}", change=lambda n: 5_000 + n)
        self._orders(order, instruments, plan_id=lambda n: plan.pk, plan_key=str)

    def _orders(self, order: Order, instruments: list[Instrument], **changes: Callable[[int], Any]) -> list[Order]:
        return self.copies(
            order,
            **{
                "instrument_id": self.at(instruments),
                "cause_kind": lambda n: CauseKind.HAND,
                "cause_id": lambda n: new_id().hex,
                "client_order_id": lambda n: new_id().hex,
                **changes,
            },
        )

    def _strategies(self, instruments: list[Instrument], books: list[Portfolio]) -> list[StrategyVersion]:
        world = self.world
        strategies = self.copies(world.version.strategy, name=lambda n: f"Crossing {n}")
        versions = self.copies(world.version, strategy_id=self.at(strategies), instrument_id=self.at(instruments))
        self.copies(world.version, number=lambda n: n + 2)
        places = {"portfolio_id": self.at(books), "instrument_id": self.at(instruments)}
        self.copies(world.run, version_id=self.at(versions), **places)
        self.copies(world.run, state=lambda n: RunState.STOPPED, **places)
        order = self.first(Order, portfolio=world.pit.lead)
        order.portfolio_id, order.instrument_id = world.run.portfolio_id, world.run.instrument_id
        order.created_at = world.run.started_at
        own = {"instrument_id": lambda n: world.run.instrument_id, "cause_kind": lambda n: CauseKind.RUN}
        self._orders(order, instruments, **own)
        return versions

    def _studies(self) -> None:
        world = self.world
        backtests = self.copies(self.first(Backtest, state=JobState.DONE), spec_hash=lambda n: f"{n:064}")
        self.copies(self.first(BacktestResult), backtest_id=self.at(backtests))
        self.copies(self.first(Sweep, pk=world.values["sweep_id"]), spec_hash=lambda n: f"{n:064}")
        self.copies(self.first(SweepPoint), number=lambda n: n + 10)

    def _competitions(self, people: list[User]) -> None:
        world = self.world
        entry = CompetitionEntry.objects.get(competition=world.competition, user=world.people["alice"])
        competitions = self.copies(world.competition)
        for one in competitions:
            one.allowed_instruments.set([world.pit.instrument])
        of_alice = self._portfolios([world.people["alice"]] * len(people), "Entry of alice")
        self.copies(entry, competition_id=self.at(competitions), portfolio_id=self.at(of_alice))
        of_others = self._portfolios(people, "Entry")
        self.copies(entry, user_id=self.at(people), portfolio_id=self.at(of_others))

    def _watching(self) -> None:
        world = self.world
        self.copies(world.empty, name=lambda n: f"List {n}")
        coins = list(Instrument.objects.filter(symbol__in=[f"COIN{n}-USDT" for n in self.numbers]).order_by("pk"))
        self.copies(self.first(WatchListEntry), instrument_id=self.at(coins), position=lambda n: n + 2)
        self.copies(self.first(VenueTerms), instrument_id=self.at(coins))
        alert = PriceAlert.objects.get(pk=world.values["alert_id"])
        self.copies(alert, change=lambda n: 1_000 + 2 * n)
        ended = {"state": lambda n: AlertState.FIRED, "times_fired": lambda n: 1}
        self.copies(alert, change=lambda n: 1_001 + 2 * n, **ended)

    def _own_things(self) -> None:
        world = self.world
        snapshot = self.first(EquitySnapshot, portfolio=world.pit.lead)
        self.copies(snapshot, at=lambda n: snapshot.at - timedelta(minutes=n + 1))
        account = self.first(ExchangeAccount, owner=world.people["alice"])
        self.copies(account, label=lambda n: f"Account {n}")
        self.copies(self.first(ExchangeAccountUse, account=account))
        self.copies(self.first(AccountBalance), asset=lambda n: f"COIN{n}")
        self.copies(self.first(RemainderEntry))
        self.copies(self.first(AccountFunding), payment_id=lambda n: f"crowd-{n}")
        self.copies(self.first(ForeignFill), venue_fill_id=lambda n: f"crowd-{n}")
        self._watching()
        self.copies(self.first(AuditEntry, actor=world.people["alice"]))
        self.copies(self.first(SignIn))
        self.copies(self.first(OrderTemplate), name=lambda n: f"Template {n}")
        self.copies(world.token, digest=lambda n: new_id().hex * 2)
        self.copies(self.first(Invitation), code=lambda n: new_id().hex)
        self.copies(self.first(Plan), name=lambda n: f"Plan {n}", is_default=lambda n: False)
        self.copies(self.first(SafetySwitch), scope=lambda n: ScopeKind.USER, scope_id=lambda n: new_id().hex)
