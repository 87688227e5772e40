"""Checked candle files enter the store, under an instrument that is made known where it is not."""

from __future__ import annotations

from django.db import transaction

from common.errors import DomainError
from markets.candle_store import UpsertCounts
from markets.importing import CandleFile, steps_seen
from markets.models import Exchange, Instrument, MarketKind, SourceKind
from markets.selectors import instruments
from markets.services.candles import store_candles
from markets.services.instruments import register_exchange, register_instrument

# Venues of this namespace are real ones: their markets are the same wherever they are traded.
REAL_NAMESPACE = "real"


def store_candle_file(*, file: CandleFile) -> tuple[Instrument, UpsertCounts]:
    """Write a file's candles into the store, idempotently.

    An unknown exchange is registered as a real one; an unknown instrument with the steps that its prices and volumes
    show, to be corrected by an operator before anybody trades it.
    """
    if not file.exchange_code or not file.pair:
        raise DomainError(
            "INSTRUMENT_NOT_NAMED",
            f"{file.path.name} does not say whose candles it holds: name them with --exchange and --instrument.",
        )
    instrument = _instrument(file)
    return instrument, store_candles(instrument=instrument, timeframe=file.timeframe, candles=file.candles)


@transaction.atomic
def _instrument(file: CandleFile) -> Instrument:
    base, quote, contract = _parts(file.pair)
    exchange = Exchange.objects.filter(code=file.exchange_code).first() or register_exchange(
        code=file.exchange_code,
        name=file.exchange_code.capitalize(),
        namespace=REAL_NAMESPACE,
        source_kind=SourceKind.REAL,
    )
    known = instruments().filter(exchange=exchange, market__base=base, market__quote=quote, market__contract=contract)
    if found := known.first():
        return found
    tick_size, lot_step = steps_seen(file.candles)
    return register_instrument(
        exchange=exchange,
        base=base,
        quote=quote,
        contract=contract,
        kind=MarketKind.PERPETUAL if contract else MarketKind.SPOT,
        tick_size=tick_size,
        lot_step=lot_step,
        min_quantity=lot_step,
    )


def _parts(pair: str) -> tuple[str, str, str]:
    base, quote, contract = (*pair.split("-", 2), "", "")[:3]
    if not base or not quote:
        raise DomainError("INSTRUMENT_NOT_NAMED", f"{pair!r} is no pair: write BASE-QUOTE, such as BTC-USDT.")
    return base, quote, contract
