"""Funding: at its times an instrument's positions on paper pay each other, each once, at one rate and one mark price.

The rate is what the venue's feed says for the time that comes; made-up and replayed markets have one of their own, which
follows from symbol and time. The mark price is the newest when the time is settled.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import CharField

from common.db import Slot, bulk_insert, bulk_save
from common.fields import DecimalSum
from common.prepared import Prepared
from common.realtime import publish
from engine.decimals import ZERO
from engine.margin import FUNDING_INTERVAL, funding_times, made_up_rate
from markets.boards import latest_funding
from markets.models import Instrument
from markets.prices import latest_prices
from markets.selectors import instruments_by_id
from portfolios.margin_models import FundingPayment, FundingTime
from portfolios.models import Position
from portfolios.services.books import lock_portfolios
from portfolios.services.margin import Funding, book_funding
from trading.models import Fill, Side
from trading.services.triggers import hint_at_margins

BATCH = 500


_ON_MARGIN = Prepared(
    lambda: (
        Position.objects.filter(portfolio__namespace=Slot("namespace", CharField()), portfolio__account=None)
        .exclude(margin_mode="")
        .values_list("instrument_id")
        .distinct()
    )
)


def run_funding(*, namespace: str, until: datetime) -> int:
    """Settle the funding times of a namespace that have come by a moment of market time; return how many positions paid.

    One statement where nothing was ever held on margin. Called again, or by two at once, it pays nobody twice.
    """
    ids = {pk for (pk,) in _ON_MARGIN.rows(namespace=namespace)}
    if not ids:
        return 0
    known = instruments_by_id(ids)
    _note_times(known.values(), until)
    due = FundingTime.objects.filter(instrument__in=ids, is_settled=False, at__lte=until).order_by("at", "pk")
    return sum(_settle(pk, known[instrument_id]) for pk, instrument_id in due.values_list("pk", "instrument_id"))


def _note_times(instruments: Iterable[Instrument], until: datetime) -> None:
    """Write down the times that are to come, or have come since the last ones, with their rates."""
    perpetuals = list(instruments)
    told = [one for one in perpetuals if one.exchange.dialect]
    made_up = [one for one in perpetuals if not one.exchange.dialect]
    said = latest_funding(told) if told else {}
    expected = {(pk, one.at): one.rate for pk, one in said.items() if one.at > until}
    rates = dict(expected)
    for one in made_up:
        rates |= {(one.pk, at): made_up_rate(one.symbol, at) for at in funding_times(until - FUNDING_INTERVAL, until)}
    rows = FundingTime.objects.filter(instrument__in=[pk for pk, _ in rates], at__in={at for _, at in rates})
    known = {(row.instrument_id, row.at): row for row in rows} if rates else {}
    fresh = [
        FundingTime(instrument_id=pk, at=at, rate=rate) for (pk, at), rate in rates.items() if (pk, at) not in known
    ]
    bulk_insert(FundingTime, fresh, ignore_conflicts=True)
    moved = [row for key, row in known.items() if row.rate != expected.get(key, row.rate)]
    for row in moved:
        row.rate = expected[row.instrument_id, row.at]
    bulk_save(FundingTime, moved, ["rate"])


def _settle(time_id: int, instrument: Instrument) -> int:
    """Have every position pay at a funding time, batch by batch; nothing while the instrument has no price."""
    newest = latest_prices([instrument]).get(instrument.pk)
    if newest is None:
        return 0
    with transaction.atomic():
        time = FundingTime.objects.select_for_update(no_key=True).get(pk=time_id)
        if time.mark is None:
            time.mark = newest.price
            time.save(update_fields=["mark"])
    books = Position.objects.filter(instrument=instrument, portfolio__account=None).exclude(margin_mode="")
    ids = sorted(books.values_list("portfolio_id", flat=True))
    paid = sum(_pay(time, instrument, ids[start : start + BATCH]) for start in range(0, len(ids), BATCH))
    FundingTime.objects.filter(pk=time_id).update(is_settled=True)
    return paid


@transaction.atomic
def _pay(time: FundingTime, instrument: Instrument, portfolio_ids: list[UUID]) -> int:
    """Pay what these portfolios held at the time, those that have not: a constant number of statements."""
    portfolios = lock_portfolios(portfolio_ids)
    payments = FundingPayment.objects.filter(instrument=instrument, happened_at=time.at, portfolio_id__among=portfolios)
    paid = set(payments.values_list("portfolio_id", flat=True))
    held = held_at(instrument, [pk for pk in portfolios if pk not in paid], time.at)
    assert time.mark is not None, "it is marked before anybody pays"
    due = [
        Funding(pk, instrument, quantity, time.at, time.mark, time.rate) for pk, quantity in held.items() if quantity
    ]
    if not due:
        return 0
    book_funding(due)
    hint_at_margins({portfolios[one.portfolio_id].namespace for one in due})
    news = {"refresh": ["positions", "summary", "ledger"]}
    publish([(f"portfolio:{one.portfolio_id}", news) for one in due])
    return len(due)


def held_at(instrument: Instrument, portfolio_ids: list[UUID], at: datetime) -> dict[UUID, Decimal]:
    """Return what locked portfolios held at a moment: what they hold now without the fills since."""
    if not portfolio_ids:
        return {}
    positions = Position.objects.filter(portfolio_id__among=portfolio_ids, instrument=instrument)
    held: dict[UUID, Decimal] = dict(positions.values_list("portfolio_id", "quantity"))
    since = Fill.objects.filter(portfolio_id__among=portfolio_ids, instrument=instrument, happened_at__gt=at)
    for pk, side, quantity in since.values_list("portfolio_id", "side").annotate(DecimalSum("quantity")):
        held[pk] -= quantity if side == Side.BUY else -quantity
    return {pk: held.get(pk, ZERO) for pk in portfolio_ids}
