"""Exchanges and instruments: registered, changed by their venue, retired. Nothing is ever deleted: history names it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.db import lock_rows
from common.errors import DomainError
from common.fields import canonical
from engine.decimals import money
from markets.gateway.venues import VENUES
from markets.models import Asset, Exchange, Instrument, InstrumentState, Market, MarketKind, SourceKind

# What a venue may change about an instrument at any time.
RULES = ("tick_size", "lot_step", "min_quantity", "min_notional", "maker_fee_bps", "taker_fee_bps")
DEFAULT_FEE_BPS = Decimal(10)


@transaction.atomic
def register_exchange(*, code: str, name: str, namespace: str, source_kind: SourceKind) -> Exchange:
    """Make an exchange known; one that is known already must be the same."""
    exchange, is_new = Exchange.objects.get_or_create(
        code=code, defaults={"name": name, "namespace": namespace, "source_kind": source_kind}
    )
    if (exchange.namespace, exchange.source_kind) != (namespace, source_kind):
        raise DomainError(
            "EXCHANGE_DIFFERS",
            f"The exchange {code!r} is known with other prices: choose another code.",
            {"namespace": exchange.namespace, "source_kind": exchange.source_kind},
        )
    if is_new:
        audit(action="exchange.registered", obj=exchange, after={"code": code, "namespace": namespace})
    return exchange


@transaction.atomic
def connect_exchange(*, exchange: Exchange, dialect: str, base_url: str = "", is_sandbox: bool = False) -> Exchange:
    """Say how to speak to a venue that is reached over the network; from then on its instruments are synchronised."""
    if exchange.source_kind != SourceKind.REAL:
        raise DomainError("EXCHANGE_NOT_REAL", f"{exchange} makes its prices here: there is nothing to connect it to.")
    if dialect not in VENUES:
        raise DomainError("VENUE_UNKNOWN", f"{dialect[:40]!r} is no venue: choose one of {', '.join(VENUES)}.")
    if base_url and not base_url.startswith(("http://", "https://")):
        raise DomainError("BASE_URL_NOT_VALID", "A base URL begins with http:// or https://.")
    [locked] = lock_rows(Exchange.objects.filter(pk=exchange.pk))
    after: dict[str, Any] = {"dialect": dialect, "base_url": base_url, "is_sandbox": is_sandbox}
    before = {name: getattr(locked, name) for name in after}
    if before != after:
        for name, value in after.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(after))
        audit(action="exchange.connected", obj=locked, before=before, after=after)
    return locked


@transaction.atomic
def register_instrument(
    *,
    exchange: Exchange,
    base: str,
    quote: str,
    contract: str = "",
    kind: MarketKind = MarketKind.SPOT,
    symbol: str = "",
    tick_size: Decimal,
    lot_step: Decimal,
    min_quantity: Decimal = Decimal(0),
    min_notional: Decimal = Decimal(0),
    maker_fee_bps: Decimal = DEFAULT_FEE_BPS,
    taker_fee_bps: Decimal = DEFAULT_FEE_BPS,
) -> Instrument:
    """Make an instrument known, or bring its rules up to date; whether it is retired stays as it is.

    Without a symbol of the venue's own it is called BASE-QUOTE[-CONTRACT].
    """
    rules = dict(
        zip(RULES, (tick_size, lot_step, min_quantity, min_notional, maker_fee_bps, taker_fee_bps), strict=True)
    )
    check_rules(rules)
    for code in (base, quote):
        Asset.objects.get_or_create(code=code)
    market, _ = Market.objects.get_or_create(
        namespace=exchange.namespace, kind=kind, base_id=base, quote_id=quote, contract=contract
    )
    instrument, is_new = Instrument.objects.get_or_create(
        exchange=exchange, symbol=symbol or str(market), defaults={"market": market, **rules}
    )
    if instrument.market_id != market.id:
        raise DomainError(
            "SYMBOL_TAKEN",
            f"On {exchange} the symbol {instrument.symbol!r} already names {instrument.market}: choose another.",
        )
    if is_new:
        audit(action="instrument.registered", obj=instrument, after=plain(rules))
    else:
        _update_rules(instrument, rules)
    instrument.exchange, instrument.market = exchange, market
    return instrument


def retire_instrument(*, instrument: Instrument, actor: User | None = None) -> Instrument:
    """Take an instrument out of trading: opens are refused, what is held can be sold, history stays."""
    return _set_state(instrument, InstrumentState.RETIRED, "instrument.retired", actor)


def relist_instrument(*, instrument: Instrument, actor: User | None = None) -> Instrument:
    """Let a retired instrument be traded again."""
    return _set_state(instrument, InstrumentState.ACTIVE, "instrument.relisted", actor)


@transaction.atomic
def _set_state(instrument: Instrument, state: InstrumentState, action: str, actor: User | None) -> Instrument:
    [locked] = lock_rows(Instrument.objects.filter(pk=instrument.pk))
    if locked.state != state:
        audit(action=action, obj=locked, actor=actor, before={"state": locked.state}, after={"state": state})
        locked.state, locked.is_delisted = state, False
        locked.save(update_fields=["state", "is_delisted"])
    instrument.state, instrument.is_delisted = locked.state, locked.is_delisted
    return instrument


def check_rules(rules: Mapping[str, Decimal]) -> None:
    """Raise DomainError RULES_NOT_VALID or STEPS_TOO_FINE for rules that no amount could follow exactly."""
    wrong = [name for name, value in rules.items() if not value.is_finite() or value < 0]
    wrong += [name for name in ("tick_size", "lot_step") if rules[name] == 0]
    if wrong:
        raise DomainError(
            "RULES_NOT_VALID",
            f"Give numbers of zero or more, and steps above zero; not valid: {', '.join(wrong)}.",
            {"fields": wrong},
        )
    finest = rules["tick_size"] * rules["lot_step"]
    if finest != money(finest):
        raise DomainError(
            "STEPS_TOO_FINE",
            "Give a tick size and a lot step with at most 18 decimals together: a trade's value is kept to the last digit.",
        )


def _update_rules(instrument: Instrument, rules: dict[str, Decimal]) -> None:
    before = {name: getattr(instrument, name) for name in RULES}
    changed = [name for name in RULES if before[name] != rules[name]]
    if not changed:
        return
    for name in changed:
        setattr(instrument, name, rules[name])
    instrument.save(update_fields=changed)
    audit(
        action="instrument.rules_changed",
        obj=instrument,
        before=plain({name: before[name] for name in changed}),
        after=plain({name: rules[name] for name in changed}),
    )


def plain(rules: Mapping[str, Decimal]) -> dict[str, Any]:
    """Return rules as the audit log keeps them: canonical text."""
    return {name: canonical(value) for name, value in rules.items()}
