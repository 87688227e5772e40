"""How many may follow a lead, and with how much (copy-trading rule 33)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count
from numpy import median

from common.clock import market_now
from common.fields import DecimalSum
from engine.decimals import ZERO
from engine.following import most_capital, most_followers
from markets.models import Instrument
from markets.selectors import Span, candles_of_each
from portfolios.models import Portfolio
from portfolios.selectors import worth_of
from trading.models import MIRRORING, Fill, Follow, LeadStream

# A market's turnover is judged by its days, once there are so many of them; a younger one has no measure.
DAYS, FEWEST_DAYS = 30, 7


@dataclass(frozen=True, slots=True)
class Room:
    """What a lead takes, and what follows it already; amounts in the lead's settlement currency."""

    equity: Decimal
    most_followers: int
    most_capital: Decimal
    followers: int
    capital: Decimal

    @property
    def is_led(self) -> bool:
        """Say whether the lead is large enough to be followed by anybody."""
        return self.most_followers > 0

    def has(self, amount: Decimal) -> bool:
        """Say whether one more may follow with this amount."""
        return self.followers < self.most_followers and self.capital + amount <= self.most_capital

    @property
    def followers_note(self) -> str:
        return f"of at most {self.most_followers}"

    @property
    def capital_left(self) -> Decimal:
        return max(self.most_capital - self.capital, ZERO)


def room_of(lead: Portfolio) -> Room:
    """Return the room that a lead has now; exact under the lead's lock. Those on the waiting list take none."""
    equity = worth_of([lead])[lead.pk].equity
    stream = LeadStream.objects.filter(portfolio=lead).first()
    mirroring = Follow.objects.filter(lead=lead, state__in=MIRRORING).order_by()
    taken = mirroring.aggregate(count=Count("pk"), capital=DecimalSum("portfolio__net_deposits"))
    followers, capital = most_followers(equity), most_capital(equity, _median_turnovers(lead))
    if stream is not None and stream.most_followers is not None:
        followers = stream.most_followers
    if stream is not None and stream.most_capital is not None:
        capital = stream.most_capital
    return Room(equity, followers, capital, taken["count"], max(taken["capital"] or ZERO, ZERO))


def _median_turnovers(lead: Portfolio) -> list[Decimal]:
    """Return the median daily turnover of the markets that the lead traded in the last days, in quote units."""
    now = market_now(lead.namespace)
    recent = Fill.objects.filter(portfolio=lead, happened_at__gt=now - timedelta(days=DAYS)).order_by()
    traded = Instrument.objects.filter(pk__in=recent.values("instrument")).select_related("market", "exchange")
    spans = [Span(one, "1d", now - timedelta(days=DAYS), now) for one in traded.order_by("pk")]
    known = [candles for candles in (candles_of_each(spans) if spans else ()) if len(candles) >= FEWEST_DAYS]
    return [Decimal(repr(float(median(one.close * one.volume)))) for one in known]
