"""How an alert reads to its owner, and which live topic has an instrument's price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import User
from accounts.selectors import notifications_of
from common import display
from common.fields import canonical
from engine.timeframes import TIMEFRAMES
from markets.models import AlertKind, Instrument, PriceAlert
from markets.selectors import MOVE_WINDOWS_SECONDS, SPIKE_TIMEFRAMES

SPIKE_SECONDS = {TIMEFRAMES[timeframe] // 1000: timeframe for timeframe in SPIKE_TIMEFRAMES}
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


@dataclass(frozen=True, slots=True)
class Told:
    """What an alert's owner was told last: the price (finished text, "" where only a volume reached it), and when."""

    price: str
    at: datetime


def told_of(user: User, alerts: Iterable[PriceAlert]) -> dict[UUID, Told]:
    """Return what was told of each of the user's alerts last, as far as the notifications are still there."""
    fired = [str(alert.pk) for alert in alerts if alert.times_fired]
    if not fired:
        return {}
    found: dict[UUID, Told] = {}
    news = notifications_of(user).filter(event="alert.fired", context__alert__in=fired)
    for context in news.values_list("context", flat=True):
        # Newest first.
        at = datetime.fromisoformat(context["at"])
        found.setdefault(UUID(context["alert"]), Told(context.get("price", ""), at))
    return found


def condition(alert: PriceAlert) -> str:
    """Return what an alert waits for: "rises to 64,000.00 USDT", "moves by 5 % within 1 hour"."""
    market, seconds = alert.instrument.market, alert.window_seconds or 0
    if alert.kind == AlertKind.MOVE:
        return f"moves by {canonical(alert.level * 100)} % within {span(seconds)}"
    if alert.kind == AlertKind.VOLUME_SPIKE:
        return f"trades {canonical(alert.level)} times its usual volume in {SPIKE_SECONDS[seconds]}"
    verb = "rises" if alert.kind == AlertKind.ABOVE else "falls"
    return f"{verb} to {display.price(alert.level, alert.instrument.tick_size)} {market.quote_id}"


def repetition(alert: PriceAlert) -> str:
    """Return how often it is told: "once", "at most every 15 minutes"."""
    if not alert.repeats:
        return "once"
    return f"at most every {span(alert.cool_down_seconds).removeprefix('1 ')}"


def span(seconds: int) -> str:
    """Return a length of time in whole units: 3600 → "1 hour", 90 → "90 seconds"."""
    for length, name in _UNITS:
        if seconds >= length and seconds % length == 0:
            count = seconds // length
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return f"{seconds} seconds"


def window_choices(kind: AlertKind) -> list[tuple[int, str]]:
    """Return the windows that an alert of this kind may have, in seconds, with their words; none for a price."""
    if kind == AlertKind.MOVE:
        return [(seconds, span(seconds)) for seconds in MOVE_WINDOWS_SECONDS]
    return list(SPIKE_SECONDS.items()) if kind == AlertKind.VOLUME_SPIKE else []


def price_topic(instrument: Instrument) -> str:
    """Return the live topic that has the cells `<id>.price` and `<id>.change` of an instrument.

    A real venue lists thousands: there each instrument has a topic of its own.
    """
    return f"ticker:{instrument.pk}" if instrument.exchange.dialect else f"prices:{instrument.market.namespace}"
