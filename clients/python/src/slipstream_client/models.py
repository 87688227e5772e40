# Written by `python -m tools.client_models`. Schemas: sha256:f1ac022013881ae837527a269d95046334645fa6f76ba2b241b4660a3e2b40c2
"""The API's schemas as models."""

from __future__ import annotations
from decimal import Decimal
from typing import Annotated, Any, Literal
from pydantic import AwareDatetime, Field
from slipstream_client.base import Model
from uuid import UUID
from datetime import date


class AccountBalance(Model):
    """
    An asset of an account: what the exchange says, and how it is divided. Portfolios and remainder sum to `total`.
    """

    asset: str
    total: Annotated[
        Decimal, Field(description="What the exchange says that the account holds.")
    ]
    free: Decimal
    in_portfolios: Decimal
    remainder: Annotated[
        Decimal,
        Field(description="In no portfolio; below zero where they claim too much."),
    ]
    read_at: AwareDatetime


class AmountRequest(Model):
    """
    Money to move. The same `key` again moves nothing and answers as the first time.
    """

    amount: Decimal
    key: Annotated[
        str | None,
        Field(description="The caller's own name for this movement in this portfolio."),
    ] = None


class ApprovalRequest(Model):
    above: Annotated[
        Decimal | None,
        Field(description="In the settlement currency; null: no order waits."),
    ]
    minutes: Annotated[
        int | None, Field(description="How long an order waits at most.")
    ] = None


class AuditEntry(Model):
    """
    Who did what to which object, when, from where, and as what.
    """

    id: int
    at: AwareDatetime
    actor: Annotated[
        str | None, Field(description="A handle; null: the platform itself.")
    ]
    role: Annotated[
        str, Field(description="As what they did it; empty where there is no role.")
    ]
    workspace: UUID | None
    action: str
    object_kind: str
    object_id: str
    before: Any
    after: Any
    address: str | None
    request_id: str


class Book(Model):
    """
    An order book as its feed last saw it; `at` is null where there is none (yet).
    """

    instrument_id: UUID
    at: AwareDatetime | None
    bids: Annotated[
        list[list[str]], Field(description='["price", "quantity"], best first.')
    ]
    asks: Annotated[
        list[list[str]], Field(description='["price", "quantity"], best first.')
    ]


class Booking(Model):
    booking_id: Annotated[UUID, Field(description="Both portfolios' ledgers name it.")]


class Candle(Model):
    """
    One closed candle: its start, prices in quote units, volume in base units.
    """

    opened_at: AwareDatetime
    open: float
    high: float
    low: float
    close: float
    volume: float


class Checked(Model):
    """
    A strategy that can be, in all faces.
    """

    template: Annotated[
        str,
        Field(
            description="The ready template that makes this strategy; empty where none does."
        ),
    ]
    values: Annotated[
        dict[str, str | None],
        Field(description="The template's values, decimals as strings."),
    ]
    formula: str
    graph: Annotated[
        Any,
        Field(
            description="The canonical graph; its schema is at /strategies/graph-schema/."
        ),
    ]
    warm_up: Annotated[
        int,
        Field(description="Candles before the first signal may come, at the latest."),
    ]
    history: Annotated[
        int, Field(description="Candles that a run looks at for each decision.")
    ]
    symbols: Annotated[list[str], Field(description="Other instruments that it reads.")]
    not_yet_live: Annotated[
        list[str], Field(description="What of it can be backtested, but not run yet.")
    ]


class Choice(Model):
    """
    Whether an event is told on a channel.
    """

    event: str
    channel: Annotated[
        Literal["MAIL", "PUSH", "TELEGRAM", "SMS", "WEBHOOK"] | str,
        Field(
            description="* `MAIL` - E-mail\n* `PUSH` - Browser\n* `TELEGRAM` - Telegram\n* `SMS` - SMS\n* `WEBHOOK` - Webhook"
        ),
    ]
    is_on: bool
    is_default: Annotated[bool, Field(description="What holds for who chose nothing.")]
    is_locked: Annotated[bool, Field(description="Whether it cannot be switched off.")]


class ChoiceRequest(Model):
    """
    Whether an event is told on a channel.
    """

    event: str
    channel: Annotated[
        Literal["MAIL", "PUSH", "TELEGRAM", "SMS", "WEBHOOK"] | str,
        Field(
            description="* `MAIL` - E-mail\n* `PUSH` - Browser\n* `TELEGRAM` - Telegram\n* `SMS` - SMS\n* `WEBHOOK` - Webhook"
        ),
    ]
    is_on: bool


class Closed(Model):
    """
    What was done; each order's own state tells what became of it.
    """

    orders: Annotated[
        list[UUID], Field(description="The ids of the exits that were written.")
    ]
    opens_under_way: Annotated[
        int, Field(description="Opens that were sent before; what they buy stays open.")
    ]


class ClosingRequest(Model):
    """
    What is closed: an instrument's position, or without one all positions. The same `key` again closes nothing more.
    """

    portfolio: UUID
    instrument: UUID | None = None
    key: str | None = None


class CodeRequest(Model):
    code: Annotated[str, Field(description="From the invitation's link.")]


class Competition(Model):
    id: UUID
    title: str
    description: str
    exchange: str
    settlement: str
    starting_capital: Decimal
    allowed_instruments: list[UUID]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    phase: Annotated[str, Field(description="By the market time of its exchange.")]
    entrants: int


class CompetitionWriteRequest(Model):
    """
    What an operator sets up. The window is market time of the exchange.
    """

    title: str
    description: str | None = None
    exchange: str
    settlement: str
    starting_capital: Decimal
    allowed_instruments: list[UUID]
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class ConnectableVenue(Model):
    """
    An exchange at which an account can be connected.
    """

    exchange: str
    name: str
    modes: list[str]
    credentials: Annotated[list[str], Field(description="The parts of its keys.")]
    where: Annotated[str, Field(description="Where its keys are made.")]
    allow: Annotated[list[str], Field(description="What a key needs.")]
    leave_out: Annotated[
        list[str], Field(description="What a key must not be allowed.")
    ]


class Console(Model):
    """
    Who follows a portfolio, in figures; amounts in its settlement currency.
    """

    equity: Decimal
    followers: int
    most_followers: int
    copied_capital: Decimal
    most_capital: Decimal
    waiting: int
    copies_made: Annotated[
        int, Field(description="Opens of the last seven days that filled.")
    ]
    copies_wanted: int


class CopyRecord(Model):
    """
    How a listing does for its followers, and how well it is copied; null where there is nothing to measure yet.
    """

    follower_return_ratio: Annotated[
        float | None,
        Field(
            description="Of all followers' money together, after fees and profit shares."
        ),
    ]
    daily_return_ratio: Annotated[
        float | None,
        Field(description="The lead's own, time-weighted by days, after fees."),
    ]
    money_weighted_ratio: Annotated[
        float | None,
        Field(
            description="The lead's own internal rate of return over the whole span."
        ),
    ]
    max_drawdown_ratio: Annotated[
        float, Field(description="Of hourly values, unrealized included.")
    ]
    success_ratio: Annotated[
        float | None,
        Field(description="Of the copies that were to be made, those that traded."),
    ]
    p50_ms: Annotated[
        float | None,
        Field(description="From the lead's fill until half of the copies were sent."),
    ]
    p95_ms: float | None
    copies_wished: int
    copies_traded: int
    sent_after: Annotated[
        list[int],
        Field(description="Copies by execution time; buckets end at buckets_ms."),
    ]
    buckets_ms: list[int]


class CopySettings(Model):
    """
    A follow's settings by name, figures as text; what is left out has its default (docs/copy-trading.md).
    """

    settings: dict[str, Any]


class CopySettingsRequest(Model):
    """
    A follow's settings by name, figures as text; what is left out has its default (docs/copy-trading.md).
    """

    settings: dict[str, Any]


class Costs(Model):
    """
    What trading on paper costs, and how late it is, in basis points and milliseconds of market time.
    """

    maker_fee_bps: Annotated[
        Decimal | None,
        Field(description="Null: what the market's venue takes. At most 500."),
    ]
    taker_fee_bps: Annotated[
        Decimal | None,
        Field(description="Null: what the market's venue takes. At most 500."),
    ]
    slippage_bps: Annotated[
        Decimal,
        Field(
            description="Of takers, where the venue's order book is not known. At most 1,000."
        ),
    ]
    latency_ms: Annotated[
        Decimal,
        Field(
            description="An order meets the first price this long after it was sent. At most 60,000."
        ),
    ]
    latency_jitter_ms: Annotated[
        Decimal,
        Field(
            description="Up to this much more; it follows from the order. At most 60,000."
        ),
    ]
    in_words: Annotated[str, Field(description="The same in words.")]


class CostsRequest(Model):
    """
    What trading on paper costs, and how late it is, in basis points and milliseconds of market time.
    """

    maker_fee_bps: Annotated[
        Decimal | None,
        Field(description="Null: what the market's venue takes. At most 500."),
    ]
    taker_fee_bps: Annotated[
        Decimal | None,
        Field(description="Null: what the market's venue takes. At most 500."),
    ]
    slippage_bps: Annotated[
        Decimal,
        Field(
            description="Of takers, where the venue's order book is not known. At most 1,000."
        ),
    ]
    latency_ms: Annotated[
        Decimal,
        Field(
            description="An order meets the first price this long after it was sent. At most 60,000."
        ),
    ]
    latency_jitter_ms: Annotated[
        Decimal,
        Field(
            description="Up to this much more; it follows from the order. At most 60,000."
        ),
    ]


class CredentialsRequest(Model):
    """
    A key as its venue made it; which parts it has, the list of venues says.
    """

    api_key: str
    secret: str
    password: str | None = None


class CurvePoint(Model):
    at: AwareDatetime
    equity: Decimal


class DataArchive(Model):
    """
    An archive of one's data, and how far it is. The file itself is behind a log-in in the browser.
    """

    id: UUID
    state: Annotated[
        Literal["WAITING", "MAKING", "READY", "FAILED", "EXPIRED"] | str,
        Field(
            description="* `WAITING` - Waiting\n* `MAKING` - Being made\n* `READY` - Ready\n* `FAILED` - Failed\n* `EXPIRED` - Expired"
        ),
    ]
    parts_done: int
    parts: int
    rows: int
    size_bytes: int
    created_at: AwareDatetime
    ready_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    download: str


class Decision(Model):
    """
    Something that was denied (allowed: 0) or cut. `order` is null for one that was refused before it was stored.
    """

    id: int
    instrument: UUID
    symbol: str
    order: UUID | None
    code: str
    reason: str
    asked: Decimal
    allowed: Decimal
    value: Annotated[
        Decimal,
        Field(description="The figure that met its limit, in the unit of the code."),
    ]
    limit: Decimal
    happened_at: AwareDatetime


class DecisionRequest(Model):
    """
    An operator's decision; a refusal has a reason that the owner reads.
    """

    is_approved: bool
    reason: str | None = None


class Departure(Model):
    """
    When one's account is closed.
    """

    asked_at: AwareDatetime
    due_at: AwareDatetime
    keeps_holdings: bool
    obstacle: str


class DriftDay(Model):
    """
    One day of one run beside the engine's. `code` says why a day could not be compared.
    """

    run: UUID
    day: date
    wished: int
    matched: int
    missed: int
    extra: int
    mispriced_bps: float | None = None
    worst_bps: float | None = None
    code: str | None = None


class Entry(Model):
    """
    One's own entry; `portfolio` is the one to trade in.
    """

    id: UUID
    competition: UUID
    portfolio: UUID
    entered_at: AwareDatetime


class Equity(Model):
    """
    Daily equity: `at` are the ends of UTC days, the first one the beginning.
    """

    at: list[AwareDatetime]
    equity: list[float]
    benchmark: Annotated[list[float], Field(description="Of buying and holding.")]


class EquityPoint(Model):
    at: Annotated[AwareDatetime, Field(description="Market time.")]
    equity: Decimal


class ExchangeAccount(Model):
    """
    An account at an exchange. Its key is in no answer.
    """

    id: UUID
    exchange: Annotated[str, Field(description="The exchange's code.")]
    label: str
    mode: Annotated[
        Literal["LIVE", "SANDBOX"] | str,
        Field(
            description="Whether its money is real.\n\n* `LIVE` - Live\n* `SANDBOX` - Sandbox"
        ),
    ]
    state: Annotated[
        Literal["CHECKING", "READY", "REFUSED", "FAILED", "REVOKED"] | str,
        Field(
            description="* `CHECKING` - Checking\n* `READY` - Ready\n* `REFUSED` - Refused\n* `FAILED` - Failed\n* `REVOKED` - Revoked"
        ),
    ]
    code: Annotated[
        str,
        Field(
            description="What the last check found, or why it is tried again; empty before the first."
        ),
    ]
    detail: Annotated[str, Field(description="The same in words, with what to do.")]
    permissions: Annotated[
        list[str],
        Field(
            description="Of READ, TRADE, WITHDRAW, ADDRESS_BOUND, as the exchange reports them."
        ),
    ]
    key_hint: Annotated[str, Field(description="The last characters of the key.")]
    checked_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    check_due_at: AwareDatetime | None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class FaceRequest(Model):
    """
    A strategy, given once: by `template` (with `values`), by `formula`, or by `graph`.
    """

    template: Annotated[
        str | None, Field(description="One of /strategies/templates/.")
    ] = None
    values: Annotated[
        dict[str, Any] | None,
        Field(
            description="Values by name; what is left out is as by default. Decimals as strings."
        ),
    ] = None
    formula: str | None = None
    graph: Any | None = None


class Faces(Model):
    """
    A strategy's three faces: the same thing said as a template with values, as a formula, and as a graph.
    """

    template: Annotated[
        str,
        Field(
            description="The ready template that makes this strategy; empty where none does."
        ),
    ]
    values: Annotated[
        dict[str, str | None],
        Field(description="The template's values, decimals as strings."),
    ]
    formula: str
    graph: Annotated[
        Any,
        Field(
            description="The canonical graph; its schema is at /strategies/graph-schema/."
        ),
    ]


class FacetValue(Model):
    value: str
    label: str
    count: Annotated[
        int,
        Field(
            description="Listings that it would leave, whatever else of its facet is chosen."
        ),
    ]
    is_chosen: bool


class Fit(Model):
    """
    How well an amount fits a lead, by the lead's last 90 days; ratios are shares of 0 to 1.
    """

    capital: Decimal
    orders: Annotated[
        int, Field(description="Orders that the copy would have made or skipped.")
    ]
    skipped: Annotated[int, Field(description="Of these, below a minimum.")]
    skipped_ratio: Annotated[float, Field(description="Of what there was to copy.")]
    tracking_error: Annotated[
        float, Field(description="Annual, against a perfect copy.")
    ]
    clipped: Annotated[int, Field(description="Cut to the cash there was.")]
    smallest_capital: Annotated[
        Decimal | None, Field(description="At which at most 5 % are skipped.")
    ]
    is_viable: bool


class Funding(Model):
    """
    What longs pay shorts next, as a fraction of the position's value; null where the venue has not told it (yet).
    """

    instrument_id: UUID
    rate: Annotated[Decimal | None, Field(description="Negative where shorts pay.")]
    at: AwareDatetime | None
    mark_price: Decimal | None


class FundingPayment(Model):
    """
    What a position paid (negative: received) at a funding time: quantity x mark x rate.
    """

    id: UUID
    instrument: UUID
    symbol: str
    quantity: Annotated[
        Decimal, Field(description="As it was held at that time; negative for a short.")
    ]
    mark: Annotated[
        Decimal | None,
        Field(description="Null where a venue told no more than what was paid."),
    ]
    rate: Decimal | None
    amount: Decimal
    insured: Annotated[
        Decimal,
        Field(
            description="The part that the insurance fund paid: no isolated position pays more than its margin."
        ),
    ]
    happened_at: AwareDatetime


class GiveRequest(Model):
    workspace: UUID


class Grant(Model):
    """
    The right to use a version: name it where a run or a backtest asks for a `version`.
    """

    id: UUID
    version: UUID
    strategy_name: str
    number: int
    author: str
    symbol: str
    timeframe: str
    until: AwareDatetime | None
    granted_at: AwareDatetime
    formula: Annotated[
        str | None, Field(description="What it does; null where its author sealed it.")
    ]


class Guard(Model):
    """
    A follow's guards, and where its copy stop stands.
    """

    copy_stop: Decimal | None
    copy_stop_kind: str
    daily_loss: Decimal | None
    copied_capital: Annotated[
        Decimal, Field(description="What the copy stop is measured from.")
    ]
    peak_equity: Decimal
    day_equity: Annotated[
        Decimal, Field(description="What the loss of the day is measured from.")
    ]


class GuardsRequest(Model):
    """
    What a follow may lose, as ratios; null is no guard.
    """

    copy_stop: Annotated[
        Decimal | None,
        Field(
            description="Of the copied amount, 0.05 to 0.95: once it is lost, everything is sold and the follow ends."
        ),
    ] = None
    copy_stop_kind: Annotated[
        Literal["FIXED", "TRAILING"] | str | None,
        Field(
            description="TRAILING rises with the most that the follow has been worth.\n\n* `FIXED` - FIXED\n* `TRAILING` - TRAILING"
        ),
    ] = None
    daily_loss: Annotated[
        Decimal | None,
        Field(
            description="Of the day's first equity (UTC): once it is lost, the follow is paused."
        ),
    ] = None


class Invitation(Model):
    id: UUID
    code: str
    email: Annotated[
        str, Field(description="The one address it is for; empty where it is for any.")
    ]
    created_at: AwareDatetime
    expires_at: AwareDatetime
    used_at: AwareDatetime | None


class IssuedWebhook(Model):
    """
    A new endpoint with its secret, this once.
    """

    id: UUID
    url: str
    events: list[str]
    created_at: AwareDatetime
    failing_since: AwareDatetime | None = None
    disabled_at: AwareDatetime | None = None
    secret: str


class KeyRequest(Model):
    credentials: CredentialsRequest


class Leg(Model):
    """
    One trade of an opportunity.
    """

    side: Annotated[str, Field(description="BUY or SELL, of the base.")]
    instrument: UUID
    market: str
    exchange: str
    exchange_name: str


class LendRequest(Model):
    handle: str
    scope: Annotated[
        Literal["view", "trade"] | str,
        Field(description="* `view` - See it\n* `trade` - See it and trade it"),
    ]
    ends_at: Annotated[
        AwareDatetime, Field(description="Wall time, at most a year ahead.")
    ]


class ListingEquityPoint(Model):
    """
    A moment of market time and the equity at it.
    """

    at: AwareDatetime
    equity: Decimal


class ListingFacts(Model):
    """
    What is computed of a listing, and never claimed. Times are market time.
    """

    instruments: list[str]
    first_fill_at: AwareDatetime | None
    record_days: int
    closed_trades: int
    is_proven: bool
    signals_wished: int
    signals_executed: int
    risk_class: int | None
    risk_figures: dict[str, Any]
    smallest_capital: Annotated[
        Decimal | None, Field(description="At which a copy skips at most 5 %.")
    ]
    refreshed_at: AwareDatetime | None


class ListingPicture(Model):
    digest: str
    address: str
    width: int
    height: int
    words: str
    is_public: bool


class ListingVersion(Model):
    """
    What a listing said when it was published; `effects` is what the update did to who followed or used it.
    """

    number: int
    content: dict[str, Any]
    changes: str
    effects: list[str]
    published_at: AwareDatetime


class LiveTradingRequest(Model):
    """
    Whether a live portfolio may open positions.
    """

    is_on: bool


class MarginTermsRequest(Model):
    """
    What a position in a perpetual is traded on.
    """

    leverage: int
    margin_mode: Annotated[
        Literal["ISOLATED", "CROSS"] | str,
        Field(
            description="What backs it: its own margin, or the portfolio's free cash.\n\n* `ISOLATED` - Isolated\n* `CROSS` - Cross"
        ),
    ]


class MarkReadRequest(Model):
    """
    Which notifications were read; all of them where no ids are given.
    """

    ids: list[UUID] | None = None


class Marked(Model):
    marked: int


class MarketTrade(Model):
    """
    A trade between others at the venue.
    """

    id: str
    at: AwareDatetime
    side: Annotated[
        str,
        Field(
            description='The taker\'s side, "buy" or "sell"; "" where it is not told.'
        ),
    ]
    price: str
    quantity: str


class Money(Model):
    currency: str
    minor: int


class NameRequest(Model):
    name: str


class NewAlertRequest(Model):
    """
    What to be told of. `level` is a price in quote units, a ratio (0.05: 5 %), or a multiple of the usual volume.
    """

    instrument: UUID
    kind: Annotated[
        Literal["ABOVE", "BELOW", "MOVE", "VOLUME_SPIKE"] | str,
        Field(
            description="* `ABOVE` - Price rises to\n* `BELOW` - Price falls to\n* `MOVE` - Price moves by\n* `VOLUME_SPIKE` - Volume spikes"
        ),
    ]
    level: Decimal
    window_seconds: Annotated[
        int | None, Field(description="Of a move, or the candles' length.")
    ] = None
    repeats: bool | None = None
    cool_down_seconds: int | None = None
    note: str | None = None


class NewConsentRequest(Model):
    kind: Annotated[
        Literal["TERMS", "RISK", "MARKETING"] | str,
        Field(
            description="* `TERMS` - Terms of use\n* `RISK` - Risk warning\n* `MARKETING` - News about Slipstream by mail"
        ),
    ]


class NewExchangeAccountRequest(Model):
    """
    What connecting an account takes.
    """

    credentials: CredentialsRequest
    exchange: Annotated[str, Field(description="Its code.")]
    mode: Annotated[
        Literal["LIVE", "SANDBOX"] | str,
        Field(description="* `LIVE` - Live\n* `SANDBOX` - Sandbox"),
    ]
    label: str


class NewInvitationRequest(Model):
    email: str | None = None
    valid_days: int | None = None


class NewLimitsRequest(Model):
    """
    A ready-made profile, or all limits one by one: exactly one of the two.
    """

    profile: Annotated[
        Literal["CONSERVATIVE", "BALANCED", "AGGRESSIVE"] | str | None,
        Field(
            description="* `CONSERVATIVE` - CONSERVATIVE\n* `BALANCED` - BALANCED\n* `AGGRESSIVE` - AGGRESSIVE"
        ),
    ] = None
    limits: Annotated[
        dict[str, Any] | None, Field(description="What is left out or null is off.")
    ] = None


class NewPortfolioRequest(Model):
    """
    What opening a portfolio takes: the code of an exchange for a paper one, or an exchange account of one's own.
    """

    name: str
    exchange: Annotated[str | None, Field(description="Its code.")] = None
    account: Annotated[
        UUID | None, Field(description="An exchange account whose key was found good.")
    ] = None
    settlement: Annotated[str, Field(description="An asset's code.")]
    amount: Annotated[Decimal, Field(description="What it starts with; 0 for nothing.")]


class NewPushSubscriptionRequest(Model):
    endpoint: str
    p256dh: str
    auth: str
    label: str | None = None


class NewSourceRequest(Model):
    portfolio: UUID
    name: str


class NewWatchListRequest(Model):
    """
    A new list, or an old one's new name.
    """

    name: str


class NewWebhookRequest(Model):
    """
    What a new endpoint needs.
    """

    url: str
    events: list[str]


class Notification(Model):
    id: UUID
    event: str
    group: str
    severity: str
    title: str
    body: str
    url: str
    context: Any
    created_at: AwareDatetime
    read_at: AwareDatetime | None


class Opportunity(Model):
    """
    What pays after taker fees if every leg is traded at once; of a near miss no more is known than `profit_bps`.
    """

    key: str
    namespace: str
    kind: Annotated[str, Field(description='SANDBOX, or "" where prices are real.')]
    legs: list[Leg]
    asset: Annotated[str, Field(description="What size and profit are in.")]
    size: float | None
    quantity: Annotated[
        float | None, Field(description="Base units of a spread's market.")
    ]
    profit: float | None
    profit_bps: float
    age_ms: int | None
    shrunk_ratio: Annotated[
        float | None, Field(description="What it has lost of its best profit.")
    ]
    half_life_ms: Annotated[
        int | None, Field(description="Null where it does not shrink.")
    ]


class OrderRequest(Model):
    """
    The order of a list's instruments; those not named follow in theirs.
    """

    instruments: list[UUID]


class OwnWorkspace(Model):
    """
    A workspace that one belongs to, and as what.
    """

    id: UUID
    name: str
    role: Annotated[str, Field(description="A role, or the name of a permission set.")]
    permissions: list[str]
    joined_at: AwareDatetime


class OwnerRequest(Model):
    member: Annotated[UUID, Field(description="The membership of the new owner.")]


class PaginatedAuditEntryList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[AuditEntry]


class PaginatedCompetitionList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Competition]


class PaginatedDataArchiveList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[DataArchive]


class PaginatedDecisionList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Decision]


class PaginatedDriftDayList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[DriftDay]


class PaginatedExchangeAccountList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[ExchangeAccount]


class PaginatedFundingPaymentList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[FundingPayment]


class PaginatedGrantList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Grant]


class PaginatedInvitationList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Invitation]


class PaginatedNotificationList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Notification]


class PaginatedOwnWorkspaceList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[OwnWorkspace]


class PatchedChangedOrderRequest(Model):
    """
    What shall be different of an order that waits; what is left out stays as it is.
    """

    limit_price: Annotated[
        Decimal | None,
        Field(
            description="The worst price it may meet: of LIMIT, STOP_LIMIT and TAKE_PROFIT_LIMIT."
        ),
    ] = None
    trigger_price: Annotated[
        Decimal | None,
        Field(
            description="What sets it off: of STOP, STOP_LIMIT, TAKE_PROFIT and TAKE_PROFIT_LIMIT."
        ),
    ] = None
    trail_amount: Annotated[
        Decimal | None,
        Field(
            description="How far a TRAILING_STOP follows the best price, in quote units."
        ),
    ] = None
    trail_bps: Annotated[
        Decimal | None,
        Field(
            description="The same in basis points of the best price; one of the two."
        ),
    ] = None
    activation_price: Annotated[
        Decimal | None,
        Field(
            description="Where a TRAILING_STOP begins to follow; without one at once."
        ),
    ] = None
    stop_price: Annotated[
        Decimal | None,
        Field(
            description="Of a purchase: sell what it bought here, should the price fall."
        ),
    ] = None
    target_price: Annotated[
        Decimal | None,
        Field(
            description="Of a purchase: sell what it bought here, should the price rise. One of the two cancels the other."
        ),
    ] = None
    quantity: Annotated[
        Decimal | None, Field(description="Base units; not below what is filled.")
    ] = None


class PatchedChangedSettingsRequest(Model):
    """
    When one is told. Quiet hours have both ends, or neither.
    """

    timezone: str | None = None
    quiet_from: Annotated[str | None, Field(examples=["22:00:00"])] = None
    quiet_until: Annotated[str | None, Field(examples=["22:00:00"])] = None
    digest: Annotated[
        Literal["OFF", "HOURLY", "DAILY"] | str | None,
        Field(
            description="* `OFF` - At once, one by one\n* `HOURLY` - One mail an hour\n* `DAILY` - One mail a day"
        ),
    ] = None
    digest_at: Annotated[str | None, Field(examples=["22:00:00"])] = None
    choices: list[ChoiceRequest] | None = None


class PatchedLabelRequest(Model):
    label: str | None = None


class PatchedListingChangeRequest(Model):
    """
    What a listing says and offers; what is left out stays.
    """

    title: str | None = None
    summary: str | None = None
    description: Annotated[
        str | None, Field(description="Markdown; HTML in it is shown as text.")
    ] = None
    tags: list[str] | None = None
    offer: Annotated[
        Literal["PORTFOLIO", "STRATEGY", "DEFINITION"] | str | None,
        Field(
            description="* `PORTFOLIO` - Follow this portfolio\n* `STRATEGY` - Follow this portfolio, on which a named strategy runs\n* `DEFINITION` - Use the strategy on one's own portfolio"
        ),
    ] = None
    source: Annotated[
        Literal["VISIBLE", "SEALED"] | str | None,
        Field(description="* `VISIBLE` - Visible\n* `SEALED` - Sealed"),
    ] = None
    version: Annotated[
        UUID | None,
        Field(description="Of a strategy of one's own, where one is offered."),
    ] = None
    risks: str | None = None
    conflicts: str | None = None
    has_own_money: bool | None = None
    suggested_minimum: Decimal | None = None
    profit_share_ratio: Annotated[
        Decimal | None,
        Field(
            description="0 to 0.3 of new profit; of this the platform keeps a tenth. A raise reaches who follows already after 14 days, a lower share at once."
        ),
    ] = None
    changes: str | None = None


class PatchedNameRequest(Model):
    name: str | None = None


class PatchedNewWatchListRequest(Model):
    """
    A new list, or an old one's new name.
    """

    name: str | None = None


class PatchedProfileChangeRequest(Model):
    handle: str | None = None
    display_name: str | None = None
    bio: str | None = None


class PatchedSwitchRequest(Model):
    is_on: bool | None = None


class PermissionSet(Model):
    """
    A role of a workspace's own.
    """

    id: UUID
    name: str
    permissions: list[str]


class Person(Model):
    """
    Oneself.
    """

    id: UUID
    email: str
    joined_at: AwareDatetime
    is_staff: bool
    handle: str
    display_name: str
    bio: str


class Phone(Model):
    number: Annotated[str, Field(description="With its country: +491701234567.")]


class PhoneCodeRequest(Model):
    code: str


class PhoneRequest(Model):
    number: Annotated[str, Field(description="With its country: +491701234567.")]


class PictureUploadRequest(Model):
    picture: Annotated[
        str,
        Field(
            description="PNG, JPEG, WebP or GIF in base64. A body has 2.5 MB at most, so the file 1.9 MB; the page takes 5 MiB."
        ),
    ]
    words: str | None = None


class PlanLine(Model):
    """
    One instrument of a plan, in base units: what is held, what should be, and whether the change is worth an order.
    """

    instrument: UUID
    symbol: str
    held: str
    wanted: str
    is_sent: bool
    is_diverged: bool


class Port(Model):
    """
    One thing that a node takes, in the order in which a formula gives it.
    """

    name: str
    kind: Annotated[str, Field(description="series, condition, number or choice.")]
    doc: str
    default: Any
    minimum: float
    maximum: float
    integer: bool
    choices: list[str]


class PriceSetRequest(Model):
    interval: Annotated[
        Literal["month", "year"] | str,
        Field(description="* `month` - Monthly\n* `year` - Yearly"),
    ]
    amount: Annotated[
        Decimal,
        Field(
            description="What is charged each time, before taxes, in the currency's main unit."
        ),
    ]
    currency: str
    trial_days: int | None = None


class Problem(Model):
    """
    A refusal (RFC 9457). `code` is stable; `detail` is one sentence that says what to do.
    """

    type: str
    title: str
    status: int
    detail: str
    code: Annotated[str, Field(examples=["QUANTITY_BELOW_MINIMUM"])]
    context: dict[str, Any]
    request_id: str


class PromotionCode(Model):
    id: UUID
    code: str
    percent_off: int
    length: Annotated[
        Literal["once", "forever"] | str | None,
        Field(description="* `once` - The first payment\n* `forever` - Every payment"),
    ] = None
    most_uses: int | None = None
    expires_at: AwareDatetime | None = None
    mode: Annotated[
        Literal["TEST", "LIVE"] | str,
        Field(description="* `TEST` - Test\n* `LIVE` - Live"),
    ]
    state: Annotated[
        Literal["PENDING", "LIVE", "FAILED", "RETIRED"] | str | None,
        Field(
            description="* `PENDING` - Being set up\n* `LIVE` - On sale\n* `FAILED` - Refused by the processor\n* `RETIRED` - No longer sold"
        ),
    ] = None
    problem: str | None = None


class PromotionCodeSetRequest(Model):
    code: Annotated[str, Field(description="3 to 20 letters and digits.")]
    percent_off: int
    length: Annotated[
        Literal["once", "forever"] | str | None,
        Field(description="* `once` - The first payment\n* `forever` - Every payment"),
    ] = None
    most_uses: int | None = None
    expires_at: AwareDatetime | None = None


class Protection(Model):
    """
    How far from its entry (0.01 to 0.5) each position is stopped at the exchange itself; null is no stop there.
    """

    share: Decimal | None


class ProtectionRequest(Model):
    """
    How far from its entry (0.01 to 0.5) each position is stopped at the exchange itself; null is no stop there.
    """

    share: Decimal | None


class PublicProfile(Model):
    """
    What everybody may see of a person.
    """

    handle: str
    display_name: str
    bio: str


class PublishBacktestRequest(Model):
    """
    Which finished backtest of one's own a listing is to show.
    """

    backtest: UUID


class PublishRequest(Model):
    """
    Which of one's portfolios to publish, and what to say of it.
    """

    title: str
    summary: str | None = None
    description: Annotated[
        str | None, Field(description="Markdown; HTML in it is shown as text.")
    ] = None
    tags: list[str] | None = None
    offer: Annotated[
        Literal["PORTFOLIO", "STRATEGY", "DEFINITION"] | str | None,
        Field(
            description="* `PORTFOLIO` - Follow this portfolio\n* `STRATEGY` - Follow this portfolio, on which a named strategy runs\n* `DEFINITION` - Use the strategy on one's own portfolio"
        ),
    ] = None
    source: Annotated[
        Literal["VISIBLE", "SEALED"] | str | None,
        Field(description="* `VISIBLE` - Visible\n* `SEALED` - Sealed"),
    ] = None
    version: Annotated[
        UUID | None,
        Field(description="Of a strategy of one's own, where one is offered."),
    ] = None
    risks: str | None = None
    conflicts: str | None = None
    has_own_money: bool | None = None
    suggested_minimum: Decimal | None = None
    profit_share_ratio: Annotated[
        Decimal | None,
        Field(
            description="0 to 0.3 of new profit; of this the platform keeps a tenth. A raise reaches who follows already after 14 days, a lower share at once."
        ),
    ] = None
    changes: str | None = None
    portfolio: UUID
    is_draft: Annotated[
        bool | None,
        Field(description="Keep it for oneself; publish it by sending it again."),
    ] = None


class PublishedBacktest(Model):
    """
    The backtest that a listing shows. The manifest is its spec with the strategy's salted hash in the place of the strategy.
    """

    spec_hash: str
    trades_hash: str
    manifest: dict[str, Any]
    summary: dict[str, Any]
    salt: Annotated[
        str | None,
        Field(
            description="What went into spec_hash and strategy_hash; null for whoever may not see the strategy."
        ),
    ]
    published_at: AwareDatetime


class PushSubscription(Model):
    id: UUID
    label: str
    created_at: AwareDatetime


class RankedListing(Model):
    """
    A listing with its place; equal returns share one.
    """

    rank: int
    id: UUID
    title: str
    description: str
    owner: str
    kind: Annotated[
        Literal["PAPER", "SIMULATED", "SANDBOX", "LIVE"] | str,
        Field(
            description="Whether money and prices are real. Show it wherever you show the figures.\n\n* `PAPER` - Paper\n* `SIMULATED` - Simulated\n* `SANDBOX` - Sandbox\n* `LIVE` - Live"
        ),
    ]
    namespace: str
    settlement: str
    state: Annotated[
        Literal["DRAFT", "SUBMITTED", "PUBLISHED", "REFUSED", "WITHDRAWN"] | str,
        Field(
            description="* `DRAFT` - Draft\n* `SUBMITTED` - Submitted\n* `PUBLISHED` - Published\n* `REFUSED` - Refused\n* `WITHDRAWN` - Withdrawn"
        ),
    ]
    published_at: AwareDatetime | None
    profit_share_ratio: Decimal
    return_ratio: Annotated[
        float,
        Field(
            description="Time-weighted since the portfolio was opened, after fees: money paid in or out is no return."
        ),
    ]
    max_drawdown_ratio: Annotated[
        float, Field(description="Deepest fall from a peak, 0 to 1.")
    ]
    equity: Decimal
    copied_capital: Decimal
    follower_count: int
    as_of: AwareDatetime | None
    copies: CopyRecord | None
    summary: str
    tags: list[str]
    offer: Annotated[
        Literal["PORTFOLIO", "STRATEGY", "DEFINITION"] | str,
        Field(
            description="* `PORTFOLIO` - Follow this portfolio\n* `STRATEGY` - Follow this portfolio, on which a named strategy runs\n* `DEFINITION` - Use the strategy on one's own portfolio"
        ),
    ]
    source: Annotated[
        Literal["VISIBLE", "SEALED"] | str,
        Field(description="* `VISIBLE` - Visible\n* `SEALED` - Sealed"),
    ]
    suggested_minimum: Decimal | None
    risk_class: Annotated[int | None, Field(description="1 to 5; null: unproven.")]
    is_proven: Annotated[
        bool,
        Field(
            description="30 days of market time and 20 closed trades. Show it wherever you show the figures."
        ),
    ]
    risks: str
    conflicts: str
    has_own_money: bool | None


class RecordKey(Model):
    """
    A public key that signed roots.
    """

    id: str
    public: Annotated[str, Field(description="Ed25519, 32 bytes.")]
    first_used_at: AwareDatetime


class RecordRoot(Model):
    """
    A signed root. What is signed is its canonical JSON: these fields without `signature`, with "kind":"root" and "v":1.
    """

    number: int
    previous: Annotated[
        str,
        Field(
            description="SHA-256 of the former root's canonical JSON; zeros before the first."
        ),
    ]
    size: Annotated[int, Field(description="How many seals its tree holds.")]
    root: Annotated[str, Field(description="The head of the tree (RFC 6962).")]
    at: Annotated[str, Field(description="UTC with microseconds, as it is signed.")]
    key: Annotated[
        str, Field(description="The first 16 hex digits of the public key's SHA-256.")
    ]
    signature: Annotated[str, Field(description="Ed25519, 64 bytes.")]


class Reproduction(Model):
    """
    A repetition: the same trades where `is_same`.
    """

    id: UUID
    state: Annotated[
        Literal["QUEUED", "RUNNING", "DONE", "FAILED", "CANCELED"] | str,
        Field(
            description="* `QUEUED` - Queued\n* `RUNNING` - Running\n* `DONE` - Done\n* `FAILED` - Failed\n* `CANCELED` - Canceled"
        ),
    ]
    spec_hash: str
    expected_hash: str
    trades_hash: str
    is_same: Annotated[
        bool, Field(description="Whether what came out has the published hash.")
    ]
    summary: dict[str, Any]
    error_code: str
    error_message: str
    asked_at: AwareDatetime
    finished_at: AwareDatetime | None


class ResumeRequest(Model):
    """
    How a pause ends.
    """

    catch_up: Annotated[
        bool | None, Field(description="Carry out what brings it in step, too.")
    ] = None


class ReturnCurve(Model):
    name: str
    points: Annotated[
        list[list[float]], Field(description="[seconds, return since the first day].")
    ]


class Review(Model):
    """
    What somebody who followed says, with what their follow came to by our own books.
    """

    id: UUID
    listing: UUID
    author: Annotated[
        str, Field(description="Their handle, or “former follower” once they left.")
    ]
    stars: int
    text: str
    result_ratio: Annotated[
        float | None,
        Field(
            description="Of what they paid in, net of fees and profit shares, when written."
        ),
    ]
    followed_days: int
    created_at: AwareDatetime
    edited_at: AwareDatetime | None
    answer: str
    answered_at: AwareDatetime | None


class ReviewAnswerRequest(Model):
    text: str


class ReviewReportRequest(Model):
    reason: Annotated[
        Literal["SPAM", "ABUSE", "PRIVATE", "FALSE"] | str,
        Field(
            description="* `SPAM` - Advertising or spam\n* `ABUSE` - Insulting or threatening\n* `PRIVATE` - Somebody's private data\n* `FALSE` - Not about this listing"
        ),
    ]


class ReviewWordsRequest(Model):
    stars: int
    text: str | None = None


class RunStartRequest(Model):
    """
    A version and the portfolio it shall trade.
    """

    version: UUID
    portfolio: UUID


class Safety(Model):
    """
    The platform's safety level: HALTED and REDUCING let only exits pass.
    """

    level: Annotated[
        Literal["ACTIVE", "REDUCING", "HALTED"] | str,
        Field(
            description="* `ACTIVE` - Active\n* `REDUCING` - Reducing\n* `HALTED` - Halted"
        ),
    ]
    reason: str | None = None
    set_at: AwareDatetime


class SafetyRequest(Model):
    """
    The platform's safety level: HALTED and REDUCING let only exits pass.
    """

    level: Annotated[
        Literal["ACTIVE", "REDUCING", "HALTED"] | str,
        Field(
            description="* `ACTIVE` - Active\n* `REDUCING` - Reducing\n* `HALTED` - Halted"
        ),
    ]
    reason: str | None = None


class SavedSearch(Model):
    """
    A search that is kept; `query` as it stands behind an address's question mark.
    """

    id: UUID
    name: str
    query: str | None = None
    created_at: AwareDatetime


class SavedSearchRequest(Model):
    """
    A search that is kept; `query` as it stands behind an address's question mark.
    """

    name: str
    query: str | None = None


class ScopeSwitchRequest(Model):
    """
    The level of one scope. `code` names the limit that paused it, until `until` (market time).
    """

    level: Annotated[
        Literal["ACTIVE", "REDUCING", "HALTED"] | str,
        Field(
            description="* `ACTIVE` - Active\n* `REDUCING` - Reducing\n* `HALTED` - Halted"
        ),
    ]
    reason: str | None = None


class Seal(Model):
    """
    What was said of some fills: that they lead from one link to another.
    """

    portfolio: str
    first: int
    last: int
    previous: str
    link: str
    at: str


class Secret(Model):
    """
    A source with its secret, which is shown this once.
    """

    id: UUID
    portfolio: UUID
    name: str
    is_on: bool
    created_at: AwareDatetime
    last_heard_at: AwareDatetime | None
    secret: str


class ShareRaise(Model):
    before: Decimal
    after: Decimal
    announced_at: AwareDatetime
    effective_at: AwareDatetime


class Sharing(Model):
    """
    Whose a portfolio is, and the limits that come with it; null is none.
    """

    id: UUID
    owner: str
    workspace: UUID | None
    parent: UUID | None
    max_capital: Decimal | None
    max_capital_share: Decimal | None
    max_order_value: Decimal | None
    approval_above: Decimal | None
    approval_minutes: int


class Signal(Model):
    """
    What became of a signal: its order as it was stored. Its fill follows within moments.
    """

    id: int
    key: str
    action: str
    instrument: UUID
    quantity: Decimal | None
    equity_share: Decimal | None
    order: UUID | None
    state: str
    code: str
    heard_at: AwareDatetime


class Similar(Model):
    """
    A listing whose daily returns move alike.
    """

    place: int
    listing: UUID
    title: str
    correlation: float
    days: int


class Source(Model):
    """
    An address that makes orders in a portfolio.
    """

    id: UUID
    portfolio: UUID
    name: str
    is_on: bool
    created_at: AwareDatetime
    last_heard_at: AwareDatetime | None


class Standing(Model):
    """
    A line of a ranking; equals share a rank.
    """

    rank: int
    entrant: str
    entered_at: AwareDatetime
    equity: Decimal
    return_ratio: Annotated[
        float, Field(description="Measured on the starting capital.")
    ]


class StartedFollow(Model):
    """
    A follow that was started; `portfolio` is the one made for it.
    """

    id: UUID
    lead: UUID
    portfolio: UUID
    state: Annotated[
        Literal["WAITING", "PENDING", "ACTIVE", "PAUSED", "STOPPING", "STOPPED"] | str,
        Field(
            description="* `WAITING` - Waiting\n* `PENDING` - Pending\n* `ACTIVE` - Active\n* `PAUSED` - Paused\n* `STOPPING` - Stopping\n* `STOPPED` - Stopped"
        ),
    ]
    multiplier: Decimal
    started_at: AwareDatetime


class StatementLine(Model):
    booking: str
    kind: Annotated[
        Literal["CHARGE", "REFUND", "DISPUTE", "TRANSFER", "TAX", "PAYOUT"] | str,
        Field(
            description="* `CHARGE` - Charge\n* `REFUND` - Refund\n* `DISPUTE` - Dispute\n* `TRANSFER` - Transfer\n* `TAX` - Taxes\n* `PAYOUT` - Payout"
        ),
    ]
    invoice: UUID | None = None
    mode: Annotated[
        Literal["TEST", "LIVE"] | str,
        Field(description="* `TEST` - Test\n* `LIVE` - Live"),
    ]
    currency: str
    amount_minor: int
    price_minor: Annotated[
        int | None,
        Field(
            description="Of a charge: what was paid, without taxes. Null for what is no charge."
        ),
    ]
    tax_minor: Annotated[
        int | None,
        Field(description="Of a charge: the taxes on top, which the platform holds."),
    ]
    fee_minor: Annotated[
        int | None,
        Field(description="Of a charge: what the platform keeps of the price."),
    ]
    share_minor: Annotated[
        int | None,
        Field(description="Of a charge: what its lead has of the price in the end."),
    ]
    happened_at: AwareDatetime


class Step(Model):
    """
    One order that a plan would place.
    """

    step: str
    side: Annotated[
        Literal["BUY", "SELL"] | str,
        Field(description="* `BUY` - Buy\n* `SELL` - Sell"),
    ]
    price: Decimal
    quantity: Decimal
    value: Decimal
    at: Annotated[AwareDatetime | None, Field(description="Where the clock decides.")]
    sells_at: Annotated[
        Decimal | None, Field(description="Where a sale above follows it.")
    ]


class StopPlanRequest(Model):
    """
    How a plan ends.
    """

    closes: Annotated[
        bool | None, Field(description="Whether what it holds is sold at the market.")
    ] = None


class StopRequest(Model):
    """
    What becomes of what the follow holds.
    """

    mode: Annotated[
        Literal["CLOSE_NOW", "FOLLOW_EXITS", "KEEP"] | str,
        Field(
            description="CLOSE_NOW sells it at once, FOLLOW_EXITS mirrors the lead's exits, KEEP leaves it to be sold by hand.\n\n* `CLOSE_NOW` - CLOSE_NOW\n* `FOLLOW_EXITS` - FOLLOW_EXITS\n* `KEEP` - KEEP"
        ),
    ]


class SubAccountRequest(Model):
    """
    A parent and its limits, in the settlement currency; one left out is off.
    """

    parent: UUID
    max_capital: Decimal | None = None
    max_capital_share: Annotated[
        Decimal | None, Field(description="0-1 of the group's capital.")
    ] = None
    max_order_value: Decimal | None = None


class Subscription(Model):
    id: UUID
    listing: UUID | None = None
    plan: UUID | None = None
    price: UUID | None = None
    mode: Annotated[
        Literal["TEST", "LIVE"] | str,
        Field(description="* `TEST` - Test\n* `LIVE` - Live"),
    ]
    status: Annotated[
        str, Field(description="The payment processor's word for its state.")
    ]
    cancels_at_end: bool | None = None
    started_at: AwareDatetime
    period_end: AwareDatetime | None = None
    trial_end: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    right_until: AwareDatetime | None = None
    stop_mode: Annotated[
        Literal["CLOSE_NOW", "FOLLOW_EXITS", "KEEP"] | str | None,
        Field(
            description="* `CLOSE_NOW` - Close now\n* `FOLLOW_EXITS` - Follow the lead's exits\n* `KEEP` - Keep"
        ),
    ] = None


class Sweep(Model):
    """
    How a sweep stands; `overfitting` is known once all points are.
    """

    id: UUID
    name: str
    version: UUID | None
    instrument: UUID
    symbol: str
    timeframe: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    state: Annotated[
        Literal["QUEUED", "RUNNING", "DONE", "FAILED", "CANCELED"] | str,
        Field(
            description="* `QUEUED` - Queued\n* `RUNNING` - Running\n* `DONE` - Done\n* `FAILED` - Failed\n* `CANCELED` - Canceled"
        ),
    ]
    progress: float
    error_code: str
    error_message: str
    spec_hash: Annotated[
        str | None, Field(description="Null where the strategy is sealed.")
    ]
    engine_version: str
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    seconds: float | None
    peak_memory_bytes: int | None
    points: int
    parameters: list[str]
    overfitting: dict[str, Any]


class SweepPoint(Model):
    """
    What one choice of parameters came to; `values` are in the order of the sweep's parameters.
    """

    number: int
    values: list[float]
    trades: int
    total_return: float
    sharpe: float | None
    max_drawdown_ratio: float
    profit_factor: float | None
    win_rate: float | None


class Taken(Model):
    """
    The right that was taken: name the version where a run or a backtest asks for one.
    """

    grant: UUID
    version: UUID
    until: AwareDatetime | None


class TakingDecisionRequest(Model):
    act: Annotated[
        Literal["RETRY", "CLOSE"] | str,
        Field(description="* `RETRY` - RETRY\n* `CLOSE` - CLOSE"),
    ]
    reason: Annotated[
        str | None, Field(description="For CLOSE: why; the audit keeps it.")
    ] = None


class TelegramLink(Model):
    code: Annotated[
        str,
        Field(
            description="Send /start with it to the bot; it counts once, for fifteen minutes."
        ),
    ]
    link: Annotated[
        str,
        Field(
            description="Opens the bot with the code; empty where the bot's name is not set."
        ),
    ]


class TemplateField(Model):
    """
    One value of a template. Bounds and default are texts, exact in every JSON.
    """

    name: str
    label: str
    help: str
    kind: Annotated[str, Field(description="integer, number or ratio.")]
    minimum: str
    maximum: str
    default: Annotated[
        str | None,
        Field(description="Null: it may be left out, and then there is none."),
    ]
    unit: str


class Terms(Model):
    """
    The terms of copying, one sentence each, and the name of this version of them.
    """

    version: str
    terms: list[str]


class TestSent(Model):
    notification: UUID


class Ticker(Model):
    """
    An instrument's newest price and its last day of market time; null where it is not known.

    Of exchanges that are reached over the network, the day is what they say of it themselves.
    """

    instrument_id: UUID
    symbol: str
    exchange: str
    price: Decimal | None
    at: Annotated[AwareDatetime | None, Field(description="Market time of the price.")]
    day_open: Decimal | None
    day_high: Decimal | None
    day_low: Decimal | None
    day_volume: Annotated[
        float | None, Field(description="Base units; contracts of inverse perpetuals.")
    ]
    day_turnover: Annotated[float | None, Field(description="Quote units.")]
    day_change_ratio: Annotated[float | None, Field(description="price ÷ day_open − 1")]


class Token(Model):
    """
    A token without itself; empty lists of networks and portfolios limit nothing.
    """

    id: UUID
    name: str
    prefix: str
    scopes: list[Literal["read", "trade", "publish", "manage"] | str]
    networks: list[str]
    portfolios: list[UUID]
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None
    expires_at: AwareDatetime | None


class Trade(Model):
    """
    One round trip. Amounts in quote units, ratios of the stake.
    """

    symbol: str
    is_short: bool
    opened_at: AwareDatetime
    closed_at: AwareDatetime
    open_price: float
    close_price: float
    quantity: float
    stake: float
    fees: float
    funding: float
    profit: float
    profit_ratio: float
    exit_reason: Annotated[
        Literal[
            "exit_signal",
            "stop_loss",
            "trailing_stop_loss",
            "roi",
            "take_profit",
            "time_stop",
            "liquidation",
            "force_exit",
        ]
        | str,
        Field(
            description="* `exit_signal` - exit_signal\n* `stop_loss` - stop_loss\n* `trailing_stop_loss` - trailing_stop_loss\n* `roi` - roi\n* `take_profit` - take_profit\n* `time_stop` - time_stop\n* `liquidation` - liquidation\n* `force_exit` - force_exit"
        ),
    ]


class TradePage(Model):
    count: Annotated[int, Field(description="How many trades there are in all.")]
    trades: list[Trade]


class TransferRequest(Model):
    """
    Money to move. The same `key` again moves nothing and answers as the first time.
    """

    amount: Decimal
    key: Annotated[
        str | None,
        Field(description="The caller's own name for this movement in this portfolio."),
    ] = None
    target: Annotated[UUID, Field(description="Another of one's own portfolios.")]


class Usage(Model):
    """
    A limit that is set, and what of it is used.
    """

    name: str
    unit: str
    limit: Decimal
    used: Annotated[
        Decimal | None,
        Field(
            description="In the limit's unit; null where only a single order can tell."
        ),
    ]
    part: Annotated[Decimal | None, Field(description="Used ÷ limit, at most 1.")]


class Use(Model):
    """
    One use of a key; without an outcome where it was cut short.
    """

    id: int
    at: AwareDatetime
    purpose: Annotated[
        Literal["CHECK", "RESEAL", "TRADE"] | str,
        Field(
            description="* `CHECK` - Check of the key\n* `RESEAL` - Sealed to a new key of ours\n* `TRADE` - Trading: orders, fills and balances"
        ),
    ]
    outcome: str


class Version(Model):
    id: UUID
    strategy: UUID
    number: int
    instrument: UUID
    symbol: str
    instruments: Annotated[
        list[UUID],
        Field(description="All that it trades, in order, the first one included."),
    ]
    timeframe: str
    faces: Faces
    graph_hash: str
    created_at: AwareDatetime


class WantedSignalRequest(Model):
    """
    A signal as it is sent. Signed by headers, or with the secret in the body.
    """

    action: Annotated[
        Literal["buy", "sell", "close"] | str,
        Field(description="* `buy` - buy\n* `sell` - sell\n* `close` - close"),
    ]
    instrument: Annotated[str, Field(description="Its symbol, as in BTC-USDT.")]
    quantity: Annotated[str | None, Field(description="Base units.")] = None
    equity_share: Annotated[
        str | None,
        Field(description="Instead: a share of the portfolio's equity, 0 to 1."),
    ] = None
    id: Annotated[
        str | None,
        Field(
            description="Your name for it: the same one again makes no second order."
        ),
    ] = None
    time: Annotated[
        str | None,
        Field(
            description="When it was made; required where the secret is in the body."
        ),
    ] = None
    secret: Annotated[
        str | None, Field(description="For senders that cannot sign.")
    ] = None


class WatchList(Model):
    """
    A watch list; its instruments in their order.
    """

    id: UUID
    name: str
    instruments: list[str]
    created_at: AwareDatetime


class WatchedRequest(Model):
    """
    What to put on a list.
    """

    instrument: UUID


class Webhook(Model):
    """
    An endpoint, without its secret.
    """

    id: UUID
    url: str
    events: list[str]
    created_at: AwareDatetime
    failing_since: AwareDatetime | None = None
    disabled_at: AwareDatetime | None = None


class WebhookDelivery(Model):
    """
    An attempt to deliver an event, and what came of it.
    """

    id: UUID
    event_id: str
    event: str
    state: Annotated[
        Literal["PENDING", "DELIVERED", "FAILED"] | str | None,
        Field(
            description="* `PENDING` - Waiting\n* `DELIVERED` - Delivered\n* `FAILED` - Given up"
        ),
    ] = None
    attempts: int | None = None
    due_at: AwareDatetime
    created_at: AwareDatetime
    status: int | None = None
    latency_ms: int | None = None
    excerpt: str | None = None


class WhichOrdersRequest(Model):
    """
    Which orders; without any of these, all of one's own. What waits at an exchange ends when that says so.
    """

    portfolio: UUID | None = None
    instrument: UUID | None = None
    account: Annotated[
        UUID | None, Field(description="An exchange account of one's own.")
    ] = None


class Window(Model):
    """
    An instrument over the newest minutes.
    """

    change_ratio: float
    score: Annotated[
        float | None,
        Field(description="The move in standard deviations of its usual one."),
    ]
    volume_multiple: Annotated[
        float | None, Field(description="How many times the usual volume.")
    ]


class Workspace(Model):
    id: UUID
    name: str
    created_at: AwareDatetime


class WorkspaceInvitation(Model):
    """
    An invitation that waits; its code is in the mail alone.
    """

    id: UUID
    email: str
    role: Annotated[
        Literal["owner", "admin", "trader", "analyst", "viewer"] | str,
        Field(
            description="* `owner` - Owner\n* `admin` - Admin\n* `trader` - Trader\n* `analyst` - Analyst\n* `viewer` - Viewer"
        ),
    ]
    permission_set: UUID | None = None
    created_at: AwareDatetime
    expires_at: AwareDatetime


class Worth(Model):
    """
    What a portfolio is worth at the newest prices.
    """

    equity: Decimal
    cash: Decimal
    reserved: Annotated[
        Decimal,
        Field(description="Cash promised to orders under way, or set aside as margin."),
    ]
    free: Decimal
    exposure: Annotated[
        Decimal, Field(description="What the positions are worth, shorts too.")
    ]
    realized_pnl: Annotated[Decimal, Field(description="Before fees.")]
    unrealized_pnl: Decimal
    fees_paid: Decimal
    funding_paid: Annotated[
        Decimal, Field(description="At funding times, less what was received.")
    ]
    profit: Annotated[
        Decimal,
        Field(
            description="Realized and unrealized, less fees and funding: equity less net deposits."
        ),
    ]
    is_stale: Annotated[
        bool,
        Field(
            description="A price that this rests on is missing or older than a minute."
        ),
    ]


class Alert(Model):
    """
    A price alert. Times are market time; `level` is a price, a ratio (0.05: 5 %), or a multiple, by its kind.
    """

    id: UUID
    instrument: UUID
    symbol: str
    exchange: str
    kind: Annotated[
        Literal["ABOVE", "BELOW", "MOVE", "VOLUME_SPIKE"] | str,
        Field(
            description="* `ABOVE` - Price rises to\n* `BELOW` - Price falls to\n* `MOVE` - Price moves by\n* `VOLUME_SPIKE` - Volume spikes"
        ),
    ]
    level: Decimal
    window_seconds: int | None
    repeats: bool
    cool_down_seconds: int
    note: str
    state: Annotated[
        Literal["ARMED", "RESTING", "FIRED", "CANCELED"] | str,
        Field(
            description="RESTING: told, and will wait again.\n\n* `ARMED` - Waiting\n* `RESTING` - Told, and will wait again\n* `FIRED` - Told\n* `CANCELED` - Canceled"
        ),
    ]
    condition: str
    armed_at: AwareDatetime
    fired_at: AwareDatetime | None
    told_price: Annotated[
        str, Field(description='What was told last, as pages show it; "" before.')
    ]
    times_fired: int
    created_at: AwareDatetime


class Approval(Model):
    """
    An order by hand that waits, or waited, for a second person. Only once it is APPROVED is there an order.
    """

    id: UUID
    portfolio: UUID
    instrument: UUID
    symbol: str
    side: Annotated[
        Literal["BUY", "SELL"] | str,
        Field(description="* `BUY` - Buy\n* `SELL` - Sell"),
    ]
    quantity: Annotated[Decimal, Field(description="Base units.")]
    value: Annotated[
        Decimal, Field(description="In the settlement currency, when it was asked for.")
    ]
    legs: Any
    key: str
    state: Annotated[
        Literal["WAITING", "APPROVED", "REJECTED", "EXPIRED", "WITHDRAWN"] | str,
        Field(
            description="* `WAITING` - Waiting\n* `APPROVED` - Approved\n* `REJECTED` - Rejected\n* `EXPIRED` - Expired\n* `WITHDRAWN` - Withdrawn"
        ),
    ]
    requested_by: str
    requested_role: str
    requested_at: AwareDatetime
    expires_at: AwareDatetime
    decided_by: str | None = None
    decided_role: str
    decided_at: AwareDatetime | None


class AskRequest(Model):
    """
    What is to be tried, on which candles, at what cost. Name a `version` of yours, or give a strategy by one face.
    """

    template: Annotated[
        str | None, Field(description="One of /strategies/templates/.")
    ] = None
    values: Annotated[
        dict[str, Any] | None,
        Field(
            description="Values by name; what is left out is as by default. Decimals as strings."
        ),
    ] = None
    formula: str | None = None
    graph: Any | None = None
    version: UUID | None = None
    name: str | None = None
    instruments: Annotated[
        list[UUID] | None,
        Field(
            description="The traded one first; a version's own where they are left out."
        ),
    ] = None
    timeframe: Annotated[
        Literal[
            "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"
        ]
        | str
        | None,
        Field(
            description="A version's own where it is left out.\n\n* `1m` - 1m\n* `3m` - 3m\n* `5m` - 5m\n* `15m` - 15m\n* `30m` - 30m\n* `1h` - 1h\n* `2h` - 2h\n* `4h` - 4h\n* `6h` - 6h\n* `8h` - 8h\n* `12h` - 12h\n* `1d` - 1d"
        ),
    ] = None
    start: Annotated[
        AwareDatetime,
        Field(
            description="Candles that opened from then on are traded on; earlier ones warm up."
        ),
    ]
    end: Annotated[
        AwareDatetime,
        Field(
            description="Candles that ended by then are traded on; no later than market time."
        ),
    ]
    initial_cash: float | None = None
    maker_fee: Annotated[
        float | None, Field(description="A ratio: 0.001 is 0.1 %.")
    ] = None
    taker_fee: Annotated[
        float | None, Field(description="A ratio: 0.001 is 0.1 %.")
    ] = None
    slippage: Annotated[
        Literal["none", "bps", "range_share", "volume_share"] | str | None,
        Field(
            description="* `none` - none\n* `bps` - bps\n* `range_share` - range_share\n* `volume_share` - volume_share"
        ),
    ] = None
    slippage_value: Annotated[
        float | None, Field(description="Basis points, or a ratio, as slippage says.")
    ] = None
    leverage: float | None = None
    fill_rule: Annotated[
        Literal["standard", "pessimistic", "detail"] | str | None,
        Field(
            description="* `standard` - standard\n* `pessimistic` - pessimistic\n* `detail` - detail"
        ),
    ] = None
    detail_timeframe: Annotated[
        Literal[
            "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"
        ]
        | str
        | None,
        Field(
            description="For the fill rule `detail`.\n\n* `1m` - 1m\n* `3m` - 3m\n* `5m` - 5m\n* `15m` - 15m\n* `30m` - 30m\n* `1h` - 1h\n* `2h` - 2h\n* `4h` - 4h\n* `6h` - 6h\n* `8h` - 8h\n* `12h` - 12h\n* `1d` - 1d"
        ),
    ] = None


class Backfill(Model):
    """
    A stretch of the past that is being loaded, or was; before `reached_at` all is stored.
    """

    id: UUID
    instrument: UUID
    symbol: str
    exchange: str
    timeframe: str
    start: AwareDatetime
    end: AwareDatetime
    reached_at: AwareDatetime
    state: Annotated[
        Literal["WAITING", "RUNNING", "DONE", "FAILED", "CANCELED"] | str,
        Field(
            description="* `WAITING` - Waiting\n* `RUNNING` - Loading\n* `DONE` - Loaded\n* `FAILED` - Failed\n* `CANCELED` - Canceled"
        ),
    ]
    progress: Annotated[float, Field(description="0 to 1.")]
    error: str
    created_at: AwareDatetime


class BackfillRequestRequest(Model):
    """
    What to load: an instrument's candles of a timeframe from `start` on.
    """

    instrument: UUID
    timeframe: Annotated[
        Literal[
            "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"
        ]
        | str,
        Field(
            description="* `1m` - 1m\n* `3m` - 3m\n* `5m` - 5m\n* `15m` - 15m\n* `30m` - 30m\n* `1h` - 1h\n* `2h` - 2h\n* `4h` - 4h\n* `6h` - 6h\n* `8h` - 8h\n* `12h` - 12h\n* `1d` - 1d"
        ),
    ]
    start: AwareDatetime
    end: Annotated[AwareDatetime | None, Field(description="Default: market time.")] = (
        None
    )


class Backtest(Model):
    """
    How a backtest stands; `summary` is what lists show of its result.
    """

    id: UUID
    name: str
    version: UUID | None
    instrument: UUID
    symbol: str
    timeframe: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    state: Annotated[
        Literal["QUEUED", "RUNNING", "DONE", "FAILED", "CANCELED"] | str,
        Field(
            description="* `QUEUED` - Queued\n* `RUNNING` - Running\n* `DONE` - Done\n* `FAILED` - Failed\n* `CANCELED` - Canceled"
        ),
    ]
    progress: float
    error_code: str
    error_message: str
    spec_hash: Annotated[
        str | None, Field(description="Null where the strategy is sealed.")
    ]
    engine_version: str
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    seconds: float | None
    peak_memory_bytes: int | None
    trial_hash: Annotated[
        str | None, Field(description="Null where the strategy is sealed.")
    ]
    summary: dict[str, Any]


class BacktestDetail(Model):
    """
    A backtest with its frozen spec and, when it is done, all figures of its result.
    """

    id: UUID
    name: str
    version: UUID | None
    instrument: UUID
    symbol: str
    timeframe: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    state: Annotated[
        Literal["QUEUED", "RUNNING", "DONE", "FAILED", "CANCELED"] | str,
        Field(
            description="* `QUEUED` - Queued\n* `RUNNING` - Running\n* `DONE` - Done\n* `FAILED` - Failed\n* `CANCELED` - Canceled"
        ),
    ]
    progress: float
    error_code: str
    error_message: str
    spec_hash: Annotated[
        str | None, Field(description="Null where the strategy is sealed.")
    ]
    engine_version: str
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    seconds: float | None
    peak_memory_bytes: int | None
    trial_hash: Annotated[
        str | None, Field(description="Null where the strategy is sealed.")
    ]
    summary: dict[str, Any]
    spec: Annotated[
        dict[str, Any], Field(description="Of a sealed strategy without its graph.")
    ]
    result: Annotated[
        dict[str, Any] | None, Field(description="Null until it is done.")
    ]


class BulkOrderRequest(Model):
    """
    One order of many. The same `key` again returns the order that it made the first time.
    """

    limit_price: Annotated[
        Decimal | None,
        Field(
            description="The worst price it may meet: of LIMIT, STOP_LIMIT and TAKE_PROFIT_LIMIT."
        ),
    ] = None
    trigger_price: Annotated[
        Decimal | None,
        Field(
            description="What sets it off: of STOP, STOP_LIMIT, TAKE_PROFIT and TAKE_PROFIT_LIMIT."
        ),
    ] = None
    trail_amount: Annotated[
        Decimal | None,
        Field(
            description="How far a TRAILING_STOP follows the best price, in quote units."
        ),
    ] = None
    trail_bps: Annotated[
        Decimal | None,
        Field(
            description="The same in basis points of the best price; one of the two."
        ),
    ] = None
    activation_price: Annotated[
        Decimal | None,
        Field(
            description="Where a TRAILING_STOP begins to follow; without one at once."
        ),
    ] = None
    stop_price: Annotated[
        Decimal | None,
        Field(
            description="Of a purchase: sell what it bought here, should the price fall."
        ),
    ] = None
    target_price: Annotated[
        Decimal | None,
        Field(
            description="Of a purchase: sell what it bought here, should the price rise. One of the two cancels the other."
        ),
    ] = None
    instrument: UUID
    side: Annotated[
        Literal["BUY", "SELL"] | str,
        Field(description="* `BUY` - Buy\n* `SELL` - Sell"),
    ]
    quantity: Annotated[
        Decimal,
        Field(description="Base units, a multiple of the instrument's lot step."),
    ]
    kind: Annotated[
        Literal[
            "MARKET",
            "LIMIT",
            "STOP",
            "STOP_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
            "TRAILING_STOP",
        ]
        | str
        | None,
        Field(
            description="* `MARKET` - Market\n* `LIMIT` - Limit\n* `STOP` - Stop\n* `STOP_LIMIT` - Stop limit\n* `TAKE_PROFIT` - Take profit\n* `TAKE_PROFIT_LIMIT` - Take profit limit\n* `TRAILING_STOP` - Trailing stop"
        ),
    ] = None
    time_in_force: Annotated[
        Literal["GTC", "IOC", "FOK", "GTD"] | str | None,
        Field(
            description="IOC and FOK only of LIMIT.\n\n* `GTC` - Until canceled\n* `IOC` - At once or not\n* `FOK` - All at once or not\n* `GTD` - Until a time"
        ),
    ] = None
    expires_at: Annotated[
        AwareDatetime | None,
        Field(description="Of GTD: when it ends, by the clock of its market."),
    ] = None
    reduce_only: Annotated[
        bool | None,
        Field(description="Of a sale: never more than is held when it fills."),
    ] = None
    post_only: Annotated[
        bool | None,
        Field(description="Of LIMIT: refused where it would meet the market at once."),
    ] = None
    key: Annotated[
        str,
        Field(description="The caller's own name (client order id) for this order."),
    ]


class Business(Model):
    subscribers: int
    joined: Annotated[
        int, Field(description="Subscriptions that began in the last thirty days.")
    ]
    left: int
    churn_ratio: float | None
    conversion_ratio: float | None
    earned: list[Money]
    earned_this_month: list[Money]
    given_back: list[Money]
    balance: list[Money]
    shares_waiting: Decimal
    shares_invoiced: list[Money]
    shares_paid: list[Money]


class Checkout(Model):
    id: UUID
    price: UUID
    state: Annotated[
        Literal["PENDING", "OPEN", "COMPLETE", "EXPIRED", "FAILED"] | str | None,
        Field(
            description="* `PENDING` - Being prepared\n* `OPEN` - Waiting for payment\n* `COMPLETE` - Paid\n* `EXPIRED` - Expired\n* `FAILED` - Refused"
        ),
    ] = None
    problem: str | None = None
    url: str | None = None
    has_trial: bool | None = None
    expires_at: AwareDatetime


class CloseAllRequest(Model):
    """
    What to halt and close. `scope_id` is a portfolio's or user's id; the platform has none.
    """

    scope: Annotated[
        Literal["PORTFOLIO", "USER", "PLATFORM"] | str,
        Field(
            description="* `PORTFOLIO` - PORTFOLIO\n* `USER` - USER\n* `PLATFORM` - PLATFORM"
        ),
    ]
    scope_id: str | None = None
    key: Annotated[
        str | None, Field(description="The same key again closes nothing more.")
    ] = None


class Compared(Model):
    """
    One of the compared: its metrics, and its daily equity.
    """

    backtest: Backtest
    metrics: dict[str, float | None]
    equity: Equity


class Consent(Model):
    kind: Annotated[
        Literal["TERMS", "RISK", "MARKETING"] | str,
        Field(
            description="* `TERMS` - Terms of use\n* `RISK` - Risk warning\n* `MARKETING` - News about Slipstream by mail"
        ),
    ]
    label: str
    version: Annotated[str, Field(description="The version that is asked for now.")]
    given_version: str
    given_at: AwareDatetime | None
    can_revoke: bool


class CopyBacktest(Model):
    """
    What following would have come to.
    """

    since: AwareDatetime
    until: AwareDatetime
    capital: Decimal
    multiplier: Decimal
    equity: Annotated[Decimal, Field(description="Before the profit share.")]
    profit_share: Decimal
    fees: Decimal
    return_ratio: Annotated[float, Field(description="After fees and profit share.")]
    perfect_return_ratio: float
    max_drawdown_ratio: float
    tracking_error: float
    orders: int
    skipped: int
    skipped_ratio: float
    denied: Annotated[dict[str, int], Field(description="By code.")]
    curve: list[CurvePoint]


class Delegation(Model):
    """
    That somebody may see, or trade, a portfolio for a while.
    """

    id: UUID
    handle: str
    scope: Annotated[
        Literal["view", "trade"] | str,
        Field(description="* `view` - See it\n* `trade` - See it and trade it"),
    ]
    created_at: AwareDatetime
    ends_at: AwareDatetime


class Delivery(Model):
    """
    One notification on one channel.
    """

    id: UUID
    notification_id: UUID
    event: str
    title: str
    channel: Annotated[
        Literal["MAIL", "PUSH", "TELEGRAM", "SMS", "WEBHOOK"] | str,
        Field(
            description="* `MAIL` - E-mail\n* `PUSH` - Browser\n* `TELEGRAM` - Telegram\n* `SMS` - SMS\n* `WEBHOOK` - Webhook"
        ),
    ]
    state: Annotated[
        Literal["PENDING", "DELIVERED", "FAILED"] | str,
        Field(
            description="* `PENDING` - Waiting\n* `DELIVERED` - Delivered\n* `FAILED` - Given up"
        ),
    ]
    attempts: int
    is_urgent: bool
    in_digest: bool
    created_at: AwareDatetime
    due_at: AwareDatetime
    done_at: AwareDatetime | None
    error: str


class Event(Model):
    event: str
    label: str
    group: str
    severity: Annotated[
        Literal["info", "warning", "critical"] | str,
        Field(
            description="* `info` - Information\n* `warning` - Warning\n* `critical` - Critical"
        ),
    ]
    is_security: bool


class Facet(Model):
    name: str
    label: str
    values: list[FacetValue]


class Fill(Model):
    """
    An execution; `number` counts a portfolio's fills without gaps.
    """

    id: UUID
    portfolio: UUID
    order: UUID
    number: int
    instrument: UUID
    symbol: str
    side: Annotated[
        Literal["BUY", "SELL"] | str,
        Field(description="* `BUY` - Buy\n* `SELL` - Sell"),
    ]
    quantity: Decimal
    price: Decimal
    fee: Decimal
    happened_at: AwareDatetime
    recorded_at: AwareDatetime


class Follow(Model):
    """
    One's follow of a lead's portfolio, with the portfolio of one's own that was made for it.
    """

    id: UUID
    lead: UUID
    lead_name: str
    portfolio: UUID
    state: Annotated[
        Literal["WAITING", "PENDING", "ACTIVE", "PAUSED", "STOPPING", "STOPPED"] | str,
        Field(
            description="* `WAITING` - Waiting\n* `PENDING` - Pending\n* `ACTIVE` - Active\n* `PAUSED` - Paused\n* `STOPPING` - Stopping\n* `STOPPED` - Stopped"
        ),
    ]
    state_code: Annotated[
        str,
        Field(
            description="Why it was paused or stopped, where it was not its owner who wished so."
        ),
    ]
    stop_mode: Annotated[str, Field(description="How it is being stopped, or was.")]
    exits_until: Annotated[
        AwareDatetime | None,
        Field(
            description="Until when it waits for the lead's exits; then the rest is sold."
        ),
    ]
    multiplier: Decimal
    accepted_terms: Annotated[
        str | None,
        Field(description="The terms accepted at its start; none of old ones."),
    ]
    accepted_at: AwareDatetime | None
    started_at: AwareDatetime
    stopped_at: AwareDatetime | None


class FollowStartRequest(Model):
    """
    What a follow starts with.
    """

    copy_stop: Annotated[
        Decimal | None,
        Field(
            description="Of the copied amount, 0.05 to 0.95: once it is lost, everything is sold and the follow ends."
        ),
    ] = None
    copy_stop_kind: Annotated[
        Literal["FIXED", "TRAILING"] | str | None,
        Field(
            description="TRAILING rises with the most that the follow has been worth.\n\n* `FIXED` - FIXED\n* `TRAILING` - TRAILING"
        ),
    ] = None
    daily_loss: Annotated[
        Decimal | None,
        Field(
            description="Of the day's first equity (UTC): once it is lost, the follow is paused."
        ),
    ] = None
    from_portfolio: Annotated[
        UUID,
        Field(description="The portfolio of one's own that the amount is taken from."),
    ]
    amount: Annotated[Decimal, Field(description="In the settlement currency.")]
    multiplier: Annotated[Decimal | None, Field(description="0.1 to 3.")] = None
    settings: Annotated[
        dict[str, Any] | None,
        Field(
            description="How it copies, by name, as at the follow's own settings; what is left out suits the lead, or is the default."
        ),
    ] = None
    accepted_terms: Annotated[
        str,
        Field(
            description="The version of the terms that the follower has read and accepts; see follows/terms/."
        ),
    ]
    protective_stop: Annotated[
        Decimal | None,
        Field(
            description="0.01 to 0.5: so far from its entry each position is stopped at the exchange itself. Live follows only."
        ),
    ] = None
    start: Annotated[
        Literal["NEW_ONLY", "ADOPT_ALL", "ADOPT_NO_WORSE"] | str | None,
        Field(
            description="What is done about what the lead holds already.\n\n* `NEW_ONLY` - Copy new trades only\n* `ADOPT_ALL` - Buy now what the lead holds\n* `ADOPT_NO_WORSE` - Buy now what costs no more than the lead paid"
        ),
    ] = None


class FoundListing(Model):
    """
    A listing with what search knows of it.
    """

    id: UUID
    title: str
    description: str
    owner: str
    kind: Annotated[
        Literal["PAPER", "SIMULATED", "SANDBOX", "LIVE"] | str,
        Field(
            description="Whether money and prices are real. Show it wherever you show the figures.\n\n* `PAPER` - Paper\n* `SIMULATED` - Simulated\n* `SANDBOX` - Sandbox\n* `LIVE` - Live"
        ),
    ]
    namespace: str
    settlement: str
    state: Annotated[
        Literal["DRAFT", "SUBMITTED", "PUBLISHED", "REFUSED", "WITHDRAWN"] | str,
        Field(
            description="* `DRAFT` - Draft\n* `SUBMITTED` - Submitted\n* `PUBLISHED` - Published\n* `REFUSED` - Refused\n* `WITHDRAWN` - Withdrawn"
        ),
    ]
    published_at: AwareDatetime | None
    profit_share_ratio: Decimal
    return_ratio: Annotated[
        float,
        Field(
            description="Time-weighted since the portfolio was opened, after fees: money paid in or out is no return."
        ),
    ]
    max_drawdown_ratio: Annotated[
        float, Field(description="Deepest fall from a peak, 0 to 1.")
    ]
    equity: Decimal
    copied_capital: Decimal
    follower_count: int
    as_of: AwareDatetime | None
    copies: CopyRecord | None
    summary: str
    tags: list[str]
    offer: Annotated[
        Literal["PORTFOLIO", "STRATEGY", "DEFINITION"] | str,
        Field(
            description="* `PORTFOLIO` - Follow this portfolio\n* `STRATEGY` - Follow this portfolio, on which a named strategy runs\n* `DEFINITION` - Use the strategy on one's own portfolio"
        ),
    ]
    source: Annotated[
        Literal["VISIBLE", "SEALED"] | str,
        Field(description="* `VISIBLE` - Visible\n* `SEALED` - Sealed"),
    ]
    suggested_minimum: Decimal | None
    risk_class: Annotated[int | None, Field(description="1 to 5; null: unproven.")]
    is_proven: Annotated[
        bool,
        Field(
            description="30 days of market time and 20 closed trades. Show it wherever you show the figures."
        ),
    ]
    risks: str
    conflicts: str
    has_own_money: bool | None
    place: Annotated[
        int | None, Field(description="Among its kind; none for what is not ranked.")
    ]
    markets: list[str]
    age_days: int
    rating_mean: float | None
    rating_count: int


class Holding(Model):
    """
    What a portfolio holds, or held, of an instrument; null where there is no price or nothing is held.
    """

    instrument: UUID
    symbol: str
    quantity: Annotated[Decimal, Field(description="Base units.")]
    average_price: Decimal | None
    price: Decimal | None
    value: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Annotated[Decimal, Field(description="Before fees.")]
    fees_paid: Decimal
    side: Annotated[
        str,
        Field(description="LONG or SHORT, of a position on margin; empty for spot."),
    ]
    margin_mode: Annotated[
        Literal["ISOLATED", "CROSS"] | str | Literal[""],
        Field(
            description="Empty for spot.\n\n* `ISOLATED` - ISOLATED\n* `CROSS` - CROSS\n* `` - "
        ),
    ]
    leverage: Annotated[int, Field(description="1 for spot.")]
    margin: Annotated[Decimal, Field(description="Set aside for it alone (isolated).")]
    liquidation_price: Annotated[
        Decimal | None,
        Field(description="All else equal; null where no price liquidates it."),
    ]
    funding_paid: Annotated[Decimal, Field(description="Negative: received.")]


class InclusionProof(Model):
    """
    That one fill is in a signed root: `leaf` from `fill`, links from `before` over `after` to the seal, `path` to the root.
    """

    number: int
    fill: Annotated[str, Field(description="Its canonical bytes.")]
    leaf: str
    before: Annotated[str, Field(description="The link of the fill before it.")]
    after: Annotated[list[str], Field(description="Leaves of the seal's later fills.")]
    seal: Seal
    place: Annotated[
        int, Field(description="The seal's place in the root's tree, from 0.")
    ]
    path: list[str]
    root: RecordRoot
    public_key: str


class Instrument(Model):
    """
    An instrument with the rules that orders must keep.
    """

    id: UUID
    exchange: str
    symbol: str
    namespace: str
    kind: Annotated[
        Literal["SPOT", "PERPETUAL"] | str,
        Field(description="* `SPOT` - Spot\n* `PERPETUAL` - Perpetual"),
    ]
    base: str
    quote: str
    contract: str
    source_kind: Annotated[
        Literal["REAL", "REPLAY", "SIMULATED"] | str,
        Field(
            description="Whether prices are real, replayed or made up. Show it wherever you show them.\n\n* `REAL` - Real prices\n* `REPLAY` - Replayed candles\n* `SIMULATED` - Simulated prices"
        ),
    ]
    is_sandbox: Annotated[
        bool, Field(description="A test exchange: no money there is real.")
    ]
    state: Annotated[
        Literal["ACTIVE", "RETIRED"] | str,
        Field(description="* `ACTIVE` - Active\n* `RETIRED` - Retired"),
    ]
    is_delisted: bool
    contract_size: Annotated[
        Decimal,
        Field(
            description="Base units in one contract (linear) or quote units (inverse); 1 for spot. Quantities of linear contracts are in base units all the same, those of inverse ones in contracts."
        ),
    ]
    tick_size: Decimal
    lot_step: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    maker_fee_bps: Decimal
    taker_fee_bps: Decimal


class InviteRequest(Model):
    """
    A role, and in its place a permission set of the workspace.
    """

    role: Annotated[
        Literal["owner", "admin", "trader", "analyst", "viewer"] | str,
        Field(
            description="* `owner` - Owner\n* `admin` - Admin\n* `trader` - Trader\n* `analyst` - Analyst\n* `viewer` - Viewer"
        ),
    ]
    permission_set: UUID | None = None
    email: str


class Invoice(Model):
    id: UUID
    subscription: UUID | None = None
    kind: Annotated[
        Literal["SUBSCRIPTION", "PROFIT_SHARE"] | str,
        Field(
            description="* `SUBSCRIPTION` - Subscription\n* `PROFIT_SHARE` - Profit share"
        ),
    ]
    mode: Annotated[
        Literal["TEST", "LIVE"] | str,
        Field(description="* `TEST` - Test\n* `LIVE` - Live"),
    ]
    number: str | None = None
    status: str
    currency: str
    total_minor: int
    paid_minor: int | None = None
    tax_minor: int | None = None
    refunded_minor: int | None = None
    hosted_url: str | None = None
    pdf_url: str | None = None
    created_at: AwareDatetime
    paid_at: AwareDatetime | None = None


class IssuedToken(Model):
    """
    A new token with the token itself, shown this once.
    """

    id: UUID
    name: str
    prefix: str
    scopes: list[Literal["read", "trade", "publish", "manage"] | str]
    networks: list[str]
    portfolios: list[UUID]
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    token: str


class LeadDid(Model):
    """
    What the lead did: quantity opened in base units, fraction (0 to 1) of the position closed, average price.
    """

    seq: int
    instrument: UUID
    symbol: str
    side: Annotated[
        Literal["BUY", "SELL"] | str,
        Field(description="* `BUY` - Buy\n* `SELL` - Sell"),
    ]
    opened_quantity: Decimal
    closed_fraction: Decimal
    price: Decimal
    happened_at: AwareDatetime


class LedgerLine(Model):
    """
    One side of a booking. Balances are the sums of the HOLDINGS, HELD and MARGIN lines; the other accounts are the far side.
    """

    id: int
    booking_id: UUID
    kind: Annotated[
        Literal[
            "DEPOSIT", "WITHDRAWAL", "TRANSFER", "FILL", "HOLD", "FUNDING", "MARGIN"
        ]
        | str,
        Field(
            description="* `DEPOSIT` - Deposit\n* `WITHDRAWAL` - Withdrawal\n* `TRANSFER` - Transfer\n* `FILL` - Fill\n* `HOLD` - Hold\n* `FUNDING` - Funding\n* `MARGIN` - Margin"
        ),
    ]
    account: Annotated[
        Literal[
            "HOLDINGS",
            "HELD",
            "MARGIN",
            "MARKET",
            "FEES",
            "EXTERNAL",
            "TRANSFER",
            "FUNDING",
            "INSURANCE",
        ]
        | str,
        Field(
            description="* `HOLDINGS` - Holdings\n* `HELD` - Held\n* `MARGIN` - Margin\n* `MARKET` - Market\n* `FEES` - Fees\n* `EXTERNAL` - External\n* `TRANSFER` - Transfer\n* `FUNDING` - Funding\n* `INSURANCE` - Insurance"
        ),
    ]
    asset: str
    amount: Annotated[Decimal, Field(description="In units of `asset`.")]
    happened_at: AwareDatetime
    recorded_at: AwareDatetime


class Listing(Model):
    """
    A listing with its record up to `as_of` (market time): the newest snapshot, or a day ago of one that the reader does not pay for.
    """

    id: UUID
    title: str
    description: str
    owner: str
    kind: Annotated[
        Literal["PAPER", "SIMULATED", "SANDBOX", "LIVE"] | str,
        Field(
            description="Whether money and prices are real. Show it wherever you show the figures.\n\n* `PAPER` - Paper\n* `SIMULATED` - Simulated\n* `SANDBOX` - Sandbox\n* `LIVE` - Live"
        ),
    ]
    namespace: str
    settlement: str
    state: Annotated[
        Literal["DRAFT", "SUBMITTED", "PUBLISHED", "REFUSED", "WITHDRAWN"] | str,
        Field(
            description="* `DRAFT` - Draft\n* `SUBMITTED` - Submitted\n* `PUBLISHED` - Published\n* `REFUSED` - Refused\n* `WITHDRAWN` - Withdrawn"
        ),
    ]
    published_at: AwareDatetime | None
    profit_share_ratio: Decimal
    return_ratio: Annotated[
        float,
        Field(
            description="Time-weighted since the portfolio was opened, after fees: money paid in or out is no return."
        ),
    ]
    max_drawdown_ratio: Annotated[
        float, Field(description="Deepest fall from a peak, 0 to 1.")
    ]
    equity: Decimal
    copied_capital: Decimal
    follower_count: int
    as_of: AwareDatetime | None
    copies: CopyRecord | None
    summary: str
    tags: list[str]
    offer: Annotated[
        Literal["PORTFOLIO", "STRATEGY", "DEFINITION"] | str,
        Field(
            description="* `PORTFOLIO` - Follow this portfolio\n* `STRATEGY` - Follow this portfolio, on which a named strategy runs\n* `DEFINITION` - Use the strategy on one's own portfolio"
        ),
    ]
    source: Annotated[
        Literal["VISIBLE", "SEALED"] | str,
        Field(description="* `VISIBLE` - Visible\n* `SEALED` - Sealed"),
    ]
    suggested_minimum: Decimal | None
    risk_class: Annotated[int | None, Field(description="1 to 5; null: unproven.")]
    is_proven: Annotated[
        bool,
        Field(
            description="30 days of market time and 20 closed trades. Show it wherever you show the figures."
        ),
    ]
    risks: str
    conflicts: str
    has_own_money: bool | None


class ListingComparison(Model):
    """
    Listings side by side, and what each came to day by day.
    """

    listings: list[FoundListing]
    curves: list[ReturnCurve]


class ListingPage(Model):
    """
    All that a listing's page shows of publishing.
    """

    id: UUID
    description_html: Annotated[
        str, Field(description="The description, made harmless for any page.")
    ]
    facts: ListingFacts | None
    pictures: list[ListingPicture]
    versions: list[ListingVersion]
    raise_to_come: ShareRaise | None


class MarginTerms(Model):
    """
    What a position in a perpetual is traded on.
    """

    leverage: int
    margin_mode: Annotated[
        Literal["ISOLATED", "CROSS"] | str,
        Field(
            description="What backs it: its own margin, or the portfolio's free cash.\n\n* `ISOLATED` - Isolated\n* `CROSS` - Cross"
        ),
    ]
    max_leverage: Annotated[
        int, Field(description="Of a small position; large ones may use less.")
    ]


class Member(Model):
    """
    Somebody who belongs to a workspace.
    """

    id: UUID
    handle: str
    role: Annotated[
        Literal["owner", "admin", "trader", "analyst", "viewer"] | str,
        Field(
            description="* `owner` - Owner\n* `admin` - Admin\n* `trader` - Trader\n* `analyst` - Analyst\n* `viewer` - Viewer"
        ),
    ]
    permission_set: UUID | None = None
    joined_at: AwareDatetime


class Mover(Model):
    """
    An instrument that moves, or trades, beyond its habit; `windows` by their length in minutes.
    """

    key: str
    namespace: str
    kind: Annotated[
        str,
        Field(description='SANDBOX, SIMULATED, REPLAY, or "" where prices are real.'),
    ]
    instrument: UUID
    market: str
    exchange: str
    exchange_name: str
    quote: str
    price: float
    turnover: Annotated[
        float, Field(description="Quote units traded in the last hour.")
    ]
    windows: dict[str, Window]


class Movers(Model):
    """
    What moves at this moment, strongest first.
    """

    at: Annotated[
        AwareDatetime | None,
        Field(description="When the scanner looked; null before the first time."),
    ]
    is_stale: Annotated[
        bool,
        Field(
            description="Whether it no longer looks. Asking has it look for a minute."
        ),
    ]
    looked_at: int
    fresh: Annotated[
        int, Field(description="How many of those looked at could be used.")
    ]
    rows: list[Mover]


class NewBulkRequest(Model):
    """
    Up to 50 orders of one portfolio; with `atomic` all or none.
    """

    orders: list[BulkOrderRequest]
    atomic: bool | None = None


class NewOrderRequest(Model):
    """
    An order by hand. The same `key` again returns the order that it made the first time.
    """

    limit_price: Annotated[
        Decimal | None,
        Field(
            description="The worst price it may meet: of LIMIT, STOP_LIMIT and TAKE_PROFIT_LIMIT."
        ),
    ] = None
    trigger_price: Annotated[
        Decimal | None,
        Field(
            description="What sets it off: of STOP, STOP_LIMIT, TAKE_PROFIT and TAKE_PROFIT_LIMIT."
        ),
    ] = None
    trail_amount: Annotated[
        Decimal | None,
        Field(
            description="How far a TRAILING_STOP follows the best price, in quote units."
        ),
    ] = None
    trail_bps: Annotated[
        Decimal | None,
        Field(
            description="The same in basis points of the best price; one of the two."
        ),
    ] = None
    activation_price: Annotated[
        Decimal | None,
        Field(
            description="Where a TRAILING_STOP begins to follow; without one at once."
        ),
    ] = None
    stop_price: Annotated[
        Decimal | None,
        Field(
            description="Of a purchase: sell what it bought here, should the price fall."
        ),
    ] = None
    target_price: Annotated[
        Decimal | None,
        Field(
            description="Of a purchase: sell what it bought here, should the price rise. One of the two cancels the other."
        ),
    ] = None
    instrument: UUID
    side: Annotated[
        Literal["BUY", "SELL"] | str,
        Field(description="* `BUY` - Buy\n* `SELL` - Sell"),
    ]
    quantity: Annotated[
        Decimal,
        Field(description="Base units, a multiple of the instrument's lot step."),
    ]
    kind: Annotated[
        Literal[
            "MARKET",
            "LIMIT",
            "STOP",
            "STOP_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
            "TRAILING_STOP",
        ]
        | str
        | None,
        Field(
            description="* `MARKET` - Market\n* `LIMIT` - Limit\n* `STOP` - Stop\n* `STOP_LIMIT` - Stop limit\n* `TAKE_PROFIT` - Take profit\n* `TAKE_PROFIT_LIMIT` - Take profit limit\n* `TRAILING_STOP` - Trailing stop"
        ),
    ] = None
    time_in_force: Annotated[
        Literal["GTC", "IOC", "FOK", "GTD"] | str | None,
        Field(
            description="IOC and FOK only of LIMIT.\n\n* `GTC` - Until canceled\n* `IOC` - At once or not\n* `FOK` - All at once or not\n* `GTD` - Until a time"
        ),
    ] = None
    expires_at: Annotated[
        AwareDatetime | None,
        Field(description="Of GTD: when it ends, by the clock of its market."),
    ] = None
    reduce_only: Annotated[
        bool | None,
        Field(description="Of a sale: never more than is held when it fills."),
    ] = None
    post_only: Annotated[
        bool | None,
        Field(description="Of LIMIT: refused where it would meet the market at once."),
    ] = None
    portfolio: UUID
    key: Annotated[
        str | None, Field(description="The caller's own name for this order.")
    ] = None


class NewPairRequest(Model):
    """
    A limit and a stop; the first to fill cancels the other. A pair that sells only reduces.
    """

    portfolio: UUID
    instrument: UUID
    side: Annotated[
        Literal["BUY", "SELL"] | str,
        Field(description="* `BUY` - Buy\n* `SELL` - Sell"),
    ]
    quantity: Annotated[
        Decimal,
        Field(description="Base units, a multiple of the instrument's lot step."),
    ]
    limit_price: Decimal
    stop_price: Decimal
    expires_at: AwareDatetime | None = None
    key: Annotated[
        str | None, Field(description="The caller's own name for this pair.")
    ] = None


class NewSetRequest(Model):
    name: str
    permissions: Annotated[
        list[
            Literal[
                "view",
                "trade",
                "follow",
                "publish",
                "manage",
                "manage_keys",
                "manage_members",
                "approve",
                "audit",
            ]
            | str
        ],
        Field(description="`view` goes with all."),
    ]


class NewTemplateRequest(Model):
    """
    All that a template says; what is left out is as a market order has it.
    """

    name: str
    instrument: Annotated[UUID | None, Field(description="null: any.")] = None
    side: Annotated[
        Literal["BUY", "SELL"] | str,
        Field(description="* `BUY` - Buy\n* `SELL` - Sell"),
    ]
    kind: Annotated[
        Literal[
            "MARKET",
            "LIMIT",
            "STOP",
            "STOP_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
            "TRAILING_STOP",
        ]
        | str
        | None,
        Field(
            description="* `MARKET` - Market\n* `LIMIT` - Limit\n* `STOP` - Stop\n* `STOP_LIMIT` - Stop limit\n* `TAKE_PROFIT` - Take profit\n* `TAKE_PROFIT_LIMIT` - Take profit limit\n* `TRAILING_STOP` - Trailing stop"
        ),
    ] = None
    time_in_force: Annotated[
        Literal["GTC", "IOC", "FOK", "GTD"] | str | None,
        Field(
            description="IOC and FOK only of LIMIT; GTD of none.\n\n* `GTC` - Until canceled\n* `IOC` - At once or not\n* `FOK` - All at once or not\n* `GTD` - Until a time"
        ),
    ] = None
    amount: Annotated[Decimal, Field(description="In its unit.")]
    unit: Annotated[
        Literal["BASE", "QUOTE", "PERCENT"] | str | None,
        Field(
            description="Base units, quote units with the fee, or percent of what is free.\n\n* `BASE` - Coins\n* `QUOTE` - Money\n* `PERCENT` - % of free"
        ),
    ] = None
    limit_distance: Annotated[
        Decimal | None,
        Field(
            description="Of kinds with a limit: -0.01 is one percent below the market."
        ),
    ] = None
    trigger_distance: Annotated[
        Decimal | None, Field(description="Of kinds with a trigger, likewise.")
    ] = None
    trail_bps: Annotated[
        Decimal | None,
        Field(description="Of TRAILING_STOP: basis points of the best price."),
    ] = None
    stop_distance: Annotated[
        Decimal | None,
        Field(description="Of a purchase: where what it bought is sold at a loss."),
    ] = None
    target_distance: Annotated[
        Decimal | None,
        Field(description="Of a purchase: where what it bought is sold at a profit."),
    ] = None
    reduce_only: bool | None = None
    post_only: bool | None = None


class NewTokenRequest(Model):
    """
    What it takes to get a token: a name, and the login of somebody who is not signed in.
    """

    name: str
    expires_at: AwareDatetime | None = None
    scopes: Annotated[
        list[Literal["read", "trade", "publish", "manage"] | str] | None,
        Field(description="What it may do; everything unless given."),
    ] = None
    networks: Annotated[
        list[str] | None,
        Field(
            description="Addresses and networks that it may come from (192.0.2.7, 2001:db8::/32); any unless given."
        ),
    ] = None
    portfolios: Annotated[
        list[UUID] | None,
        Field(
            description="The only portfolios of yours that it may reach; all unless given."
        ),
    ] = None
    email: str | None = None
    password: str | None = None
    code: Annotated[
        str | None, Field(description="Of the second factor, where one is set up.")
    ] = None


class NodeType(Model):
    """
    A kind of node; its name is also its function's name in formulas.
    """

    name: str
    group: str
    output: str
    doc: str
    source: str
    ports: list[Port]


class NotificationSettings(Model):
    """
    Everything about how one is told.
    """

    timezone: str | None = None
    quiet_from: Annotated[str | None, Field(examples=["22:00:00"])] = None
    quiet_until: Annotated[str | None, Field(examples=["22:00:00"])] = None
    digest: Annotated[
        Literal["OFF", "HOURLY", "DAILY"] | str | None,
        Field(
            description="* `OFF` - At once, one by one\n* `HOURLY` - One mail an hour\n* `DAILY` - One mail a day"
        ),
    ] = None
    digest_at: Annotated[str | None, Field(examples=["22:00:00"])] = None
    channels: dict[str, Literal["ready", "unlinked", "missing"] | str]
    events: list[Event]
    choices: list[Choice]
    telegram: Annotated[
        str, Field(description="The linked chat's name; empty without one.")
    ]
    phone: str
    phone_verified_at: AwareDatetime | None
    push_key: Annotated[
        str,
        Field(
            description="What browsers subscribe with (applicationServerKey); empty where they are not told."
        ),
    ]


class Opportunities(Model):
    """
    What pays at this moment, most first, and what comes nearest to paying. Not an offer: books change.
    """

    at: Annotated[
        AwareDatetime | None,
        Field(description="When the scanner looked; null before the first time."),
    ]
    is_stale: Annotated[
        bool,
        Field(
            description="Whether it no longer looks. Asking has it look for a minute."
        ),
    ]
    looked_at: int
    fresh: Annotated[
        int, Field(description="How many of those looked at could be used.")
    ]
    nearest: Opportunity | None
    rows: list[Opportunity]


class Order(Model):
    """
    An order. `code` says why it did not run as asked, `reason` says it in words; both are empty where it did.
    """

    id: UUID
    portfolio: UUID
    follow: UUID | None
    plan: UUID | None
    instrument: UUID
    symbol: str
    side: Annotated[
        Literal["BUY", "SELL"] | str,
        Field(description="* `BUY` - Buy\n* `SELL` - Sell"),
    ]
    leg: Annotated[
        Literal["OPEN", "CLOSE"] | str,
        Field(
            description="Whether it opens or closes exposure.\n\n* `OPEN` - Open\n* `CLOSE` - Close"
        ),
    ]
    state: Annotated[
        Literal[
            "PENDING",
            "SUBMITTING",
            "OPEN",
            "PARTIALLY_FILLED",
            "FILLED",
            "CANCELED",
            "EXPIRED",
            "REJECTED",
            "DENIED",
            "UNKNOWN",
        ]
        | str,
        Field(
            description="* `PENDING` - Pending\n* `SUBMITTING` - Submitting\n* `OPEN` - Open\n* `PARTIALLY_FILLED` - Partially filled\n* `FILLED` - Filled\n* `CANCELED` - Canceled\n* `EXPIRED` - Expired\n* `REJECTED` - Rejected\n* `DENIED` - Denied\n* `UNKNOWN` - Unknown"
        ),
    ]
    code: str
    reason: str
    cause: Annotated[
        Literal[
            "HAND",
            "RUN",
            "TRIGGER",
            "VENUE",
            "LEAD_EVENT",
            "FOLLOW_COMMAND",
            "CLOSE_ALL",
            "BRACKET",
            "PLAN",
            "SIGNAL",
            "LIQUIDATION",
            "PROTECTION",
        ]
        | str,
        Field(
            description="* `HAND` - Hand\n* `RUN` - Run\n* `TRIGGER` - Trigger\n* `VENUE` - Venue\n* `LEAD_EVENT` - Lead Event\n* `FOLLOW_COMMAND` - Follow Command\n* `CLOSE_ALL` - Close All\n* `BRACKET` - Bracket\n* `PLAN` - Plan\n* `SIGNAL` - Signal\n* `LIQUIDATION` - Liquidation\n* `PROTECTION` - Protection"
        ),
    ]
    kind: Annotated[
        Literal[
            "MARKET",
            "LIMIT",
            "STOP",
            "STOP_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
            "TRAILING_STOP",
        ]
        | str,
        Field(
            description="* `MARKET` - Market\n* `LIMIT` - Limit\n* `STOP` - Stop\n* `STOP_LIMIT` - Stop limit\n* `TAKE_PROFIT` - Take profit\n* `TAKE_PROFIT_LIMIT` - Take profit limit\n* `TRAILING_STOP` - Trailing stop"
        ),
    ]
    time_in_force: Annotated[
        Literal["GTC", "IOC", "FOK", "GTD"] | str,
        Field(
            description="* `GTC` - Until canceled\n* `IOC` - At once or not\n* `FOK` - All at once or not\n* `GTD` - Until a time"
        ),
    ]
    expires_at: AwareDatetime | None
    limit_price: Decimal | None
    trigger_price: Decimal | None
    trail_amount: Decimal | None
    trail_bps: Decimal | None
    activation_price: Decimal | None
    peak_price: Annotated[
        Decimal | None,
        Field(description="The best price that a trailing stop has followed so far."),
    ]
    triggered_at: AwareDatetime | None
    arrives_at: AwareDatetime | None
    reduce_only: bool
    post_only: bool
    stop_price: Annotated[
        Decimal | None,
        Field(description="Where what a bracket buys is sold at a loss."),
    ]
    target_price: Annotated[
        Decimal | None,
        Field(description="Where what a bracket buys is sold at a profit."),
    ]
    group: Annotated[
        UUID | None, Field(description="What a pair or a bracket have in common.")
    ]
    group_role: Literal["OCO", "ENTRY", "STOP", "TARGET", "TURN"] | str | Literal[""]
    waits_at: Annotated[
        Literal["EXCHANGE", "HERE"] | str | Literal[""],
        Field(
            description="Of an order on an exchange account: where it waits. HERE, it is sent when its price comes.\n\n* `EXCHANGE` - EXCHANGE\n* `HERE` - HERE"
        ),
    ]
    cancel_code: Annotated[
        str,
        Field(
            description="Why it is being canceled at its exchange; empty where it is not."
        ),
    ]
    replaces: UUID | None
    requested_quantity: Annotated[Decimal, Field(description="What was wished for.")]
    quantity: Annotated[Decimal, Field(description="What risk let through.")]
    filled_quantity: Decimal
    average_price: Annotated[Decimal, Field(description="0 while nothing is filled.")]
    fee: Decimal
    client_order_id: str
    created_at: AwareDatetime
    recorded_at: AwareDatetime


class OrderTemplate(Model):
    """
    A ticket filled in beforehand; distances are ratios of the market's price when it is used.
    """

    id: UUID
    side: Annotated[
        Literal["BUY", "SELL"] | str,
        Field(description="* `BUY` - Buy\n* `SELL` - Sell"),
    ]
    kind: Annotated[
        Literal[
            "MARKET",
            "LIMIT",
            "STOP",
            "STOP_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
            "TRAILING_STOP",
        ]
        | str,
        Field(
            description="* `MARKET` - Market\n* `LIMIT` - Limit\n* `STOP` - Stop\n* `STOP_LIMIT` - Stop limit\n* `TAKE_PROFIT` - Take profit\n* `TAKE_PROFIT_LIMIT` - Take profit limit\n* `TRAILING_STOP` - Trailing stop"
        ),
    ]
    time_in_force: Annotated[
        Literal["GTC", "IOC", "FOK", "GTD"] | str,
        Field(
            description="* `GTC` - Until canceled\n* `IOC` - At once or not\n* `FOK` - All at once or not\n* `GTD` - Until a time"
        ),
    ]
    unit: Annotated[
        Literal["BASE", "QUOTE", "PERCENT"] | str,
        Field(
            description="* `BASE` - Coins\n* `QUOTE` - Money\n* `PERCENT` - % of free"
        ),
    ]
    amount: Decimal
    limit_distance: Decimal | None
    trigger_distance: Decimal | None
    trail_bps: Decimal | None
    stop_distance: Decimal | None
    target_distance: Decimal | None
    name: str
    reduce_only: bool
    post_only: bool
    created_at: AwareDatetime
    updated_at: AwareDatetime
    instrument: UUID | None


class PaginatedAlertList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Alert]


class PaginatedApprovalList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Approval]


class PaginatedBackfillList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Backfill]


class PaginatedBacktestList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Backtest]


class PaginatedDelegationList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Delegation]


class PaginatedDeliveryList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Delivery]


class PaginatedFillList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Fill]


class PaginatedFollowList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Follow]


class PaginatedHoldingList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Holding]


class PaginatedInstrumentList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Instrument]


class PaginatedInvoiceList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Invoice]


class PaginatedLedgerLineList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[LedgerLine]


class PaginatedMemberList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Member]


class PaginatedOrderList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Order]


class PaginatedOrderTemplateList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[OrderTemplate]


class PaginatedPermissionSetList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[PermissionSet]


class PaginatedPushSubscriptionList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[PushSubscription]


class PaginatedRecordRootList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[RecordRoot]


class PaginatedReproductionList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Reproduction]


class PaginatedReviewList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Review]


class PaginatedStatementLineList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[StatementLine]


class PaginatedSubscriptionList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Subscription]


class PaginatedSweepList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Sweep]


class PaginatedSweepPointList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[SweepPoint]


class PaginatedTokenList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Token]


class PaginatedUseList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Use]


class PaginatedWatchListList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[WatchList]


class PaginatedWebhookDeliveryList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[WebhookDelivery]


class PaginatedWebhookList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Webhook]


class PaginatedWorkspaceInvitationList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[WorkspaceInvitation]


class Part(Model):
    """
    A part of the gap: above zero it is what the follower lost against a perfect copy.
    """

    part: Annotated[
        Literal[
            "delay",
            "spread",
            "rounding",
            "skipped",
            "own",
            "fees",
            "funding",
            "profit_share",
        ]
        | str,
        Field(
            description="* `delay` - delay\n* `spread` - spread\n* `rounding` - rounding\n* `skipped` - skipped\n* `own` - own\n* `fees` - fees\n* `funding` - funding\n* `profit_share` - profit_share"
        ),
    ]
    amount: Decimal
    ratio: Annotated[float, Field(description="Of the capital paid in.")]


class PatchedRoleRequest(Model):
    """
    A role, and in its place a permission set of the workspace.
    """

    role: Annotated[
        Literal["owner", "admin", "trader", "analyst", "viewer"] | str | None,
        Field(
            description="* `owner` - Owner\n* `admin` - Admin\n* `trader` - Trader\n* `analyst` - Analyst\n* `viewer` - Viewer"
        ),
    ] = None
    permission_set: UUID | None = None


class PatchedSubscriptionChangeRequest(Model):
    kind: Annotated[
        Literal["CANCEL_AT_END", "CANCEL_NOW", "RENEW", "SWITCH"] | str | None,
        Field(
            description="* `CANCEL_AT_END` - Cancel at the end of the period\n* `CANCEL_NOW` - Cancel at once\n* `RENEW` - Keep renewing\n* `SWITCH` - Change the price"
        ),
    ] = None
    price: Annotated[
        UUID | None, Field(description="For SWITCH: the price to change to.")
    ] = None
    stop_mode: Annotated[
        Literal["CLOSE_NOW", "FOLLOW_EXITS", "KEEP"] | str | None,
        Field(
            description="* `CLOSE_NOW` - Close now\n* `FOLLOW_EXITS` - Follow the lead's exits\n* `KEEP` - Keep"
        ),
    ] = None


class Portfolio(Model):
    """
    A portfolio; what it is worth comes from the context, by portfolio id.
    """

    id: UUID
    name: str
    kind: Annotated[
        Literal["PAPER", "SIMULATED", "SANDBOX", "LIVE"] | str,
        Field(
            description="Whether prices and money are real. Show it wherever you show the portfolio.\n\n* `PAPER` - Paper\n* `SIMULATED` - Simulated\n* `SANDBOX` - Sandbox\n* `LIVE` - Live"
        ),
    ]
    namespace: str
    settlement: str
    state: Annotated[
        Literal["OPEN", "FROZEN", "CLOSED"] | str,
        Field(description="* `OPEN` - Open\n* `FROZEN` - Frozen\n* `CLOSED` - Closed"),
    ]
    is_restricted: bool
    cash_is_locked: bool
    account: UUID | None
    is_live_trading_on: bool
    slippage_bps: Decimal
    costs: Annotated[
        str,
        Field(
            description="What trading on paper costs, in words; empty on an account."
        ),
    ]
    opened_at: AwareDatetime
    net_deposits: Annotated[
        Decimal, Field(description="Deposits and transfers in, less those out.")
    ]
    worth: Worth


class Preview(Model):
    """
    What a plan would do if it began now, before fees and slippage.
    """

    cost: Annotated[
        Decimal, Field(description="The most that it may have invested at a time.")
    ]
    proceeds: Annotated[
        Decimal,
        Field(description="What its sales would bring, where it is there to sell."),
    ]
    worst_loss: Annotated[
        Decimal, Field(description="Should the price fall to nothing.")
    ]
    loss_at: Annotated[
        Decimal | None, Field(description="The lowest price that it names itself.")
    ]
    loss_there: Annotated[
        Decimal | None,
        Field(description="What it has lost while the market stands there."),
    ]
    steps: list[Step]


class Price(Model):
    id: UUID
    interval: Annotated[
        Literal["month", "year"] | str,
        Field(description="* `month` - Monthly\n* `year` - Yearly"),
    ]
    currency: str
    amount_minor: int
    trial_days: int | None = None
    mode: Annotated[
        Literal["TEST", "LIVE"] | str,
        Field(description="* `TEST` - Test\n* `LIVE` - Live"),
    ]
    state: Annotated[
        Literal["PENDING", "LIVE", "FAILED", "RETIRED"] | str | None,
        Field(
            description="* `PENDING` - Being set up\n* `LIVE` - On sale\n* `FAILED` - Refused by the processor\n* `RETIRED` - No longer sold"
        ),
    ] = None
    problem: str | None = None


class Run(Model):
    id: UUID
    strategy: UUID
    strategy_name: str
    version: UUID
    version_number: int
    portfolio: UUID
    instrument: UUID
    symbol: str
    timeframe: str
    state: Annotated[
        Literal["RUNNING", "STOPPED"] | str,
        Field(description="* `RUNNING` - Running\n* `STOPPED` - Stopped"),
    ]
    stop_code: str
    decided_until: AwareDatetime
    started_at: AwareDatetime
    stopped_at: AwareDatetime | None


class ScopeSwitch(Model):
    """
    The level of one scope. `code` names the limit that paused it, until `until` (market time).
    """

    scope: Annotated[
        Literal["PLATFORM", "VENUE", "USER", "PORTFOLIO", "STRATEGY", "LEAD", "FOLLOW"]
        | str,
        Field(
            description="* `PLATFORM` - Platform\n* `VENUE` - Venue\n* `USER` - User\n* `PORTFOLIO` - Portfolio\n* `STRATEGY` - Strategy\n* `LEAD` - Lead\n* `FOLLOW` - Follow"
        ),
    ]
    scope_id: str
    level: Annotated[
        Literal["ACTIVE", "REDUCING", "HALTED"] | str,
        Field(
            description="* `ACTIVE` - Active\n* `REDUCING` - Reducing\n* `HALTED` - Halted"
        ),
    ]
    reason: str | None = None
    code: str
    until: AwareDatetime | None
    set_at: Annotated[
        AwareDatetime | None, Field(description="Null where nobody ever set it.")
    ]


class Settings(Model):
    """
    The settings of a plan; each kind has its own, and refuses the others'.
    """

    side: Annotated[
        Literal["BUY", "SELL"] | str | None,
        Field(
            description="Of TWAP, ICEBERG, SCHEDULED.\n\n* `BUY` - Buy\n* `SELL` - Sell"
        ),
    ] = None
    quantity: Annotated[
        Decimal | None,
        Field(
            description="In all, of TWAP, ICEBERG, SCHEDULED; on each rung of GRID; first of MARTINGALE."
        ),
    ] = None
    lower: Annotated[
        Decimal | None, Field(description="Of GRID: its lowest price.")
    ] = None
    upper: Annotated[
        Decimal | None, Field(description="Of GRID: its highest price.")
    ] = None
    rungs: Annotated[
        int | None,
        Field(
            description="Of GRID: how many steps from the lowest to the highest price."
        ),
    ] = None
    amount: Annotated[
        Decimal | None, Field(description="Of DCA: quote units for each purchase.")
    ] = None
    interval_seconds: Annotated[
        int | None, Field(description="Of DCA: from one purchase to the next.")
    ] = None
    times: Annotated[int | None, Field(description="Of DCA: how many purchases.")] = (
        None
    )
    factor: Annotated[
        Decimal | None,
        Field(
            description="Of MARTINGALE: how many times as large each purchase is as the one before, 1 to 4."
        ),
    ] = None
    step_bps: Annotated[
        Decimal | None,
        Field(description="Of MARTINGALE: how far below the last it buys again."),
    ] = None
    gain_bps: Annotated[
        Decimal | None,
        Field(
            description="Of MARTINGALE: how far above the average price it sells all."
        ),
    ] = None
    most_steps: Annotated[
        int | None,
        Field(description="Of MARTINGALE: purchases in a cycle, at most 10."),
    ] = None
    most_spent: Annotated[
        Decimal | None,
        Field(description="Of MARTINGALE: quote units in a cycle, before fees."),
    ] = None
    cycles: Annotated[
        int | None,
        Field(description="Of MARTINGALE: how often it sells before it ends."),
    ] = None
    duration_seconds: Annotated[
        int | None, Field(description="Of TWAP: how long it takes.")
    ] = None
    slices: Annotated[int | None, Field(description="Of TWAP: in how many orders.")] = (
        None
    )
    visible: Annotated[
        Decimal | None, Field(description="Of ICEBERG: how much of it shows at a time.")
    ] = None
    limit_price: Annotated[
        Decimal | None,
        Field(
            description="Of ICEBERG; of TWAP and SCHEDULED it may be left out, for the market's price."
        ),
    ] = None
    at: Annotated[
        AwareDatetime | None,
        Field(description="Of SCHEDULED: by the clock of its market."),
    ] = None


class SettingsRequest(Model):
    """
    The settings of a plan; each kind has its own, and refuses the others'.
    """

    side: Annotated[
        Literal["BUY", "SELL"] | str | None,
        Field(
            description="Of TWAP, ICEBERG, SCHEDULED.\n\n* `BUY` - Buy\n* `SELL` - Sell"
        ),
    ] = None
    quantity: Annotated[
        Decimal | None,
        Field(
            description="In all, of TWAP, ICEBERG, SCHEDULED; on each rung of GRID; first of MARTINGALE."
        ),
    ] = None
    lower: Annotated[
        Decimal | None, Field(description="Of GRID: its lowest price.")
    ] = None
    upper: Annotated[
        Decimal | None, Field(description="Of GRID: its highest price.")
    ] = None
    rungs: Annotated[
        Decimal | None,
        Field(
            description="Of GRID: how many steps from the lowest to the highest price."
        ),
    ] = None
    amount: Annotated[
        Decimal | None, Field(description="Of DCA: quote units for each purchase.")
    ] = None
    interval_seconds: Annotated[
        Decimal | None, Field(description="Of DCA: from one purchase to the next.")
    ] = None
    times: Annotated[
        Decimal | None, Field(description="Of DCA: how many purchases.")
    ] = None
    factor: Annotated[
        Decimal | None,
        Field(
            description="Of MARTINGALE: how many times as large each purchase is as the one before, 1 to 4."
        ),
    ] = None
    step_bps: Annotated[
        Decimal | None,
        Field(description="Of MARTINGALE: how far below the last it buys again."),
    ] = None
    gain_bps: Annotated[
        Decimal | None,
        Field(
            description="Of MARTINGALE: how far above the average price it sells all."
        ),
    ] = None
    most_steps: Annotated[
        Decimal | None,
        Field(description="Of MARTINGALE: purchases in a cycle, at most 10."),
    ] = None
    most_spent: Annotated[
        Decimal | None,
        Field(description="Of MARTINGALE: quote units in a cycle, before fees."),
    ] = None
    cycles: Annotated[
        Decimal | None,
        Field(description="Of MARTINGALE: how often it sells before it ends."),
    ] = None
    duration_seconds: Annotated[
        Decimal | None, Field(description="Of TWAP: how long it takes.")
    ] = None
    slices: Annotated[
        Decimal | None, Field(description="Of TWAP: in how many orders.")
    ] = None
    visible: Annotated[
        Decimal | None, Field(description="Of ICEBERG: how much of it shows at a time.")
    ] = None
    limit_price: Annotated[
        Decimal | None,
        Field(
            description="Of ICEBERG; of TWAP and SCHEDULED it may be left out, for the market's price."
        ),
    ] = None
    at: Annotated[
        AwareDatetime | None,
        Field(description="Of SCHEDULED: by the clock of its market."),
    ] = None


class Settlement(Model):
    """
    One settlement: `due` is ratio × max(0, profit − high_before); profit is min(realized, realized + unrealized) net of fees.
    """

    id: UUID
    number: int
    cause: Annotated[
        Literal["WEEK", "WITHDRAWAL", "STOP", "LEAD_EXIT", "SHARE"] | str,
        Field(
            description="* `WEEK` - End of the week\n* `WITHDRAWAL` - Money taken out\n* `STOP` - End of the follow\n* `LEAD_EXIT` - The lead left\n* `SHARE` - Another share from here on"
        ),
    ]
    settled_at: AwareDatetime
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal
    funding: Decimal
    profit: Decimal
    high_before: Decimal
    high_after: Decimal
    ratio: Decimal
    due: Decimal
    platform_fee: Decimal
    equity: Decimal
    withdrawn: Decimal
    is_hypothetical: bool


class Shortfall(Model):
    """
    Why a follow's result differs from a perfect copy of its lead; the parts and the residual sum to the gap.
    """

    capital: Decimal
    lead_profit: Decimal
    lead_return_ratio: float
    parts: list[Part]
    follower_profit: Decimal
    follower_return_ratio: float
    gap: Decimal
    residual: Annotated[
        Decimal,
        Field(description="Rounding of the books: less than 0.01 % of the capital."),
    ]


class Strategy(Model):
    """
    A strategy with its versions, the newest first.
    """

    id: UUID
    name: str
    template: str
    created_at: AwareDatetime
    running: Annotated[int, Field(description="How many runs of it are running.")]
    versions: list[Version]


class StrategyWriteRequest(Model):
    """
    What saving a strategy takes; an edit of a version that has run makes the next version.
    """

    template: Annotated[
        str | None, Field(description="One of /strategies/templates/.")
    ] = None
    values: Annotated[
        dict[str, Any] | None,
        Field(
            description="Values by name; what is left out is as by default. Decimals as strings."
        ),
    ] = None
    formula: str | None = None
    graph: Any | None = None
    name: str
    instruments: Annotated[list[UUID], Field(description="The traded one first.")]
    timeframe: Annotated[
        Literal[
            "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"
        ]
        | str,
        Field(
            description="* `1m` - 1m\n* `3m` - 3m\n* `5m` - 5m\n* `15m` - 15m\n* `30m` - 30m\n* `1h` - 1h\n* `2h` - 2h\n* `4h` - 4h\n* `6h` - 6h\n* `8h` - 8h\n* `12h` - 12h\n* `1d` - 1d"
        ),
    ]


class Submission(Model):
    """
    How the newest submission stands: `state` is its test's, `outcome` what became of it, `findings` what the gate found.
    """

    id: UUID
    listing: UUID
    content: dict[str, Any]
    changes: str
    state: Annotated[
        Literal["QUEUED", "RUNNING", "DONE", "FAILED", "CANCELED"] | str,
        Field(
            description="* `QUEUED` - Queued\n* `RUNNING` - Running\n* `DONE` - Done\n* `FAILED` - Failed\n* `CANCELED` - Canceled"
        ),
    ]
    outcome: Annotated[
        Literal["CHECKING", "IN_REVIEW", "PUBLISHED", "REFUSED", "OVERTAKEN"] | str,
        Field(
            description="* `CHECKING` - Being checked\n* `IN_REVIEW` - Waiting for an operator\n* `PUBLISHED` - Published\n* `REFUSED` - Refused\n* `OVERTAKEN` - Overtaken"
        ),
    ]
    refusal_code: str
    refusal: str
    findings: dict[str, Any]
    submitted_at: AwareDatetime
    decided_at: AwareDatetime | None


class SweepAskRequest(Model):
    """
    A sweep is asked for as a backtest is, and with what to try: a `grid`, or `random` names with a `count`.
    """

    template: Annotated[
        str | None, Field(description="One of /strategies/templates/.")
    ] = None
    values: Annotated[
        dict[str, Any] | None,
        Field(
            description="Values by name; what is left out is as by default. Decimals as strings."
        ),
    ] = None
    formula: str | None = None
    graph: Any | None = None
    version: UUID | None = None
    name: str | None = None
    instruments: Annotated[
        list[UUID] | None,
        Field(
            description="The traded one first; a version's own where they are left out."
        ),
    ] = None
    timeframe: Annotated[
        Literal[
            "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"
        ]
        | str
        | None,
        Field(
            description="A version's own where it is left out.\n\n* `1m` - 1m\n* `3m` - 3m\n* `5m` - 5m\n* `15m` - 15m\n* `30m` - 30m\n* `1h` - 1h\n* `2h` - 2h\n* `4h` - 4h\n* `6h` - 6h\n* `8h` - 8h\n* `12h` - 12h\n* `1d` - 1d"
        ),
    ] = None
    start: Annotated[
        AwareDatetime,
        Field(
            description="Candles that opened from then on are traded on; earlier ones warm up."
        ),
    ]
    end: Annotated[
        AwareDatetime,
        Field(
            description="Candles that ended by then are traded on; no later than market time."
        ),
    ]
    initial_cash: float | None = None
    maker_fee: Annotated[
        float | None, Field(description="A ratio: 0.001 is 0.1 %.")
    ] = None
    taker_fee: Annotated[
        float | None, Field(description="A ratio: 0.001 is 0.1 %.")
    ] = None
    slippage: Annotated[
        Literal["none", "bps", "range_share", "volume_share"] | str | None,
        Field(
            description="* `none` - none\n* `bps` - bps\n* `range_share` - range_share\n* `volume_share` - volume_share"
        ),
    ] = None
    slippage_value: Annotated[
        float | None, Field(description="Basis points, or a ratio, as slippage says.")
    ] = None
    leverage: float | None = None
    fill_rule: Annotated[
        Literal["standard", "pessimistic", "detail"] | str | None,
        Field(
            description="* `standard` - standard\n* `pessimistic` - pessimistic\n* `detail` - detail"
        ),
    ] = None
    detail_timeframe: Annotated[
        Literal[
            "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"
        ]
        | str
        | None,
        Field(
            description="For the fill rule `detail`.\n\n* `1m` - 1m\n* `3m` - 3m\n* `5m` - 5m\n* `15m` - 15m\n* `30m` - 30m\n* `1h` - 1h\n* `2h` - 2h\n* `4h` - 4h\n* `6h` - 6h\n* `8h` - 8h\n* `12h` - 12h\n* `1d` - 1d"
        ),
    ] = None
    grid: Annotated[
        dict[str, list[float]] | None, Field(description="Values by parameter.")
    ] = None
    random: Annotated[
        list[str] | None, Field(description="Parameters to draw within their bounds.")
    ] = None
    count: Annotated[int | None, Field(description="Points to draw.")] = None
    seed: int | None = None


class Taking(Model):
    id: UUID
    cause: Annotated[
        Literal["TAX", "REFUND", "DISPUTE", "RETURN"] | str,
        Field(
            description="* `TAX` - Taxes\n* `REFUND` - Refund\n* `DISPUTE` - Lost dispute\n* `RETURN` - Paid back to the lead"
        ),
    ]
    lead: str
    invoice: UUID
    mode: str
    currency: str
    amount_minor: int
    moved_minor: Annotated[
        int, Field(description="What of the amount has moved; the rest is owed.")
    ]
    state: Annotated[
        Literal["PENDING", "DONE", "FAILED", "CLOSED", "VOID"] | str | None,
        Field(
            description="* `PENDING` - Under way\n* `DONE` - Done\n* `FAILED` - Refused\n* `CLOSED` - Closed\n* `VOID` - No longer due"
        ),
    ] = None
    problem: Annotated[
        str, Field(description="Why the payment processor refused it, in its words.")
    ]
    attempt: int | None = None
    close_reason: str | None = None
    closed_by: str | None
    closed_at: AwareDatetime | None = None
    created_at: AwareDatetime


class Template(Model):
    """
    A ready strategy.
    """

    name: str
    label: str
    summary: str
    formula: str
    form: Annotated[list[TemplateField], Field(description="The values that it takes.")]


class Venue(Model):
    """
    How a venue is doing: its feed, its circuit breaker, its instruments. Counters begin with the feed's process.
    """

    exchange: str
    name: str
    source_kind: Annotated[
        Literal["REAL", "REPLAY", "SIMULATED"] | str,
        Field(
            description="* `REAL` - Real prices\n* `REPLAY` - Replayed candles\n* `SIMULATED` - Simulated prices"
        ),
    ]
    is_sandbox: bool
    state: Annotated[
        Literal[
            "CONNECTING", "LIVE", "SILENT", "DOWN", "STOPPED", "LOST", "NEVER", "LOCAL"
        ]
        | str,
        Field(
            description="What its feed says; LOST where it has not for 30 s, NEVER where none has run, LOCAL where prices are made or replayed here.\n\n* `CONNECTING` - CONNECTING\n* `LIVE` - LIVE\n* `SILENT` - SILENT\n* `DOWN` - DOWN\n* `STOPPED` - STOPPED\n* `LOST` - LOST\n* `NEVER` - NEVER\n* `LOCAL` - LOCAL"
        ),
    ]
    since: AwareDatetime | None
    seen_at: AwareDatetime | None
    reason: Annotated[str, Field(description="A code, such as TIMED_OUT.")]
    retry_at: AwareDatetime | None
    last_message_at: AwareDatetime | None
    messages_per_second: float
    watched: Annotated[int, Field(description="Instruments that somebody needs now.")]
    reconnects: int
    gap_candles: Annotated[
        int, Field(description="Candles that were filled in after a gap.")
    ]
    outliers: Annotated[int, Field(description="Absurd prices that were held back.")]
    revised_candles: int
    breaker: Annotated[
        Literal["CLOSED", "OPEN", "HALF_OPEN"] | str,
        Field(
            description="* `CLOSED` - CLOSED\n* `OPEN` - OPEN\n* `HALF_OPEN` - HALF_OPEN"
        ),
    ]
    breaker_since: AwareDatetime | None
    breaker_reason: Annotated[str, Field(description="A code, such as TIMED_OUT.")]
    breaker_retry_at: AwareDatetime | None
    instruments: Annotated[int, Field(description="Instruments that orders may name.")]
    synchronised_at: AwareDatetime | None


class WantedPlanRequest(Model):
    """
    A plan that somebody thinks of.
    """

    portfolio: UUID
    instrument: UUID
    kind: Annotated[
        Literal["GRID", "DCA", "MARTINGALE", "TWAP", "ICEBERG", "SCHEDULED"] | str,
        Field(
            description="* `GRID` - Grid\n* `DCA` - DCA\n* `MARTINGALE` - Martingale\n* `TWAP` - TWAP\n* `ICEBERG` - Iceberg\n* `SCHEDULED` - Scheduled"
        ),
    ]
    settings: SettingsRequest


class BulkAnswer(Model):
    """
    What became of one order of many: it, or the problem document that says why there is none.
    """

    key: str
    status: Annotated[
        int, Field(description="What a single request would have been answered with.")
    ]
    order: Order | None
    problem: Annotated[
        dict[str, Any] | None, Field(description="An RFC 9457 problem document.")
    ]


class Copied(Model):
    """
    An order that it made; `difference` is empty where it is a copy in proportion.
    """

    order: Order
    difference: str


class Found(Model):
    """
    A page of what was found; of the matches 2,400 can be paged through, `count` says how many there are.
    """

    count: int
    next: str | None
    previous: str | None
    instead: Annotated[
        str,
        Field(
            description="The words that were looked for in place of misspelt ones, or blank."
        ),
    ]
    facets: list[Facet]
    results: list[FoundListing]


class LogLine(Model):
    """
    A lead event, what the follow made of it, and where that is nothing, why.
    """

    lead: LeadDid
    copies: list[Copied]
    missing: Annotated[
        str, Field(description="Why there is no order; empty where there is one.")
    ]


class NewPlanRequest(Model):
    """
    A plan to begin. The same `key` again returns the plan that it made the first time.
    """

    portfolio: UUID
    instrument: UUID
    kind: Annotated[
        Literal["GRID", "DCA", "MARTINGALE", "TWAP", "ICEBERG", "SCHEDULED"] | str,
        Field(
            description="* `GRID` - Grid\n* `DCA` - DCA\n* `MARTINGALE` - Martingale\n* `TWAP` - TWAP\n* `ICEBERG` - Iceberg\n* `SCHEDULED` - Scheduled"
        ),
    ]
    settings: SettingsRequest
    key: Annotated[
        str | None, Field(description="The caller's own name for this plan.")
    ] = None


class PaginatedPortfolioList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Portfolio]


class PaginatedRunList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Run]


class PaginatedStrategyList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Strategy]


class PaginatedSubmissionList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Submission]


class PaginatedTakingList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Taking]


class Plan(Model):
    """
    A plan with what its own fills come to. `code` and `reason` say why it is paused or was stopped.
    """

    id: UUID
    portfolio: UUID
    instrument: UUID
    symbol: str
    kind: Annotated[
        Literal["GRID", "DCA", "MARTINGALE", "TWAP", "ICEBERG", "SCHEDULED"] | str,
        Field(
            description="* `GRID` - Grid\n* `DCA` - DCA\n* `MARTINGALE` - Martingale\n* `TWAP` - TWAP\n* `ICEBERG` - Iceberg\n* `SCHEDULED` - Scheduled"
        ),
    ]
    key: str
    settings: Settings
    state: Annotated[
        Literal["RUNNING", "PAUSED", "DONE", "CANCELED"] | str,
        Field(
            description="* `RUNNING` - Running\n* `PAUSED` - Paused\n* `DONE` - Done\n* `CANCELED` - Canceled"
        ),
    ]
    code: str
    reason: str
    progress: Annotated[str, Field(description="How far it has come, in words.")]
    due_at: Annotated[
        AwareDatetime | None,
        Field(description="When it acts next by the market's clock."),
    ]
    held: Annotated[
        Decimal,
        Field(description="Base units; negative where it sells what it did not buy."),
    ]
    invested: Annotated[Decimal, Field(description="What it holds cost.")]
    average_price: Annotated[Decimal, Field(description="0 while it holds nothing.")]
    realized_pnl: Annotated[Decimal, Field(description="Before fees.")]
    fees_paid: Decimal
    profit: Annotated[
        Decimal | None,
        Field(description="Realized and open, less fees; null without a price."),
    ]
    most_cost: Annotated[
        Decimal,
        Field(description="The most it may have invested at a time, before fees."),
    ]
    began_at: AwareDatetime
    ended_at: AwareDatetime | None


class ProfitShare(Model):
    """
    How a follow stands with its lead: amounts in its settlement currency.
    """

    ratio: Decimal
    is_hypothetical: Annotated[
        bool, Field(description="Only follows with real money owe anything.")
    ]
    settled: Annotated[Decimal, Field(description="All that was ever due.")]
    accrued: Annotated[
        Decimal,
        Field(
            description="What a settlement now would make due; it falls again with the profit."
        ),
    ]
    loss: Annotated[
        Decimal, Field(description="What must be earned before anything is due.")
    ]
    settles_at: Annotated[
        AwareDatetime, Field(description="The next Monday, in market time.")
    ]
    settlements: Annotated[
        list[Settlement], Field(description="The newest hundred, newest first.")
    ]


class Risk(Model):
    """
    How a portfolio stands by its own limits.
    """

    profile: Literal["CONSERVATIVE", "BALANCED", "AGGRESSIVE", "CUSTOM"] | str | None
    limits: dict[str, Any]
    usages: list[Usage]
    level: Annotated[
        Literal["ACTIVE", "REDUCING", "HALTED"] | str,
        Field(
            description="* `ACTIVE` - Active\n* `REDUCING` - Reducing\n* `HALTED` - Halted"
        ),
    ]
    switch: ScopeSwitch | None
    above: Annotated[
        ScopeSwitch | None,
        Field(description="The strictest switch of its owner or the platform."),
    ]


class FollowLog(Model):
    """
    A page of a follow's log, and what its protective stops closed at the exchange without an event of the lead's.
    """

    next: str | None
    previous: str | None
    results: list[LogLine]
    stops: Annotated[
        list[Order],
        Field(description="The newest 50, newest first; the same on every page."),
    ]


class PaginatedPlanList(Model):
    next: Annotated[
        str | None, Field(description="The address of the next page; null on the last.")
    ] = None
    previous: Annotated[
        str | None,
        Field(description="The address of the page before; null on the first."),
    ] = None
    results: list[Plan]
