"""Many orders by hand at once: each under its own key, judged one after the other, answered one by one; or all or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from accounts.models import User
from common.errors import DomainError, NotFound
from markets.models import Instrument
from markets.selectors import instruments_by_id
from portfolios.models import Portfolio
from trading.models import Order, Side
from trading.order_terms import OrderTerms, check_quantity
from trading.risk.services.log import RiskRefusal, keep_refusal
from trading.services.orders import lock_by_hand, needs_approval, prepared, refusals_of, refuse_foreign, store_by_hand

MAX_BULK = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """One order of a batch; `key` is the caller's own name for it."""

    key: str
    instrument_id: UUID
    side: Side
    quantity: Decimal
    terms: OrderTerms


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of it: the order as it was stored, now or the first time, or why there is none."""

    key: str
    order: Order | None = None
    refusal: DomainError | None = None


class _Undone(Exception):
    """Takes the answers out of a transaction that is to leave nothing."""

    def __init__(self, answers: list[Answer]) -> None:
        super().__init__()
        self.answers = answers


def place_bulk(*, actor: User, portfolio: Portfolio, orders: Sequence[Asked], atomic: bool = False) -> list[Answer]:
    """Place up to 50 orders by hand in one portfolio and return an answer for each, in their order.

    Each is judged as if those before it had been placed. With `atomic`, one that is refused keeps all others from being
    placed (NOT_PLACED_WITH_OTHERS). The same keys again return the same orders.
    """
    _check_batch(orders)
    known = instruments_by_id({one.instrument_id for one in orders})
    try:
        with transaction.atomic():
            answers = _place_all(actor, lock_by_hand(portfolio), orders, known)
            if atomic and any(one.refusal for one in answers):
                raise _Undone(answers)
    except _Undone as undone:
        answers = [one if one.refusal else Answer(one.key, refusal=_not_alone()) for one in undone.answers]
    # Only now: what a rolled back transaction wrote would be gone.
    for one, answer in zip(orders, answers, strict=True):
        if isinstance(answer.refusal, RiskRefusal):
            keep_refusal(portfolio, known[one.instrument_id], one.quantity, answer.refusal)
    return answers


def _check_batch(orders: Sequence[Asked]) -> None:
    if not 1 <= len(orders) <= MAX_BULK:
        raise DomainError("BULK_SIZE_INVALID", f"Send between 1 and {MAX_BULK} orders.", {"field": "orders"})
    if len({one.key for one in orders}) < len(orders):
        raise DomainError("KEYS_NOT_UNIQUE", "Give each order of the batch a key of its own.", {"field": "orders"})


def _to_ask_alone() -> DomainError:
    message = "Above this portfolio's limit: place it by itself, and it waits for a second person."
    return DomainError("APPROVAL_NEEDED", message, status=409)


def _to_reverse_alone() -> DomainError:
    message = "It closes what is held and opens the other side, which are two orders: place it by itself."
    return DomainError("REVERSAL_NOT_IN_BATCH", message, status=409)


def _not_alone() -> DomainError:
    message = "Another order of the batch was refused, and all or none were asked for."
    return DomainError("NOT_PLACED_WITH_OTHERS", message, status=409)


def _place_all(
    actor: User, portfolio: Portfolio, orders: Sequence[Asked], known: Mapping[UUID, Instrument]
) -> list[Answer]:
    """Place what nothing refuses, in a locked portfolio."""
    answers: dict[str, Answer] = {}
    fresh: dict[str, Order] = {}
    for one in orders:
        try:
            made, is_known = _prepared(portfolio, one, known)
            if len(made) > 1:
                raise _to_reverse_alone()
        except DomainError as refusal:
            answers[one.key] = Answer(one.key, refusal=refusal)
            continue
        if is_known:
            answers[one.key] = Answer(one.key, made[0])
        else:
            fresh[one.key] = made[0]
    prices: list[Decimal | None] = []
    refusals = refusals_of(list(fresh.values()), prices) if fresh else []
    for (key, order), judged, price in zip(fresh.items(), refusals, prices, strict=True):
        alone = needs_approval(portfolio, [order], [price]) is not None
        refused = judged or (_to_ask_alone() if alone else None)
        stored = None if refused else store_by_hand(actor, [order])[0]
        answers[key] = Answer(key, stored, refused)
    return [answers[one.key] for one in orders]


def _prepared(portfolio: Portfolio, one: Asked, known: Mapping[UUID, Instrument]) -> tuple[list[Order], bool]:
    if (instrument := known.get(one.instrument_id)) is None:
        raise NotFound("instrument")
    check_quantity(one.quantity, instrument)
    refuse_foreign(portfolio, instrument)
    return prepared(portfolio, instrument, one.side, one.quantity, one.key, [one.terms])
