"""An exchange's instruments brought up to date with what its venue lists: new, changed, gone and come back.

Nothing is deleted: what a venue no longer lists is retired. Across venues a market is one row (BTC-USDT), so that its
instruments can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction

from accounts.services import audit
from common.clock import wall_now
from common.db import bulk_insert, bulk_update, lock_rows
from common.errors import DomainError
from engine.decimals import money
from markets.gateway.protocol import MarketInfo
from markets.models import Asset, Exchange, Instrument, InstrumentState, Market, MarketKind
from markets.services.instruments import DEFAULT_FEE_BPS, RULES, check_rules, plain
from markets.signals import instruments_synchronised

_FEE_QUANTUM = Decimal("0.0001")
# A venue that suddenly lists so much less is more likely ill than gone.
_MANY, _MANY_SHARE = 10, 0.2
_LONGEST_CODE = 20
_CHANGEABLE = (*RULES, "contract_size", "gateway_symbol", "state", "is_delisted")
_Key = tuple[str, str, str, str]


@dataclass(slots=True)
class SyncReport:
    """What a synchronisation did, by symbol; `skipped` are markets that cannot be traded exactly here, with the reason."""

    registered: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    relisted: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


@transaction.atomic
def synchronise_instruments(
    *, exchange: Exchange, markets: Sequence[MarketInfo], allow_many_delisted: bool = False
) -> SyncReport:
    """Make an exchange's instruments what its venue says they are, and audit each change.

    An instrument that was made from a candle file is known by its market and keeps its symbol. One that an operator
    retired stays so. Raises DomainError MARKETS_MISSING for an empty list, and TOO_MANY_DELISTED where more than a
    fifth of the active instruments (and more than ten) would go, unless that is allowed.
    """
    if not markets:
        raise DomainError("MARKETS_MISSING", f"{exchange} listed no markets at all: nothing was changed.")
    [locked] = lock_rows(Exchange.objects.filter(pk=exchange.pk))
    report = SyncReport()
    listed = _sound(markets, report)
    known = {_key(one.market): one for one in Instrument.objects.filter(exchange=locked).select_related("market")}
    _check_delistings(locked, known, listed, allow_many_delisted)
    touched = [
        one
        for key, one in known.items()
        if (_update(one, listed[key], report) if key in listed else _delist(one, report))
    ]
    bulk_update(Instrument, touched, _CHANGEABLE)
    taken = {one.symbol for one in known.values()}
    _register(locked, [info for key, info in listed.items() if key not in known], taken, report)
    locked.synchronised_at = exchange.synchronised_at = wall_now()
    locked.save(update_fields=["synchronised_at"])
    instruments_synchronised.send(Exchange, code=locked.code)
    return report


def _sound(markets: Iterable[MarketInfo], report: SyncReport) -> dict[_Key, MarketInfo]:
    """Return the markets that can be kept, by canonical key; of two with the same key, the active and then the first."""
    found: dict[_Key, MarketInfo] = {}
    for info in sorted(markets, key=lambda one: (not one.is_active, one.symbol)):
        key = (info.kind, info.base, info.quote, info.contract)
        if reason := _reason_to_skip(info, key in found):
            report.skipped[info.symbol] = reason
        else:
            found[key] = info
    return found


def _reason_to_skip(info: MarketInfo, is_double: bool) -> str:
    if is_double:
        return "SAME_MARKET_TWICE"
    if max(map(len, (info.base, info.quote, info.settle))) > _LONGEST_CODE:
        return "ASSET_CODE_TOO_LONG"
    try:
        check_rules(_rules(info))
    except DomainError as error:
        return error.code
    return ""


def _rules(info: MarketInfo) -> dict[str, Decimal]:
    """Return a market's rules as an instrument keeps them: a rebate counts as no fee, an unknown fee as the usual one."""
    fees = [
        DEFAULT_FEE_BPS if fee is None else max(Decimal(0), fee).quantize(_FEE_QUANTUM)
        for fee in (info.maker_fee_bps, info.taker_fee_bps)
    ]
    return dict(
        zip(RULES, (info.tick_size, info.lot_step, info.min_quantity, money(info.min_notional), *fees), strict=True)
    )


def _key(market: Market) -> _Key:
    return market.kind, market.base_id, market.quote_id, market.contract


def _check_delistings(
    exchange: Exchange, known: Mapping[_Key, Instrument], listed: Mapping[_Key, MarketInfo], is_allowed: bool
) -> None:
    active = [key for key, one in known.items() if one.state == InstrumentState.ACTIVE]
    gone = [key for key in active if key not in listed or not listed[key].is_active]
    if len(gone) > max(_MANY, _MANY_SHARE * len(active)) and not is_allowed:
        raise DomainError(
            "TOO_MANY_DELISTED",
            f"{exchange} lists {len(gone)} of {len(active)} active instruments no longer: nothing was changed. "
            "Where that is true, run manage.py sync_instruments with --allow-many-delisted.",
            {"gone": len(gone), "active": len(active)},
        )


def _update(instrument: Instrument, info: MarketInfo, report: SyncReport) -> bool:
    """Bring one instrument up to date; return whether anything changed."""
    wanted = {**_rules(info), "contract_size": info.contract_size}
    changed = {name: value for name, value in wanted.items() if getattr(instrument, name) != value}
    is_new_name = instrument.gateway_symbol != info.symbol
    if changed:
        before = {name: getattr(instrument, name) for name in changed}
        audit(action="instrument.rules_changed", obj=instrument, before=plain(before), after=plain(changed))
        report.changed.append(instrument.symbol)
    for name, value in changed.items():
        setattr(instrument, name, value)
    instrument.gateway_symbol = info.symbol
    if not info.is_active:
        return _delist(instrument, report) or bool(changed) or is_new_name
    return _relist(instrument, report) or bool(changed) or is_new_name


def _delist(instrument: Instrument, report: SyncReport) -> bool:
    if instrument.state == InstrumentState.RETIRED:
        return False
    instrument.state, instrument.is_delisted = InstrumentState.RETIRED, True
    _audit_state(instrument, "instrument.delisted", InstrumentState.ACTIVE)
    report.retired.append(instrument.symbol)
    return True


def _relist(instrument: Instrument, report: SyncReport) -> bool:
    if not instrument.is_delisted:
        return False
    instrument.state, instrument.is_delisted = InstrumentState.ACTIVE, False
    _audit_state(instrument, "instrument.relisted", InstrumentState.RETIRED)
    report.relisted.append(instrument.symbol)
    return True


def _audit_state(instrument: Instrument, action: str, before: InstrumentState) -> None:
    audit(action=action, obj=instrument, before={"state": before}, after={"state": instrument.state})


def _register(exchange: Exchange, infos: Sequence[MarketInfo], taken: set[str], report: SyncReport) -> None:
    """Make new instruments known, a venue's thousand in a handful of statements and one entry of the audit log.

    `taken` are the exchange's symbols so far: another market may have been registered by hand under the usual name.
    """
    active = [info for info in infos if info.is_active]
    if not active:
        return
    codes = {code for info in active for code in (info.base, info.quote, info.settle) if code}
    bulk_insert(Asset, [Asset(code=code) for code in sorted(codes)], ignore_conflicts=True)
    markets = _markets(exchange.namespace, active)
    rows = []
    for info in active:
        market = markets[info.kind, info.base, info.quote, info.contract]
        if str(market) in taken:
            report.skipped[info.symbol] = "SYMBOL_TAKEN"
            continue
        rows.append(
            Instrument(
                exchange=exchange,
                market=market,
                symbol=str(market),
                gateway_symbol=info.symbol,
                contract_size=info.contract_size,
                **_rules(info),
            )
        )
    bulk_insert(Instrument, rows)
    report.registered = [row.symbol for row in rows]
    audit(action="exchange.instruments_registered", obj=exchange, after={"symbols": report.registered})


def _markets(namespace: str, infos: Sequence[MarketInfo]) -> dict[_Key, Market]:
    """Return the canonical markets of these, made where they are not there yet."""
    rows = [
        Market(
            namespace=namespace,
            kind=MarketKind(info.kind),
            base_id=info.base,
            quote_id=info.quote,
            contract=info.contract,
        )
        for info in infos
    ]
    bulk_insert(Market, rows, ignore_conflicts=True)
    return {_key(one): one for one in Market.objects.filter(namespace=namespace)}
