"""Rows that ask the processor for something: claimed for a while, asked for outside of any transaction, asked again after silence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from common.clock import wall_now
from common.errors import DomainError
from marketplace.billing.gateway import Refused, Unanswered
from marketplace.billing.models import Change, Checkout, Price, Refund, ShareInvoice
from marketplace.billing.promotion_models import PromotionCode
from marketplace.billing.tax_models import TakenBack

logger = logging.getLogger(__name__)

# So long one worker has before another may ask; a time-out is asked again then, with the same idempotency key.
LEASE = timedelta(seconds=30)
Outbox = (
    type[Price]
    | type[Checkout]
    | type[Change]
    | type[Refund]
    | type[ShareInvoice]
    | type[PromotionCode]
    | type[TakenBack]
)


def carry_out(
    model: Outbox,
    row_id: UUID,
    act: Callable[[Any], None],
    on_refusal: Callable[[Any, str], object] | None = None,
    *,
    lock: Callable[[Any], object] | None = None,
) -> bool:
    """Claim a PENDING row and have `act` ask for it; say whether it was done.

    A refusal ends it as FAILED with its words, which `on_refusal` hears, too. `lock` takes what others lock before the row.
    """
    rows: Any = model._default_manager.filter(pk=row_id, state="PENDING")
    now = wall_now()
    if not rows.filter(due_at__lte=now).update(due_at=now + LEASE):
        return False
    row = model._default_manager.get(pk=row_id)
    try:
        act(row)
    except Unanswered:
        return False
    except Refused as error:
        _refuse(rows, row, error.words, on_refusal, lock)
        return False
    except DomainError as error:
        # It is of the other mode, say: it waits until it can be, and holds up no other row.
        rows.update(problem=error.message[:300])
        return False
    except Exception:
        logger.exception("%s %s could not be carried out.", model.__name__, row_id)
        return False
    return True


def _refuse(
    rows: Any,
    row: Any,
    words: str,
    on_refusal: Callable[[Any, str], object] | None,
    lock: Callable[[Any], object] | None,
) -> None:
    """Write a refusal down with what hangs on it: both, or neither, and then it is asked for again."""
    try:
        with transaction.atomic():
            if lock is not None:
                lock(row)
            if rows.update(state="FAILED", problem=words[:300]) and on_refusal is not None:
                on_refusal(row, words)
    except Exception:
        logger.exception("That %s %s was refused could not be written down.", type(row).__name__, row.pk)


def waiting(model: Outbox) -> list[UUID]:
    """Return the rows whose task was lost or whose answer did not come."""
    rows = model._default_manager.filter(state="PENDING", due_at__lte=wall_now()).order_by("due_at", "pk")
    found: list[UUID] = list(rows.values_list("pk", flat=True)[:100])
    return found
