"""A site on which everything has happened once, and the six who ask it.

alice leads (portfolio, listing, strategy, run, token), bob follows her, charlie is a stranger with no more than a
portfolio of his own, the operator holds a competition that alice entered, and has followed her once. Then there are
nobody, and a program whose token alice has revoked.
"""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.test.client import ClientHandler

from accounts.models import ApiToken, Notification, User
from accounts.services import create_invitation, create_person, issue_token, record_sign_in, revoke_token
from accounts.webhooks.services import create_endpoint, send_test
from common import clock
from common.errors import DomainError
from community.models import Competition
from community.services.competitions import create_competition, enter_competition
from engine.plans.kinds import PlanKind
from marketplace.models import Listing, ListingPicture
from marketplace.publishing.services.pictures import add_picture
from marketplace.search.saved import save_search
from marketplace.services.listings import publish_listing
from markets.candle_store import candle_store
from markets.models import AlertKind, Instrument, WatchList
from markets.services import cancel_alert, create_alert, create_watch_list, request_backfill, watch_instrument
from portfolios.margin_models import AccountFunding, MarginMode, VenueTerms
from portfolios.models import AccountState, Balance, ExchangeAccount, Portfolio, PortfolioKind, RemainderReason
from portfolios.services.equity import take_snapshots
from portfolios.services.key_checks import Finding, claim_checks, record_finding
from portfolios.services.remainders import Change, change_remainders
from strategies.models import StrategyRun, StrategyVersion
from strategies.services.backtests import request_backtest
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from strategies.services.sweeps import Search, request_sweep
from strategies.terms import Terms
from tests.fixtures_desk import NOON, Desk, Working
from tests.fixtures_past import ema_cross, waves
from tests.fixtures_signer import connected
from tests.fixtures_trading import Pit
from tests.fixtures_venues import connected_instrument
from tests.routes.routes import Route
from tests.routes.till import fill_till
from tests.routes.world_identity import identified
from tests.routes.world_marketplace import proven, reviewed
from tests.routes.world_notifying import told_elsewhere
from tests.routes.world_teams import team_up
from trading.copy_accounts.services.settling import open_account, settle_accounts
from trading.follow_models import StopMode
from trading.kinds import OrderKind
from trading.models import CauseKind, Fill, Follow, ForeignFill, Leg, Order, Side
from trading.order_terms import OrderTerms
from trading.plans.models import Plan, PlanState
from trading.plans.services.managing import begin_plan, pause_plan
from trading.risk.services.profiles import set_limits
from trading.services.follows import stop_follow
from trading.services.order_templates import save_template
from trading.services.orders import Cause, place_hand_order, submit_order
from trading.services.protecting import keep_protection
from trading.services.safety import resume_platform
from trading.signals.services import create_source

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

Answer: TypeAlias = "_MonkeyPatchedWSGIResponse"
ASKERS = ("nobody", "charlie", "bob", "alice", "operator", "revoked")
PASSWORD = "correct horse"
PICTURE = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mP4DwABAQEAHLCMmQAAAABJRU5ErkJggg==")
FACE = ema_cross(2, 3, share="0.125", stop_loss="0.05")


@dataclass
class World:
    """What there is. `values` fill an address with alice's things, `own` holds a portfolio of each person's own."""

    pit: Pit
    people: dict[str, User]
    own: dict[str, Portfolio]
    follow: Follow
    listing: Listing
    version: StrategyVersion
    run: StrategyRun
    competition: Competition
    secrets: dict[str, str]
    token: ApiToken
    # An instrument that alice watches beside the pit's, and a watch list with nothing on it.
    other: Instrument
    empty: WatchList
    sessions: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    # A backtest and a sweep that wait: what is done cannot be cancelled.
    unfinished: dict[str, Any] = field(default_factory=dict)
    # An order of alice's that waits: what is filled is neither changed nor canceled.
    resting: dict[str, Any] = field(default_factory=dict)
    # What alice's account traded at its venue by itself.
    foreign: dict[str, Any] = field(default_factory=dict)
    # What routes of teams are about where it is not the one of `values`, by route; and who belongs to alice's workspace.
    places: dict[str, dict[str, Any]] = field(default_factory=dict)
    team: dict[str, Any] = field(default_factory=dict)

    @property
    def live(self) -> Portfolio:
        """The portfolio on that account."""
        return Portfolio.objects.get(account__owner=self.people["alice"])

    def path(self, route: Route, **other: Any) -> str:
        """Return a route's address with alice's things in it, or with others."""
        return route.path({**self.values, **self.special(route), **other})

    def special(self, route: Route) -> dict[str, Any]:
        pages_of_follow = {f"portfolios:{name}" for name in ("follow", "copies", "follow_account", "follow_log")}
        if route.name in pages_of_follow:
            return {"portfolio_id": self.follow.portfolio_id}
        if route.name in {"markets:add_watched", "markets_api:watched_instruments"}:
            return {"watch_list_id": self.empty.pk}
        if route.name in self.places:
            return self.places[route.name]
        if route.name.endswith((":cancel_backtest", ":cancel_sweep")):
            return self.unfinished
        if route.name in {"trading:edit", "trading:cancel", "trading_api:order", "trading_api:cancel"}:
            return self.resting
        if route.name.endswith(":resume_plan"):
            return {"plan_id": Plan.objects.get(portfolio=self.pit.lead, state=PlanState.PAUSED).pk}
        if route.name == "trading:assign_fill":
            return self.foreign
        if route.name.endswith(":live_trading"):
            return {"portfolio_id": self.live.pk}
        if route.is_admin and route.keys == ("object_id",):
            app, model = route.name.removeprefix("admin:").rsplit("_", 2)[:2]
            rows = apps.get_model(app, model)._default_manager.order_by("pk")  # else any row may come first
            return {"object_id": rows.values_list("pk", flat=True)[0]}
        return {}

    def browser(self, asker: str, *, checks_csrf: bool = False) -> Client:
        """Return a fresh browser in which the asker is signed in; a revoked token goes along as a header."""
        client = _client(checks_csrf=checks_csrf)
        if asker in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[asker]
        if asker == "revoked":
            client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {self.secrets[asker]}"
        return client

    def program(self, asker: str) -> Client:
        """Return a program that sends the asker's token."""
        client = _client(checks_csrf=True)
        if asker in self.secrets:
            client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {self.secrets[asker]}"
        return client

    def query(self, route: Route) -> str:
        """Return what a route's address must ask for."""
        if route.name == "markets_api:candles":
            return "?timeframe=5m"
        if route.name in {"marketplace_api:fit", "marketplace_api:backtest"}:
            return "?amount=100"
        return f"?id={self.values['backtest_id']}" if route.name == "strategies_api:compare" else ""

    def client(self, route: Route, asker: str) -> Client:
        """Return the asker in the way in which a route is used: as a program or in a browser."""
        return self.program(asker) if route.is_api else self.browser(asker)

    def ask(self, route: Route, method: str, asker: str, body: Any = None, **other: Any) -> Answer:
        """Send one request in the asker's way, undo whatever it did, and return the answer."""
        query = self.query(route)
        with transaction.atomic():
            path = self.path(route, **other) + query
            answer = send(self.client(route, asker), method, path, body, as_json=route.is_api)
            transaction.set_rollback(True)
        return answer


@cache
def _handler(checks_csrf: bool) -> ClientHandler:
    """Return the platform behind a test client; one for all, since each looks through every static file as it starts."""
    return ClientHandler(enforce_csrf_checks=checks_csrf)


def _client(*, checks_csrf: bool) -> Client:
    client = Client(raise_request_exception=False)
    client.handler = _handler(checks_csrf)
    return client


def send(client: Client, method: str, path: str, body: Any = None, *, as_json: bool = False) -> Answer:
    """Send one request: a body as JSON, or as a form sends it."""
    if as_json:
        text = "" if body is None else json.dumps(body)
        return client.generic(method, path, text, content_type="application/json")
    return client.post(path, body or {}) if method == "POST" else client.generic(method, path)


def build(desk: Desk, working: Working) -> World:
    """Let everything happen once."""
    people = {
        name: create_person(email=f"{name}@example.org", password=PASSWORD) for name in ("alice", "bob", "charlie")
    }
    people["operator"] = create_person(email="olive@example.org", password=PASSWORD, is_staff=True, is_superuser=True)
    alice = people["alice"]
    pit = Pit(desk, alice, working)
    own = {name: pit.portfolio(person, 5_000, "Own") for name, person in people.items()}
    listing = publish_listing(owner=alice, portfolio=pit.lead, title="Steady", description="Calm.")
    add_picture(actor=alice, listing=listing, data=PICTURE)
    ListingPicture.objects.update(is_public=True)
    follow = pit.follow(people["bob"])
    # On paper nobody is granted one: it stands here to be taken away.
    keep_protection(follow, Decimal("0.1"))
    open_account(follow=follow)
    left = pit.follow(people["operator"])
    pit.buy(10)
    open_account(follow=left)
    with working():
        stop_follow(actor=people["operator"], follow=left, mode=StopMode.CLOSE_NOW)
    settle_accounts(follow_ids=[left.pk], until=NOON)
    _armed_stop(pit, working)
    set_limits(actor=alice, portfolio=pit.lead, limits={"max_order_share": "0.9"})
    resting = _resting(pit, working)
    with suppress(DomainError):
        pit.place(Side.BUY, 1_000)
    _planned(pit)
    template = save_template(actor=alice, name="Often", side=Side.BUY, amount=Decimal(1), instrument=pit.instrument)
    version = save_strategy(owner=alice, name="Crossing", instruments=[pit.instrument], timeframe="5m", face=FACE)
    run = start_run(actor=alice, version=version, portfolio=own["alice"])
    competition = _competition(pit, people["operator"])
    enter_competition(user=alice, competition=competition)
    resume_platform(actor=people["operator"])
    create_invitation(created_by=people["operator"])
    take_snapshots(namespace=desk.namespace, at=NOON)
    record_sign_in(email=alice.email, user=alice, succeeded=True)
    tokens = {name: issue_token(user=person, name="bot") for name, person in people.items()}
    revoked, secret = issue_token(user=alice, name="lost")
    revoke_token(token=revoked)
    secrets = {name: one[1] for name, one in tokens.items()} | {"revoked": secret}
    other, empty = desk.instrument("ETH"), create_watch_list(owner=alice, name="Empty")
    token = tokens["alice"][0]
    world = World(pit, people, own, follow, listing, version, run, competition, secrets, token, other, empty)
    world.values = (
        _values(world) | _watched(world, alice) | _tried(pit, alice, version, working) | _past_asked_for(alice)
    )
    world.values["template_id"] = template.pk
    hook, _ = create_endpoint(user=alice, url="https://example.com/hook", events=["fill.recorded"])
    world.values |= {"endpoint_id": hook.pk, "delivery_id": send_test(endpoint=hook).pk}
    world.values["source_id"] = create_source(actor=alice, portfolio=pit.lead, name="Chart").pk
    world.values |= told_elsewhere(alice)
    proven(world)
    world.unfinished = _asked(pit, alice, version, Decimal("0.002"))
    world.resting = {"order_id": resting.pk}
    world.foreign = {"fill_id": _foreign_fill(world).pk}
    world.values |= fill_till(alice, listing, world.live)
    team_up(world)
    world.sessions = {name: _signed_in(person) for name, person in people.items()}
    return world


def _watched(world: World, alice: User) -> dict[str, Any]:
    """Let alice watch two instruments, and wait for a price; return the keys of the list and of the alert."""
    majors = create_watch_list(owner=alice, name="Majors")
    for instrument in (world.pit.instrument, world.other):
        watch_instrument(watch_list=majors, instrument=instrument)
    alert = create_alert(owner=alice, instrument=world.pit.instrument, kind=AlertKind.ABOVE, level=Decimal(110))
    canceled = create_alert(owner=alice, instrument=world.other, kind=AlertKind.ABOVE, level=Decimal(110))
    cancel_alert(alert=canceled)
    return {"watch_list_id": majors.pk, "alert_id": alert.pk}


def _tried(pit: Pit, alice: User, version: StrategyVersion, working: Working) -> dict[str, Any]:
    """Let alice try her strategy on a past, as it is and as a sweep; return the keys of both and of a point."""
    candle_store().upsert(pit.instrument.exchange.code, pit.instrument.symbol, "5m", waves(600, NOON))
    with working():
        asked = _asked(pit, alice, version, Decimal("0.001"))
    return {**asked, "number": 1}


def _past_asked_for(alice: User) -> dict[str, Any]:
    """Let alice ask for the past of an instrument at a venue, and connect her account there; return the keys of all."""
    instrument = connected_instrument(base="XMR")
    start = clock.wall_now() - timedelta(days=1)
    backfill = request_backfill(instrument=instrument, timeframe="1m", start=start, requested_by=alice)
    exchange = instrument.exchange
    account = connected(alice, exchange)
    # A use of its key, and a check that has an end: one under way is not asked for again.
    record_finding(claim=claim_checks()[0], finding=Finding(AccountState.READY, "OK", ("READ", "TRADE")))
    return {
        "backfill_id": backfill.pk,
        "venue_instrument_id": instrument.pk,
        "account_id": account.pk,
        "exchange": exchange.code,
        "mode": "sandbox",
    }


def _asked(pit: Pit, alice: User, version: StrategyVersion, fee: Decimal) -> dict[str, Any]:
    """Let alice ask for a backtest and a sweep at a fee; return their keys."""
    terms = Terms((pit.instrument,), "5m", NOON - timedelta(days=1), NOON, taker_fee=float(fee))
    backtest = request_backtest(owner=alice, version=version, terms=terms)
    search = Search(grid={"fast": [2], "slow": [3, 4]})
    sweep = request_sweep(owner=alice, version=version, terms=terms, search=search)
    return {"backtest_id": backtest.pk, "sweep_id": sweep.pk}


def _armed_stop(pit: Pit, working: Working) -> None:
    """Let the lead buy with a stop below."""
    with working():
        submit_order(
            portfolio=pit.lead,
            instrument=pit.instrument,
            side=Side.BUY,
            leg=Leg.OPEN,
            quantity=Decimal(1),
            cause=Cause(CauseKind.RUN, "1"),
            stop_loss_ratio=Decimal("0.05"),
        )


def _foreign_fill(world: World) -> ForeignFill:
    """Let alice trade real money on her account, with enough in it for what the venue tells of by itself."""
    account, lead = ExchangeAccount.objects.get(owner=world.people["alice"]), world.pit.lead
    live = Portfolio.objects.create(
        owner=account.owner,
        name="Live",
        kind=PortfolioKind.LIVE,
        namespace=lead.namespace,
        settlement=lead.settlement,
        account=account,
        is_live_trading_on=True,
        opened_at=NOON,
    )
    Balance.objects.create(portfolio=live, asset=lead.settlement, amount=Decimal(1000))
    with transaction.atomic():
        change_remainders(account.pk, [Change("USDT", Decimal(500), RemainderReason.FIRST)])
    told: dict[str, Any] = {"account": account, "instrument": world.pit.instrument}
    AccountFunding.objects.create(payment_id="1", amount=Decimal(1), happened_at=NOON, recorded_at=NOON, **told)
    VenueTerms.objects.create(leverage=5, margin_mode=MarginMode.CROSS, asked_at=NOON, **told)
    return ForeignFill.objects.create(
        **told,
        venue_fill_id="1",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(100),
        fee=Decimal(0),
        happened_at=NOON,
        recorded_at=NOON,
    )


def _resting(pit: Pit, working: Working) -> Order:
    """Let the lead wait for a price to buy at."""
    with working():
        return place_hand_order(
            actor=pit.alice,
            portfolio=pit.lead,
            instrument=pit.instrument,
            side=Side.BUY,
            quantity=Decimal(1),
            terms=OrderTerms(kind=OrderKind.LIMIT, limit_price=Decimal(90)),
        )


def _planned(pit: Pit) -> None:
    """Let the lead plan two orders for later, and pause the second."""
    settings = {"side": "BUY", "quantity": Decimal(1), "at": int((NOON + timedelta(hours=1)).timestamp() * 1000)}
    facts: dict[str, Any] = {"portfolio": pit.lead, "instrument": pit.instrument, "kind": PlanKind.SCHEDULED}
    plans = [begin_plan(actor=pit.alice, settings=settings, **facts) for _ in range(2)]
    pause_plan(actor=pit.alice, plan=plans[1])


def _competition(pit: Pit, operator: User) -> Competition:
    return create_competition(
        operator=operator,
        title="Sprint",
        description="Whoever has most.",
        exchange=pit.desk.exchange,
        settlement=pit.desk.usdt,
        starting_capital=Decimal(1_000),
        allowed_instruments=[pit.instrument],
        starts_at=NOON,
        ends_at=NOON + timedelta(hours=1),
    )


def _signed_in(person: User) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _values(world: World) -> dict[str, Any]:
    alice, lead = world.people["alice"], world.pit.lead
    return {
        "portfolio_id": lead.pk,
        "instrument_id": world.pit.instrument.pk,
        "timeframe": "5m",
        "scanner": "spreads",
        "order_id": Order.objects.filter(portfolio=lead)[0].pk,
        "fill_id": Fill.objects.filter(portfolio=lead)[0].pk,
        "follow_id": world.follow.pk,
        "plan_id": Plan.objects.get(portfolio=lead, state=PlanState.RUNNING).pk,
        "plan_kind": "dca",
        "scope": "PORTFOLIO",
        "scope_id": str(lead.pk),
        "strategy_id": world.version.strategy_id,
        "version_id": world.version.pk,
        "run_id": world.run.pk,
        "listing_id": world.listing.pk,
        "digest": world.listing.pictures.get().digest,
        "submission_id": world.listing.submissions.get().pk,
        "review_id": reviewed(world).pk,
        "search_id": save_search(owner=alice, name="Kept", query="q=calm").pk,
        "competition_id": world.competition.pk,
        "token_id": world.token.pk,
        "notification_id": Notification.objects.filter(user=alice)[0].pk,
        **identified(world.people),
        "handle": alice.profile.handle,
        "kind": "PAPER",
        # Keys of mails that were never sent.
        "uidb36": "1",
        "key": "none",
        "content_type_id": "1",
        "object_id": alice.pk,
        "app_label": "trading",
        "url": "nowhere/",
        "problem_code": "INSUFFICIENT_BALANCE",
    }
