"""The living demo: a few people who trade, follow and compete on a made market, with hours of history behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import islice

from django.db import transaction

from accounts.models import User
from accounts.services.people import create_person
from common.clock import market_now
from common.ids import seeded_random
from community.services.competitions import create_competition, enter_competition
from config.own_data import whole_or_not_at_all
from engine.decimals import ONE
from engine.simulation.types import SlippageKind
from engine.sizing import stake_quantity
from engine.timeframes import timeframe_ms
from marketplace.models import Listing
from marketplace.publishing.models import Outcome, Submission
from marketplace.publishing.services.submissions import approve_submission
from marketplace.search.services import refresh_ranking
from marketplace.services.copy_records import refresh_copy_records
from marketplace.services.listings import follow_listing, publish_listing
from marketplace.services.records import refresh_records
from markets.feeding import source_of
from markets.models import Asset, Exchange, Instrument
from markets.prices import latest_prices
from markets.selectors import candle_range, timeframes_of, tradable_instruments
from portfolios.margin_models import MarginMode
from portfolios.models import Portfolio
from portfolios.services.cash import open_portfolio
from strategies.faces import Face
from strategies.replay.database import without_mail
from strategies.replay.driver import inline_workers, walk
from strategies.services.backtests import request_backtest
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from strategies.services.sweeps import Search, request_sweep
from strategies.terms import Terms
from trading.copy_terms import TERMS_VERSION
from trading.models import Side
from trading.services.margin_terms import set_margin_terms
from trading.services.orders import place_hand_order

# Known to everybody who reads this: the demo is for one's own machine, never for a site that others reach.
PASSWORD = "slipstream-demo"  # noqa: S105
# What an order by hand is worth, in quote units: an entrant's of the competition, and those of the margin desk.
_STAKE = Decimal(2_000)
_DESK_LEVERAGE = 5
_PLAY_MONEY = Decimal(10_000)
LEAD, FOLLOWER, OPERATOR = "alice@demo.local", "bob@demo.local", "operator@demo.local"


@dataclass(frozen=True, slots=True)
class DemoLead:
    """A lead of the demo: which instruments, which periods, what stake per entry."""

    email: str
    name: str
    title: str
    summary: str
    # Markdown.
    description: str
    tags: tuple[str, ...]
    risks: str
    bases: tuple[str, ...]
    fast: int
    slow: int
    share: str
    stop_loss: str


@dataclass(frozen=True, slots=True)
class DemoTry:
    """A strategy that the lead has tried on the past, and does not run."""

    name: str
    template: str
    values: Mapping[str, int]


TRIES = (
    DemoTry("Quick breakout", "donchian_breakout", {"entry_period": 20, "exit_period": 10}),
    DemoTry("Patient breakout", "donchian_breakout", {"entry_period": 96, "exit_period": 48}),
)
# What the lead lets its sweep try of a breakout: 7 × 6 combinations.
SWEPT = {"entry_period": range(12, 97, 14), "exit_period": range(6, 52, 9)}

LEADS = (
    DemoLead(
        LEAD,
        "Alice",
        "Calm Crossover",
        "Rides the trend in BTC and ETH, long only, with a stop below every entry.",
        "**In** when the fast average crosses above the slow one, **out** when it falls back.\n\n"
        "- a stop 2 % below every entry\n- at most two positions at a time\n- a fifth of equity each\n",
        ("trend", "long-only"),
        "A market without a trend costs it one small loss after another, and fees; a gap may pass the stop.",
        ("BTC", "ETH"),
        8,
        21,
        "0.2",
        "0.02",
    ),
    DemoLead(
        "dana@demo.local",
        "Dana",
        "Alt Sprinter",
        "Short trends in SOL and XRP, quick in and quick out.",
        "Expect *many small trades* and their fees: whoever copies with little skips some of them.",
        ("trend", "altcoins"),
        "Thin markets: a copy may pay more than the lead did, and most of a trade's profit may be fees.",
        ("SOL", "XRP"),
        4,
        11,
        "0.25",
        "0.03",
    ),
)


def seed_demo(exchange: Exchange, *, timeframe: str, warm_up_steps: int) -> bool:
    """Create the demo's people and let them live through `warm_up_steps` of the market; False where they exist already."""
    if User.objects.filter(email=LEAD).exists():
        return False
    # What people have put into a database is never forgotten: only an empty one may be begun anew.
    with nullcontext() if User.objects.exists() else whole_or_not_at_all():
        _live_through(exchange, timeframe, warm_up_steps)
    return True


def seed_sandbox(exchange: Exchange) -> None:
    """Create the people who log in beside a test exchange, each with a portfolio there; nothing where they exist already."""
    if User.objects.filter(email=LEAD).exists():
        return
    # Kraken's dollars are another currency: these are for what settles in Tether, at whichever of the exchanges.
    settlement = Asset.objects.get(pk="USDT")
    with transaction.atomic():
        create_person(
            email=OPERATOR, password=PASSWORD, display_name="Olive", handle="olive", is_staff=True, is_superuser=True
        )
        for email, name in ((LEAD, "Alice"), (FOLLOWER, "Bob")):
            user = create_person(email=email, password=PASSWORD, display_name=name, handle=name.lower())
            open_portfolio(owner=user, name="Play money", exchange=exchange, settlement=settlement, amount=_PLAY_MONEY)


def _live_through(exchange: Exchange, timeframe: str, warm_up_steps: int) -> None:
    traded = list(tradable_instruments(exchange.namespace))
    instruments = {one.market.base_id: one for one in traded if not one.is_perpetual}
    perpetuals = [one for one in traded if one.is_perpetual]
    settlement = Asset.objects.get(pk=next(iter(instruments.values())).market.quote_id)
    source = source_of(exchange)
    steps = source.steps()
    with without_mail(), inline_workers(seeded_random("demo")) as finish:
        operator = create_person(
            email=OPERATOR, password=PASSWORD, display_name="Olive", handle="olive", is_staff=True, is_superuser=True
        )
        # The first prices: market time must run before anybody acts in it.
        walk(islice(steps, 1), source, finish=finish, progress=_quiet, hears_all=True)
        listings = [_lead(one, exchange, settlement, instruments, timeframe) for one in LEADS]
        _approve(operator, listings)
        _followers(listings, exchange, settlement)
        _competition(operator, exchange, settlement, list(instruments.values()))
        _margin_desk(exchange, settlement, perpetuals)
        every = timedelta(minutes=1 if timeframe == "1m" else 30)
        walk(islice(steps, warm_up_steps), source, finish=finish, progress=_quiet, hears_all=True, snapshot_every=every)
        refresh_records()
        refresh_copy_records()
        # Hourly from now on: without it the marketplace would know for an hour neither markets nor followers' returns.
        refresh_ranking()
    # Not computed here: the site's own workers do so as soon as it runs.
    _tries(User.objects.get(email=LEAD), next(iter(instruments.values())), timeframe)


def _approve(operator: User, listings: Sequence[Listing]) -> None:
    """Let the listings through the operators' review, where the site wants one."""
    for submission in Submission.objects.filter(listing__in=listings, outcome=Outcome.IN_REVIEW).order_by("pk"):
        approve_submission(operator=operator, submission=submission)
    for one in listings:
        one.refresh_from_db()


def _quiet(candles: int) -> None:
    """Say nothing: the demo's history takes seconds."""


def _lead(
    lead: DemoLead, exchange: Exchange, settlement: Asset, instruments: dict[str, Instrument], timeframe: str
) -> Listing:
    """Create a lead with a portfolio, a running strategy on each of its instruments that is traded here, and a listing."""
    user = create_person(email=lead.email, password=PASSWORD, display_name=lead.name, handle=lead.name.lower())
    portfolio = open_portfolio(
        owner=user, name=lead.title, exchange=exchange, settlement=settlement, amount=Decimal(10_000)
    )
    traded = [instruments[base] for base in lead.bases if base in instruments] or list(instruments.values())[:1]
    for instrument in traded:
        parameters = {"fast": lead.fast, "slow": lead.slow, "share": lead.share, "stop_loss": lead.stop_loss}
        name = f"{lead.title} {instrument.market.base_id}"
        version = save_strategy(
            owner=user,
            name=name,
            instruments=[instrument],
            timeframe=timeframe,
            face=Face(template="ema_cross", values=parameters),
        )
        start_run(actor=user, version=version, portfolio=portfolio)
    return publish_listing(
        owner=user,
        portfolio=portfolio,
        title=lead.title,
        summary=lead.summary,
        description=lead.description,
        tags=lead.tags,
        risks=lead.risks,
        conflicts="None: the lead is paid by nobody but followers.",
        has_own_money=False,
    )


def _tries(lead: User, instrument: Instrument, timeframe: str) -> None:
    """Ask for backtests of strategies on all that is known of an instrument, and for a sweep of the last."""
    timeframe = "15m" if "15m" in timeframes_of(instrument) else timeframe
    known = candle_range(instrument, timeframe)
    if known is None:
        return
    end = known[1] + timedelta(milliseconds=timeframe_ms(timeframe))
    terms = Terms((instrument,), timeframe, known[0], end, slippage=SlippageKind.BPS, slippage_value=1.0)
    for one in TRIES:
        face = Face(template=one.template, values=one.values)
        version = save_strategy(owner=lead, name=one.name, instruments=[instrument], timeframe=timeframe, face=face)
        request_backtest(owner=lead, version=version, terms=terms)
        if one is TRIES[-1]:
            grid = {name: list(values) for name, values in SWEPT.items()}
            request_sweep(owner=lead, version=version, terms=terms, search=Search(grid=grid))


def _followers(listings: Sequence[Listing], exchange: Exchange, settlement: Asset) -> None:
    people = [
        (FOLLOWER, "Bob", [("2000", "1")]),
        ("finn@demo.local", "Finn", [("1500", "1.5"), ("800", "1")]),
        ("gina@demo.local", "Gina", [("400", "2"), ("3000", "0.5")]),
    ]
    for email, name, follows in people:
        user = create_person(email=email, password=PASSWORD, display_name=name, handle=name.lower())
        savings = open_portfolio(
            owner=user, name="Savings", exchange=exchange, settlement=settlement, amount=Decimal(10_000)
        )
        for listing, (amount, multiplier) in zip(listings, follows, strict=False):
            follow_listing(
                follower=user,
                listing=listing,
                source=savings,
                amount=Decimal(amount),
                multiplier=Decimal(multiplier),
                accepted_terms=TERMS_VERSION,
            )


def _competition(operator: User, exchange: Exchange, settlement: Asset, instruments: Sequence[Instrument]) -> None:
    now = market_now(exchange.namespace)
    competition = create_competition(
        operator=operator,
        title="Opening Cup",
        description="Thirty market days, one starting capital, every instrument of this exchange. The best equity wins.",
        exchange=exchange,
        settlement=settlement,
        starting_capital=Decimal(5_000),
        allowed_instruments=instruments,
        starts_at=now,
        ends_at=now + timedelta(days=30),
    )
    for email, instrument in ((FOLLOWER, instruments[0]), ("finn@demo.local", instruments[-1])):
        user = User.objects.get(email=email)
        entry = enter_competition(user=user, competition=competition)
        _trade(user, entry.portfolio, instrument, Side.BUY)


def _margin_desk(exchange: Exchange, settlement: Asset, perpetuals: Sequence[Instrument]) -> None:
    """Let the follower hold perpetuals, long and short in turn, where there are any."""
    if not perpetuals:
        return
    user = User.objects.get(email=FOLLOWER)
    desk = open_portfolio(
        owner=user, name="Margin desk", exchange=exchange, settlement=settlement, amount=Decimal(3_000)
    )
    for number, instrument in enumerate(perpetuals):
        set_margin_terms(
            actor=user, portfolio=desk, instrument=instrument, leverage=_DESK_LEVERAGE, mode=MarginMode.ISOLATED
        )
        _trade(user, desk, instrument, Side.SELL if number % 2 else Side.BUY)


def _trade(user: User, portfolio: Portfolio, instrument: Instrument, side: Side) -> None:
    """Place an order by hand that is worth the stake."""
    price = latest_prices([instrument])[instrument.pk].price
    quantity = stake_quantity(equity=_STAKE, share=ONE, price=price, lot_step=instrument.lot_step)
    place_hand_order(actor=user, portfolio=portfolio, instrument=instrument, side=side, quantity=quantity)
