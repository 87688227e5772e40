"""Sources of signals, and what a signal does: an order of its portfolio's, once, however often it is heard."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from accounts.services import audit
from accounts.teams.models import Permission, Workspace
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.ids import deterministic_id
from engine.decimals import ONE, ZERO
from engine.sizing import stake_quantity
from markets.models import Instrument
from markets.prices import latest_prices
from portfolios.models import Portfolio, PortfolioState, Position
from portfolios.selectors import worth_of
from portfolios.services.books import lock_portfolios
from trading.models import CauseKind, Leg, Order, Side
from trading.order_terms import PLAIN, check_quantity
from trading.selectors import ticket_instruments
from trading.services.orders import Cause, asked_rows, lock_by_hand, refuse_foreign, store_orders, submit_order
from trading.signals.models import Signal, SignalAction, SignalSource
from trading.signals.proof import Heard

MAX_NAME, MAX_SOURCES = 60, 10
_FIELDS = {"id", "time", "action", "instrument", "quantity", "equity_share", "secret"}


@transaction.atomic
def create_source(*, actor: User, portfolio: Portfolio, name: str) -> SignalSource:
    """Give a portfolio of the actor's one more address that makes orders in it."""
    name = name.strip()
    if not name or len(name) > MAX_NAME:
        raise DomainError("NAME_INVALID", f"Name it in 1 to {MAX_NAME} characters.", {"field": "name"})
    locked = lock_by_hand(portfolio)
    if locked.state != PortfolioState.OPEN:
        raise DomainError("PORTFOLIO_NOT_OPEN", "This portfolio is frozen or closed.", status=409)
    mine = SignalSource.objects.filter(portfolio=locked)
    if mine.count() >= MAX_SOURCES:
        raise DomainError("LIMIT_REACHED", f"A portfolio has at most {MAX_SOURCES} sources; delete one.", status=409)
    if mine.filter(name=name).exists():
        raise DomainError("NAME_TAKEN", "This portfolio has a source of that name.", {"field": "name"}, status=409)
    source = SignalSource.objects.create(portfolio=locked, name=name, created_at=wall_now())
    audit(action="signal_source.created", obj=source, actor=actor, after={"name": name})
    return source


@transaction.atomic
def renew_secret(*, actor: User, source: SignalSource) -> SignalSource:
    """Make a source's secret anew; the one before opens nothing from now on."""
    locked = lock_rows(SignalSource.objects.filter(pk=source.pk))[0]
    locked.version += 1
    locked.save(update_fields=["version"])
    audit(action="signal_source.renewed", obj=locked, actor=actor)
    return locked


@transaction.atomic
def switch_source(*, actor: User, source: SignalSource, on: bool) -> SignalSource:
    """Let a source make orders, or not; a repeat is a no-op."""
    locked = lock_rows(SignalSource.objects.filter(pk=source.pk))[0]
    if locked.is_on != on:
        locked.is_on = on
        locked.save(update_fields=["is_on"])
        audit(action="signal_source.switched", obj=locked, actor=actor, after={"on": on})
    return locked


@transaction.atomic
def silence(portfolio: Portfolio) -> None:
    """Switch a portfolio's sources off and make their secrets anew: who knew them answers for it no more."""
    _silence(SignalSource.objects.filter(portfolio=portfolio))


@transaction.atomic
def silence_with_role(workspace: Workspace, user_id: UUID, lost: frozenset[str]) -> None:
    """Do so for all of a workspace's sources when somebody who could read their secrets may do so no more."""
    if Permission.MANAGE_KEYS in lost:
        _silence(SignalSource.objects.filter(portfolio__workspace=workspace))


def _silence(sources: QuerySet[SignalSource]) -> None:
    for locked in lock_rows(sources):
        locked.is_on, locked.version = False, locked.version + 1
        locked.save(update_fields=["is_on", "version"])
        audit(action="signal_source.silenced", obj=locked, after={"on": False})


@transaction.atomic
def hear(*, source: SignalSource, heard: Heard) -> Signal:
    """Make the order that a signal asks for; the same signal again returns the first one.

    An order that cannot be is stored DENIED with the reason, as a strategy's is. A signal that asks for nothing that
    could be done raises, and is not kept.
    """
    # The portfolio first, as whoever moves it between a person and a workspace takes the two.
    lock_portfolios([source.portfolio_id])
    locked = lock_rows(SignalSource.objects.filter(pk=source.pk).select_related("portfolio"))[0]
    if not locked.is_on:
        raise DomainError("SIGNALS_OFF", "This source is switched off; its owner switches it on.", status=409)
    if known := Signal.objects.filter(source=locked, key=heard.key).select_related("order").first():
        return known
    signal = _read(locked, heard)
    signal.order = _order(locked, signal)
    signal.save()
    locked.last_heard_at = signal.heard_at
    locked.save(update_fields=["last_heard_at"])
    return signal


def _read(source: SignalSource, heard: Heard) -> Signal:
    """Return what a signal asks for, unsaved."""
    fields = heard.fields
    if unknown := sorted(set(fields) - _FIELDS):
        raise DomainError("SIGNAL_INVALID", f"A signal has no {', '.join(unknown)}.", {"field": unknown[0]})
    action = str(fields.get("action", "")).upper()
    if action not in SignalAction.values:
        raise DomainError("SIGNAL_INVALID", "Say `action`: buy, sell or close.", {"field": "action"})
    symbol = str(fields.get("instrument", ""))
    instrument = _instrument(source.portfolio, symbol)
    if instrument is None:
        message = (
            f"This portfolio trades no {symbol or 'instrument without a name'}; send `instrument`, as in BTC-USDT."
        )
        raise DomainError("SIGNAL_INVALID", message, {"field": "instrument"})
    quantity, share = (_amount(fields, name) for name in ("quantity", "equity_share"))
    if action != SignalAction.CLOSE and (quantity is None) == (share is None):
        message = "Say how much: `quantity` in base units, or `equity_share` from 0 to 1."
        raise DomainError("SIGNAL_INVALID", message, {"field": "quantity"})
    if share is not None and not ZERO < share <= ONE:
        raise DomainError("SIGNAL_INVALID", "`equity_share` is above 0 and at most 1.", {"field": "equity_share"})
    if quantity is not None:
        check_quantity(quantity, instrument)
    return Signal(
        source=source,
        key=heard.key,
        action=action,
        instrument=instrument,
        quantity=quantity,
        equity_share=share,
        heard_at=wall_now(),
    )


def _instrument(portfolio: Portfolio, symbol: str) -> Instrument | None:
    """Return what a symbol names: what is held of that name, though it may be opened no more, before what could be."""
    found = ticket_instruments(portfolio).filter(symbol=symbol)
    held = Position.objects.filter(portfolio=portfolio).exclude(quantity=ZERO)
    return found.filter(pk__in=held.values("instrument")).first() or found.first()


def _amount(fields: object, name: str) -> Decimal | None:
    value = fields.get(name) if isinstance(fields, dict) else None
    if value is None:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise DomainError("SIGNAL_INVALID", f"`{name}` is no number.", {"field": name})
    return amount


def _order(source: SignalSource, signal: Signal) -> Order:
    portfolio, instrument = source.portfolio, signal.instrument
    refuse_foreign(portfolio, instrument)
    locked = lock_by_hand(portfolio)
    cause = Cause(CauseKind.SIGNAL, deterministic_id("signal", source.pk, signal.key))
    if signal.action == SignalAction.CLOSE:
        return _close(locked, instrument, cause)
    quantity = signal.quantity if signal.quantity is not None else _stake(locked, instrument, signal.equity_share)
    side = Side.BUY if signal.action == SignalAction.BUY else Side.SELL
    # On margin it closes what is held on the other side, and opens with the rest.
    return store_orders(asked_rows(locked, instrument, side, quantity, cause, [PLAIN]))[0]


def _close(portfolio: Portfolio, instrument: Instrument, cause: Cause) -> Order:
    position = Position.objects.filter(portfolio=portfolio, instrument=instrument).exclude(quantity=ZERO).first()
    if position is None:
        raise DomainError("NOTHING_TO_CLOSE", f"The portfolio holds nothing of {instrument.symbol}.", status=409)
    return submit_order(
        portfolio=portfolio,
        instrument=instrument,
        side=Side.SELL if position.quantity > ZERO else Side.BUY,
        leg=Leg.CLOSE,
        quantity=abs(position.quantity),
        cause=cause,
        closed_fraction=ONE,
    )


def _stake(portfolio: Portfolio, instrument: Instrument, share: Decimal | None) -> Decimal:
    """Return how much a share of the portfolio's equity is, at the newest price."""
    price = latest_prices([instrument]).get(instrument.pk)
    if price is None:
        raise DomainError("PRICE_UNKNOWN", f"There is no price for {instrument.symbol} yet.", status=409)
    equity = worth_of([portfolio])[portfolio.pk].equity
    quantity = stake_quantity(
        equity=max(equity, ZERO), share=share or ZERO, price=price.price, lot_step=instrument.lot_step
    )
    if not quantity:
        message = f"That share of equity is less than the smallest lot of {instrument.symbol}."
        raise DomainError("QUANTITY_BELOW_MINIMUM", message, status=409)
    return quantity
