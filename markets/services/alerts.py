"""Price alerts: made and canceled by their owners, fired and armed again by the feed; each firing told exactly once.

Each change takes the next number of its namespace, under that namespace's lock: numbers become visible in their order, so
a feed that has seen number n has seen every change up to n.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from uuid import UUID

from django.db import transaction

from accounts.models import LimitName, User
from accounts.selectors import check_limit
from accounts.services import audit, notify
from common import display
from common.clock import market_now
from common.errors import DomainError
from common.failpoints import failpoint
from common.fields import canonical
from engine.timeframes import TIMEFRAMES
from markets.models import AlertBook, AlertKind, AlertState, Instrument, InstrumentState, PriceAlert
from markets.selectors import MOVE_WINDOWS_SECONDS, SPIKE_TIMEFRAMES, waiting_alerts

# A repeating alert rests at least this long, and never shorter than its window: one move is told once.
LEAST_COOL_DOWN_SECONDS = 60
MOST_COOL_DOWN_SECONDS = 30 * 86_400
_MOST_NOTE = 120
# By kind: the least and most level that means something, and the words for another.
_LEVELS: dict[str, tuple[Decimal, Decimal, str]] = {
    AlertKind.MOVE: (Decimal("0.001"), Decimal(10), "Choose a move of 0.1 % to 1000 %."),
    AlertKind.VOLUME_SPIKE: (Decimal("1.1"), Decimal(1000), "Choose 1.1 to 1000 times the usual volume."),
}
# More digits than any price and tick have together; no price is of twenty, and no move or multiple so fine.
_EXACT, _MOST_PRICE, _FINEST = Context(prec=80), Decimal(10) ** 20, Decimal("0.000001")
_SPIKE_SECONDS = {TIMEFRAMES[timeframe] // 1000: timeframe for timeframe in SPIKE_TIMEFRAMES}


@dataclass(frozen=True, slots=True)
class Firing:
    """What reached an alert: the price (None where only the candle's volume did) and the market time."""

    alert_id: UUID
    at: datetime
    price: Decimal | None


@transaction.atomic
def create_alert(
    *,
    owner: User,
    instrument: Instrument,
    kind: AlertKind,
    level: Decimal,
    window_seconds: int | None = None,
    repeats: bool = False,
    cool_down_seconds: int = 0,
    note: str = "",
) -> PriceAlert:
    """Arm an alert; what is true already is told at once.

    One that repeats rests for its cool-down after each time (at least a minute and its window), and a price alert until
    the price has been on the other side again. Refusals: LIMIT_REACHED, INSTRUMENT_NOT_TRADABLE, ALERT_LEVEL_NOT_VALID,
    ALERT_WINDOW_NOT_VALID, ALERT_COOL_DOWN_NOT_VALID, ALERT_NOTE_TOO_LONG.
    """
    if instrument.state != InstrumentState.ACTIVE:
        raise DomainError("INSTRUMENT_NOT_TRADABLE", f"{instrument.symbol} is no longer traded: no price will come.")
    _check_level(kind, level, instrument)
    _check_window(kind, window_seconds)
    if len(note) > _MOST_NOTE:
        raise DomainError("ALERT_NOTE_TOO_LONG", f"Write a note of at most {_MOST_NOTE} characters.", {"field": "note"})
    # The lock comes before the count: two requests at once must not both find room.
    book = _lock(instrument.market.namespace)
    check_limit(owner, LimitName.PRICE_ALERTS, waiting_alerts().filter(owner=owner).count())
    alert = PriceAlert(
        owner=owner,
        instrument=instrument,
        namespace=book.namespace,
        kind=kind,
        level=level,
        window_seconds=window_seconds,
        repeats=repeats,
        cool_down_seconds=_cool_down(cool_down_seconds, window_seconds) if repeats else 0,
        note=note,
        armed_at=market_now(book.namespace),
        change=_next(book),
    )
    alert.save()
    book.save(update_fields=["last_change"])
    # The note is the owner's own words, and stays out.
    after = {"instrument": str(instrument.pk), "kind": kind, "level": canonical(level), "repeats": repeats}
    audit(action="alert.created", obj=alert, actor=owner, after=after)
    return alert


@transaction.atomic
def cancel_alert(*, alert: PriceAlert) -> PriceAlert:
    """Take an alert back. One that was told already, or canceled, stays as it is."""
    book = _lock(alert.namespace)
    if waiting_alerts().filter(pk=alert.pk).update(state=AlertState.CANCELED, change=_next(book)):
        book.save(update_fields=["last_change"])
        before, after = {"state": alert.state}, {"state": AlertState.CANCELED}
        audit(action="alert.canceled", obj=alert, actor=alert.owner, before=before, after=after)
    alert.refresh_from_db()
    return alert


@transaction.atomic
def forget_alerts(*, owner: User) -> int:
    """Delete the owner's alerts that wait for nothing any more, and return how many."""
    ended = PriceAlert.objects.filter(owner=owner, state__in=[AlertState.FIRED, AlertState.CANCELED])
    count = ended.delete()[0]
    if count:
        audit(action="alerts.forgotten", obj=owner, actor=owner, before={"count": count})
    return count


@transaction.atomic
def fire_alerts(*, namespace: str, firings: Iterable[Firing]) -> list[UUID]:
    """Tell the owners of those alerts that still wait, all in one transaction, and return which fired.

    The state changes by a conditional UPDATE beside the notification's row: killed before the commit, nothing was said
    and the alert is still armed; after it, nobody says it again.
    """
    by_id = {firing.alert_id: firing for firing in firings}
    book = _lock(namespace)
    waiting = PriceAlert.objects.filter(pk__in=by_id, state=AlertState.ARMED).select_related(
        "owner", "instrument__exchange", "instrument__market"
    )
    fired: list[UUID] = []
    for alert in waiting.order_by("pk"):
        firing = by_id[alert.pk]
        armed = PriceAlert.objects.filter(pk=alert.pk, state=AlertState.ARMED)
        changed = armed.update(
            state=AlertState.RESTING if alert.repeats else AlertState.FIRED,
            fired_at=firing.at,
            times_fired=alert.times_fired + 1,
            change=_next(book),
        )
        if changed:
            notify(user=alert.owner, event="alert.fired", context=_facts(alert, firing))
            fired.append(alert.pk)
    failpoint("alerts-told")
    book.save(update_fields=["last_change"])
    return fired


@transaction.atomic
def rearm_alerts(*, namespace: str, alert_ids: Sequence[UUID]) -> int:
    """Let those of the alerts that rest wait again, from now on, and return how many."""
    book, now, count = _lock(namespace), market_now(namespace), 0
    for alert_id in sorted(alert_ids):
        resting = PriceAlert.objects.filter(pk=alert_id, state=AlertState.RESTING)
        count += resting.update(state=AlertState.ARMED, armed_at=now, change=_next(book))
    book.save(update_fields=["last_change"])
    return count


def _lock(namespace: str) -> AlertBook:
    return AlertBook.objects.select_for_update(no_key=True).get_or_create(namespace=namespace)[0]


def _next(book: AlertBook) -> int:
    book.last_change += 1
    return book.last_change


def _check_level(kind: AlertKind, level: Decimal, instrument: Instrument) -> None:
    if kind in _LEVELS:
        least, most, words = _LEVELS[kind]
        if not level.is_finite() or not least <= level <= most or _EXACT.remainder(level, _FINEST):
            raise DomainError("ALERT_LEVEL_NOT_VALID", words, {"field": "level"})
    elif not level.is_finite() or not 0 < level < _MOST_PRICE or _EXACT.remainder(level, instrument.tick_size):
        message = f"Choose a price above zero, in steps of {canonical(instrument.tick_size)}."
        raise DomainError("ALERT_LEVEL_NOT_VALID", message, {"field": "level"})


def _check_window(kind: AlertKind, seconds: int | None) -> None:
    choices: tuple[int | None, ...] = (None,)
    if kind == AlertKind.MOVE:
        choices = MOVE_WINDOWS_SECONDS
    elif kind == AlertKind.VOLUME_SPIKE:
        choices = tuple(_SPIKE_SECONDS)
    if seconds not in choices:
        named = ", ".join(str(choice) for choice in choices if choice)
        message = f"Choose a window of {named} seconds." if named else "A price alert has no window."
        raise DomainError("ALERT_WINDOW_NOT_VALID", message, {"field": "window_seconds"})


def _cool_down(seconds: int, window_seconds: int | None) -> int:
    if not 0 <= seconds <= MOST_COOL_DOWN_SECONDS:
        message = f"Choose a cool-down of 0 to {MOST_COOL_DOWN_SECONDS} seconds."
        raise DomainError("ALERT_COOL_DOWN_NOT_VALID", message, {"field": "cool_down_seconds"})
    return max(seconds, LEAST_COOL_DOWN_SECONDS, window_seconds or 0)


def _facts(alert: PriceAlert, firing: Firing) -> dict[str, str]:
    """Return what the notification's wording names."""
    instrument = alert.instrument
    price = "" if firing.price is None else display.price(firing.price, instrument.tick_size)
    return {
        "alert": str(alert.pk),
        "instrument": str(instrument.pk),
        "symbol": instrument.symbol,
        "exchange": instrument.exchange.name,
        "what": _what(alert, price),
        "price": price,
        "at": firing.at.isoformat(),
        "note": alert.note,
    }


def _what(alert: PriceAlert, price: str) -> str:
    quote = alert.instrument.market.quote_id
    if alert.kind == AlertKind.VOLUME_SPIKE:
        timeframe = _SPIKE_SECONDS[alert.window_seconds or 0]
        return f"traded at least {canonical(alert.level)} times its usual volume in {timeframe}"
    if alert.kind == AlertKind.MOVE:
        minutes = (alert.window_seconds or 0) // 60
        return f"moved at least {canonical(alert.level * 100)} % within {minutes} minutes, to {price} {quote}"
    verb = "rose" if alert.kind == AlertKind.ABOVE else "fell"
    return f"{verb} to {price} {quote}"
