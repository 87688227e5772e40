"""What is played on margin in part of the seeds: a perpetual, long and short, with leverage, funding times and jumps of its price.

Its arithmetic is the books' own business; the venue knows quantities and money that changed hands. What a position cost is
money that has not been settled yet, so cash and cost together are what the venue's fills come to, in whatever order they came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from common.fields import canonical
from engine.decimals import ZERO
from portfolios.margin_models import FundingTime, MarginMode
from portfolios.models import Portfolio, Position
from trading.models import Side
from trading.services.closing import close_position
from trading.services.liquidation import due_for_liquidation
from trading.services.margin_terms import set_margin_terms
from trading.services.orders import place_hand_order
from trading.simulation.stage import BASE_PRICES
from trading.simulation.venue import SimulatedVenue
from trading.simulation.world import World

LEVERAGES = (1, 3, 10, 20)
# Shares of the base price that its price goes to: none is left of what is 10x, and much of what is 3x.
_JUMPS = tuple(map(Decimal, ("0.6", "0.8", "0.9", "0.94", "0.97", "1", "1.05", "1.1", "1.25", "1.5")))
_BASIS_POINT = Decimal("0.0001")


def _turn(world: World, book: int, side: int, lots: int) -> str:
    """Buy or sell at the market, whatever that closes, opens or turns."""
    traded = world.perpetual
    order = place_hand_order(
        actor=world.people["alice"],
        portfolio=world.book(book),
        instrument=traded,
        side=(Side.BUY, Side.SELL)[side],
        quantity=lots * traded.lot_step,
    )
    return order.state


def _leverage(world: World, book: int, number: int) -> str:
    leverage = LEVERAGES[number]
    set_margin_terms(
        actor=world.people["alice"],
        portfolio=world.book(book),
        instrument=world.perpetual,
        leverage=leverage,
        mode=MarginMode.ISOLATED,
    )
    return f"{leverage}x"


def _close(world: World, book: int) -> str:
    return close_position(actor=world.people["alice"], portfolio=world.book(book), instrument=world.perpetual).state


def _jump(world: World, number: int) -> str:
    base = BASE_PRICES[world.perpetual.market.base_id]
    return world.move_price(world.perpetual, base * _JUMPS[number])


def _funding(world: World, points: int) -> str:
    rate = points * _BASIS_POINT
    FundingTime.objects.get_or_create(instrument=world.perpetual, at=world.now, defaults={"rate": rate})
    return f"{rate:f}"


DOES: dict[str, Callable[..., str]] = {
    "turn": _turn,
    "leverage": _leverage,
    "close": _close,
    "jump": _jump,
    "funding": _funding,
}


# --- what must hold -------------------------------------------------------------------------------------------------------
def _on_margin() -> QuerySet[Position]:
    return Position.objects.exclude(margin_mode="")


def unsettled() -> dict[UUID, Decimal]:
    """Return by portfolio the cash that it has besides what the venue's fills come to: costs, less funding, and insurance."""
    found: defaultdict[UUID, Decimal] = defaultdict(Decimal)
    for one in _on_margin():
        found[one.portfolio_id] += one.cost - one.funding_paid + one.insured
    return found


def margins() -> dict[tuple[UUID, str], Decimal]:
    """Return by portfolio and asset what is set aside for positions."""
    found: defaultdict[tuple[UUID, str], Decimal] = defaultdict(Decimal)
    for portfolio_id, quote, margin in _on_margin().values_list("portfolio_id", "instrument__market__quote", "margin"):
        found[portfolio_id, quote] += margin
    return found


def positions_are_the_venues(venue: SimulatedVenue) -> list[str]:
    """No position on margin is lost, and none is here that is not there."""
    rows = _on_margin().values_list("portfolio_id", "instrument__symbol", "quantity")
    ours = {(portfolio_id, symbol): quantity for portfolio_id, symbol, quantity in rows}
    theirs = {key: quantity for key, quantity in venue.holdings.items() if key[1] in venue.perpetuals}
    return [
        f"{key[1]} is {canonical(ours.get(key, ZERO))}, at the venue {canonical(theirs.get(key, ZERO))}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key, ZERO) != theirs.get(key, ZERO)
    ]


def nothing_is_beyond_its_margin(venue: SimulatedVenue) -> list[str]:
    """What no longer carried its margin was liquidated."""
    books = Portfolio.objects.filter(uses_margin=True).order_by("pk")
    return [str(one.position) for book in books for one in due_for_liquidation(book)]
