"""What every rule of copying did in a replay, and each order it made, so that a stranger can recompute them from the lead's fills."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from accounts.models import AuditEntry
from common.fields import canonical
from engine.copying.settings import settings_data
from strategies.replay.cast import Cast
from trading.models import CauseKind, Fill, FollowCommand, LeadEvent, Leg, Order

# By the number that a rule has in docs/copy-trading.md.
_BY_CODE = {
    "FOLLOW_FROZEN": "3 a gap freezes opens",
    "KEPT_BELOW_MINIMUM": "11 too small: kept and netted",
    "QUANTITY_BELOW_MINIMUM": "11 below the venue's minimum",
    "NOTIONAL_BELOW_MINIMUM": "11 below the venue's minimum",
    "MISSED_PRICE_CAP": "14 missed: beyond the price cap",
    "MISSED_TOO_OLD": "15 missed: too old",
    "MISSED_WIDE_SPREAD": "15 missed: the spread",
    "MISSED_VENUE_DOWN": "15 missed: the venue",
    "SYMBOL_DENIED": "15 not on the lists",
    "SYMBOL_NOT_ALLOWED": "15 not on the lists",
    "EQUITY_STALE": "15 equity not fresh",
    "CLIPPED_ORDER_SHARE": "25 cut: one order",
    "CLIPPED_INSTRUMENT_SHARE": "25 cut: one instrument",
    "CLIPPED_LEVERAGE": "25 cut: leverage",
    "COPIED_POSITIONS_FULL": "25 too many positions",
    "COPIES_OF_DAY_USED": "25 too many copies in a day",
    "PRICE_WORSE_THAN_LEADS": "29 adopted: not at a worse price",
    "FOLLOW_PAUSED": "30 paused",
    "FOLLOW_STOPPING": "31 stopping",
}
_BY_COMMAND = {
    "REPAIR": "21 drift repaired",
    "RESYNC": "23 compared as a whole",
    "CATCH_UP": "24 plan carried out",
    "ADOPT": "29 adopted",
    "CLOSE_ALL": "31 all closed",
}
_SIZED = {
    "EQUITY_RATIO": "4 sized by equity",
    "MARGIN_RATIO": "5 sized by margin",
    "FIXED_AMOUNT": "6 sized by a fixed amount",
    "FIXED_MULTIPLE": "7 sized by a fixed multiple",
    "WEIGHTS": "8 sized by weight",
}
_GUARDED = {"FOLLOW_DAILY_LOSS": "26 a day's loss pauses", "COPY_STOP_LOSS": "27 the copy stop closes"}


def rules_of(cast: Cast) -> dict[str, int]:
    """Return how often each rule acted, by its number; what never did is left out."""
    acted: Counter[str] = Counter()
    copies = Order.objects.filter(follow__in=cast.follows, cause_kind=CauseKind.LEAD_EVENT)
    mode: dict[UUID | None, str] = {follow.pk: _SIZED[follow.copying.sizing] for follow in cast.follows}
    for follow_id, leg, code, filled in copies.values_list("follow", "leg", "code", "filled_quantity"):
        if code in _BY_CODE:
            acted[_BY_CODE[code]] += 1
        if filled:
            acted[mode[follow_id] if leg == Leg.OPEN else "9 reduced with the lead"] += 1
    for kind in FollowCommand.objects.filter(follow__in=cast.follows, is_done=True).values_list("kind", flat=True):
        acted[_BY_COMMAND[kind]] += 1
    ids = [str(follow.pk) for follow in cast.follows]
    for told in AuditEntry.objects.filter(action="follow.guard_hit", object_id__in=ids).values_list("after", flat=True):
        acted[_GUARDED[(told or {})["code"]]] += 1
    return dict(sorted(acted.items(), key=lambda item: int(item[0].split()[0])))


def account_of(cast: Cast) -> dict[str, Any]:
    """Return the lead's fills and events, who followed how, and every order of theirs: copied, skipped, missed or kept, with its code."""
    number: dict[UUID | None, int] = {follow.pk: place for place, follow in enumerate(cast.follows)}
    events = {
        str(one.pk): one
        for one in LeadEvent.objects.filter(lead=cast.lead).select_related("instrument").order_by("seq")
    }
    fills = Fill.objects.filter(portfolio=cast.lead).select_related("instrument").order_by("number")
    orders = Order.objects.filter(follow__in=cast.follows).select_related("instrument").order_by("pk")
    return {
        "lead_fills": [
            _facts(one, "number", "side", "quantity", "price", "fee") | {"symbol": one.instrument.symbol, "at": one.happened_at.isoformat()}
            for one in fills
        ],
        "lead_events": [
            _facts(one, "seq", "side", "opened_quantity", "closed_fraction", "price", "resulting_quantity", "lead_equity", "market_price")
            | {"symbol": one.instrument.symbol, "at": one.happened_at.isoformat()}
            for one in events.values()
        ],
        "follows": [
            {"amount": canonical(amount), "settings": settings_data(follow.copying), "start_seq": follow.start_seq}
            | {"state": follow.state, "code": follow.state_code}
            for follow, amount in zip(cast.reloaded(), cast.amounts, strict=True)
        ],
        "orders": [
            {
                "follower": number[one.follow_id],
                "event": events[one.cause_id].seq if one.cause_kind == CauseKind.LEAD_EVENT else None,
                "cause": one.cause_kind,
                "symbol": one.instrument.symbol,
                "at": one.created_at.isoformat(),
                "result": _result(one),
                **_facts(one, "attempt", "leg", "side", "state", "code", "requested_quantity", "closed_fraction", "quantity"),
                **_facts(one, "limit_price", "market_price", "filled_quantity", "average_price", "fee"),
            }
            for one in orders
        ],
    }  # fmt: skip


def _result(order: Order) -> str:
    """Return what an order is called: copied, kept (a residual), missed, or skipped."""
    if order.filled_quantity:
        return "copied"
    if order.code == "KEPT_BELOW_MINIMUM":
        return "kept"
    return "missed" if order.code.startswith("MISSED") else "skipped"


def _facts(row: Any, *names: str) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {name: canonical(value) if hasattr(value, "as_tuple") else value for name, value in values.items()}
