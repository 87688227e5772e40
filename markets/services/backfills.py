"""Backfills: asked for, canceled, and moved on page by page by the one who loads them (markets/backfilling.py)."""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet

from accounts.models import LimitName, User
from accounts.selectors import check_limit
from accounts.services import audit, changes
from common.clock import market_now
from common.db import lock_rows
from common.errors import DomainError
from common.realtime import publish
from engine.candles import Candles
from engine.timeframes import candle_start, milliseconds, moment, timeframe_ms
from markets.history import open_backfills, topic_message
from markets.models import Backfill, BackfillState, Exchange, Instrument, InstrumentState
from markets.selectors import known_timeframe
from markets.services.candles import store_candles

# Two years of minutes: what one request may ask of a venue.
MOST_CANDLES = 2 * 366 * 1440
# A venue's clock may be behind ours: its newest candle is left to the next request.
_SETTLED = timedelta(seconds=5)
_EARLIEST = datetime(2009, 1, 3, tzinfo=UTC)
_MOST_WORDS = 400


@transaction.atomic
def request_backfill(
    *,
    instrument: Instrument,
    timeframe: str,
    start: datetime,
    end: datetime | None = None,
    requested_by: User | None = None,
) -> Backfill:
    """Have the closed candles between `start` and `end` (default: market time) loaded; what is stored is not asked for.

    One backfill per series is open: a second request extends it, and where somebody else made it, it is nobody's alone
    from then on. `requested_by` None is the platform, which no limit binds. Refusals: TIMEFRAME_UNKNOWN,
    EXCHANGE_NOT_CONNECTED, INSTRUMENT_NOT_TRADABLE, STRETCH_NOT_VALID, STRETCH_TOO_LONG, LIMIT_REACHED.
    """
    _refuse_unfit(instrument, known_timeframe(timeframe))
    start, end = _stretch(instrument, timeframe, start, end)
    if requested_by is not None:
        lock_rows(User.objects.filter(pk=requested_by.pk))  # two requests at once must not both find room
    # One after another per instrument, so that two make one row.
    lock_rows(Instrument.objects.filter(pk=instrument.pk))
    known = open_backfills([instrument]).filter(timeframe=timeframe).first()
    if known is not None:
        return _extended(known, start, end, requested_by)
    if requested_by is not None:
        check_limit(requested_by, LimitName.BACKFILLS, open_backfills().filter(requested_by=requested_by).count())
    made = Backfill.objects.create(
        instrument=instrument, timeframe=timeframe, start=start, end=end, reached_at=start, requested_by=requested_by
    )
    _audit("backfill.requested", made, requested_by, None)
    _tell(made)
    return made


def _refuse_unfit(instrument: Instrument, timeframe: str) -> None:
    if not instrument.exchange.dialect or not instrument.gateway_symbol:
        message = f"{instrument.exchange} is not connected to a venue: there is nobody to ask for its past."
        raise DomainError("EXCHANGE_NOT_CONNECTED", message)
    if instrument.state != InstrumentState.ACTIVE:
        message = (
            f"{instrument.symbol} is no longer traded at {instrument.exchange}, which tells nothing of it any more."
        )
        raise DomainError("INSTRUMENT_NOT_TRADABLE", message)


def _stretch(
    instrument: Instrument, timeframe: str, start: datetime, end: datetime | None
) -> tuple[datetime, datetime]:
    """Return the stretch on the timeframe's grid, its end no later than the candle that forms now."""
    now = market_now(instrument.market.namespace) - _SETTLED
    first = moment(candle_start(milliseconds(max(start, _EARLIEST)), timeframe))
    last = moment(candle_start(milliseconds(min(end or now, now)), timeframe))
    if first >= last:
        message = f"Nothing of {timeframe} has closed in that stretch: choose a start further back."
        raise DomainError("STRETCH_NOT_VALID", message, {"field": "start"})
    if (last - first) / timedelta(milliseconds=timeframe_ms(timeframe)) > MOST_CANDLES:
        message = f"That is more than {MOST_CANDLES:,} candles: choose a later start or a longer timeframe."
        raise DomainError("STRETCH_TOO_LONG", message, {"field": "start"})
    return first, last


def _extended(known: Backfill, start: datetime, end: datetime, asker: User | None) -> Backfill:
    before = copy(known)
    if asker is None or known.requested_by_id != asker.pk:
        known.requested_by = None
    if start < known.start:
        # From there again: what is stored by now is passed over.
        known.start = known.reached_at = start
    known.end = max(known.end, end)
    known.save(update_fields=["requested_by", "start", "reached_at", "end"])
    _audit("backfill.extended", known, asker, before)
    return known


def _audit(action: str, backfill: Backfill, actor: User | None, before: Backfill | None) -> None:
    """Write down what a person asked for; what the platform loads for itself is nobody's act."""
    if actor is not None:
        audit(action=action, obj=backfill, actor=actor, **changes(before, backfill))


@transaction.atomic
def cancel_backfill(*, backfill: Backfill) -> Backfill:
    """Ask for no more candles; what is stored stays. One that has ended stays as it is."""
    if _open(backfill).update(state=BackfillState.CANCELED):
        before, after = {"state": backfill.state}, {"state": BackfillState.CANCELED}
        audit(action="backfill.canceled", obj=backfill, before=before, after=after)
        _tell(backfill)
    backfill.refresh_from_db()
    return backfill


# --- by the one who loads them --------------------------------------------------------------------------------------
@transaction.atomic
def next_backfill(*, exchange: Exchange) -> Backfill | None:
    """Return the backfill of an exchange that is to go on, now RUNNING: what the platform needs first, then the oldest."""
    found = open_backfills().filter(instrument__exchange=exchange)
    is_a_persons = ExpressionWrapper(Q(requested_by__isnull=False), output_field=BooleanField())
    backfill = found.order_by(is_a_persons, "pk").first()
    if backfill is not None and backfill.state != BackfillState.RUNNING:
        if not _open(backfill).update(state=BackfillState.RUNNING):
            return None
        backfill.state = BackfillState.RUNNING
        _tell(backfill)
    return backfill


def store_page(*, backfill: Backfill, candles: Candles) -> bool:
    """Store a page and note how far it reached; False where the row has changed under the loader's hands.

    The page comes first: whoever is killed in between asks for it once more, and finds it stored.
    """
    store_candles(instrument=backfill.instrument, timeframe=backfill.timeframe, candles=candles)
    reached_at = moment(int(candles.opened_at[-1]) + timeframe_ms(backfill.timeframe))
    return note_reached(backfill=backfill, reached_at=reached_at)


@transaction.atomic
def note_reached(*, backfill: Backfill, reached_at: datetime) -> bool:
    """Note that everything before `reached_at` is loaded; False where it was canceled or begun again further back."""
    here = _open(backfill).filter(start=backfill.start, reached_at=backfill.reached_at)
    if not here.update(reached_at=reached_at, error=""):
        return False
    backfill.reached_at, backfill.error = reached_at, ""
    _tell(backfill)
    return True


@transaction.atomic
def finish_backfill(*, backfill: Backfill) -> bool:
    """Mark a backfill as loaded; False where it was extended meanwhile, and goes on."""
    done = _open(backfill).filter(start=backfill.start, reached_at__gte=F("end"))
    if not done.update(state=BackfillState.DONE, error=""):
        return False
    _tell(backfill)
    return True


@transaction.atomic
def fail_backfill(*, backfill: Backfill, error: str) -> None:
    """Give a backfill up, saying why in words; what is stored stays."""
    if _open(backfill).update(state=BackfillState.FAILED, error=error[:_MOST_WORDS]):
        _tell(backfill)


@transaction.atomic
def note_trouble(*, backfill: Backfill, error: str) -> None:
    """Say what keeps an open backfill from going on at the moment."""
    if backfill.error != error[:_MOST_WORDS]:
        backfill.error = error[:_MOST_WORDS]
        _open(backfill).update(error=backfill.error)
        _tell(backfill)


def _open(backfill: Backfill) -> QuerySet[Backfill]:
    return open_backfills().filter(pk=backfill.pk)


def _tell(backfill: Backfill) -> None:
    publish([topic_message(backfill)])
