"""The rules of matching as pure functions of one order and the market: when it wakes, at what price, how much, what becomes of it.

They are those of a simulated venue that sees one price: bid = ask = last. Every function takes ticks and lots.
"""

from __future__ import annotations

from dataclasses import replace

from engine.matching.types import (
    IMMEDIATE,
    LIMIT_KINDS,
    SHARE_UNITS,
    TARGET_KINDS,
    Depth,
    Kind,
    OrderState,
    Status,
    Step,
    Terms,
    TimeInForce,
)

Fills = list[tuple[int, int]]


def limit_of(terms: Terms) -> int:
    """Return the limit price of an order that has one."""
    assert terms.limit is not None, "a limit order has a limit"
    return terms.limit


def trigger_of(terms: Terms) -> int:
    """Return the trigger price of an order that was given one."""
    assert terms.trigger is not None, "what waits for a price has a trigger"
    return terms.trigger


def crosses(sign: int, limit: int, price: int) -> bool:
    """Say whether the market's price is within a limit: at or below a purchase's, at or above a sale's."""
    return sign * (limit - price) >= 0


def is_met(terms: Terms, trigger: int, price: int) -> bool:
    """Say whether `price` reaches a trigger: a stop waits for a worse price than the market's, a target for a better one."""
    towards = -1 if terms.kind in TARGET_KINDS else 1
    return towards * terms.sign * (price - trigger) >= 0


def trailing_trigger(terms: Terms, best: int) -> int:
    """Return the trigger that follows the best price seen, rounded to the nearest tick, half up.

    >>> from engine.matching.types import Kind, Terms
    >>> trailing_trigger(Terms("a", 1, Kind.TRAILING_STOP, 1, trail_share=25 * 10**6), 6_729_401)  # 25 basis points above
    6746225
    """
    if terms.trail is not None:
        return best + terms.sign * terms.trail
    share = SHARE_UNITS + terms.sign * (terms.trail_share or 0)
    return (2 * best * share + SHARE_UNITS) // (2 * SHARE_UNITS)


def is_limit(state: OrderState) -> bool:
    """Say whether the order is a limit order by now."""
    kind = state.terms.kind
    return kind is Kind.LIMIT or (kind in LIMIT_KINDS and state.is_triggered)


def wakes_at(state: OrderState) -> tuple[int, bool] | None:
    """Return the price that concerns a resting order next, and whether it must come at or below it.

    None for what any price concerns (the rest of a triggered market order) and for a stop that trails already.
    """
    terms = state.terms
    if is_limit(state):
        return limit_of(terms), terms.sign > 0
    if state.is_triggered:
        return None
    if terms.kind is Kind.TRAILING_STOP:
        return None if state.best is not None or terms.activation is None else (terms.activation, terms.sign > 0)
    assert state.trigger is not None, "what waits has a trigger"
    return state.trigger, (terms.sign > 0) == (terms.kind in TARGET_KINDS)


def maker_price(state: OrderState, price: int) -> int:
    """Return what a resting limit order gets when the market comes to `price`: its own limit, as those before it in the queue.

    One that became a limit order by a trigger, and waits because the market had run past both, gets the market's price
    up to its trigger: so the venue that these rules come from has it.
    """
    terms = state.terms
    limit, sign = limit_of(terms), terms.sign
    if not state.is_triggered or state.trigger is None or sign * (limit - state.trigger) <= 0:
        return limit
    return max(price, state.trigger) if sign > 0 else min(price, state.trigger)


def taken(terms: Terms, lots: int, price: int, depth: Depth | None, limit: int | None) -> Fills:
    """Return the (price, lots) that a taker gets, the best first: all at the market's price, or level by level where depth is known."""
    if depth is None:
        return [(price, lots)]
    fills: Fills = []
    for level, offered in depth.against(terms.sign):
        if lots == 0 or (limit is not None and not crosses(terms.sign, limit, level)):
            break
        fills.append((level, min(lots, offered)))
        lots -= fills[-1][1]
    if terms.time_in_force is TimeInForce.FOK and lots:
        return []
    return fills


def made(state: OrderState, step: Step) -> int:
    """Return how many lots of a resting limit order fill when the market reaches it.

    Where depth is known, no more than lies against it within its limit. An iceberg's next slice queues up behind
    everybody: a touch fills one slice, a market that goes beyond the limit fills all.
    """
    terms, lots, limit = state.terms, state.left, limit_of(state.terms)
    if step.depth is not None:
        against = step.depth.against(terms.sign)
        lots = min(lots, sum(offered for level, offered in against if crosses(terms.sign, limit, level)))
    if terms.display is not None and step.price == limit:
        lots = min(lots, terms.display)
    return lots


def market_price(terms: Terms, price: int, depth: Depth | None) -> int | None:
    """Return the best price that a taker finds; None where the known depth is empty on that side."""
    if depth is None:
        return price
    against = depth.against(terms.sign)
    return against[0][0] if against else None


def closable(terms: Terms, position: int) -> int:
    """Return how many lots a reduce-only order may take off a signed position."""
    return max(0, -terms.sign * position)


def triggered(state: OrderState) -> OrderState:
    """Return the order after its trigger was reached."""
    return replace(state, is_triggered=True)


def filled(state: OrderState, lots: int) -> OrderState:
    """Return the order after a fill of `lots`, which are at most what is left."""
    assert 0 < lots <= state.left, "a fill is of what is left"
    total = state.filled + lots
    status = Status.FILLED if total == state.terms.lots else state.status
    return replace(state, left=state.left - lots, filled=total, status=status)


def ended(state: OrderState, status: Status) -> OrderState:
    """Return the order after it was withdrawn, refused or timed out."""
    return replace(state, status=status)


def rests(terms: Terms) -> bool:
    """Say whether what does not fill at once may wait."""
    return terms.kind is not Kind.MARKET and terms.time_in_force not in IMMEDIATE
