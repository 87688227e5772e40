"""What the processor refused to move between a lead and the platform: operators have it asked for again, or close it.

Closing moves nothing and so books nothing: it says that the platform asks no more, and who decided that and why. What is
owed, which is what did not move, stays owed, and is shown, until it is tried again and succeeds, or what it was for is gone.
"""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.tasks import enqueue
from marketplace.billing.models import FindingKind
from marketplace.billing.modes import check_mode
from marketplace.billing.services.findings import settle_of
from marketplace.billing.tax_models import OWED, TakenBack, TakenState

MAX_REASON = 300


@transaction.atomic
def retry_taking(*, operator: User, row: TakenBack) -> TakenBack:
    """Have what was refused, closed or not, asked for once more under a new key, as an operator."""
    from marketplace.billing.tasks import take_back

    locked = _locked(operator, row)
    if locked.state not in OWED:
        raise NOT_REFUSED
    before = _facts(locked)
    locked.state, locked.problem, locked.due_at = TakenState.PENDING, "", wall_now()
    locked.closed_by, locked.closed_at, locked.close_reason = None, None, ""
    locked.attempt += 1
    locked.save()
    _settle(locked)
    audit(action="lead_money.retried", obj=locked, actor=operator, before=before, after=_facts(locked))
    enqueue(take_back, str(locked.pk))
    return locked


@transaction.atomic
def close_taking(*, operator: User, row: TakenBack, reason: str) -> TakenBack:
    """Ask no more for what was refused, as an operator, for a reason that is kept. What is owed stays owed."""
    reason = reason.strip()
    locked = _locked(operator, row)
    if not 0 < len(reason) <= MAX_REASON:
        message = f"Say why it is closed, in at most {MAX_REASON} letters."
        raise DomainError("REASON_MISSING", message, {"field": "reason"})
    if locked.state != TakenState.FAILED:
        raise NOT_REFUSED
    before = _facts(locked)
    locked.state, locked.close_reason = TakenState.CLOSED, reason
    locked.closed_by, locked.closed_at = operator, wall_now()
    locked.save()
    _settle(locked)
    audit(action="lead_money.closed", obj=locked, actor=operator, before=before, after=_facts(locked))
    return locked


NOT_REFUSED = DomainError("TAKING_NOT_REFUSED", "This was not refused, is closed, or is being tried again.", status=409)


def _locked(operator: User, row: TakenBack) -> TakenBack:
    if not operator.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator decides on what was refused.", status=403)
    # The invoice's lock before the row's, as whoever books has them.
    lock_rows(User.objects.filter(pk=row.invoice.user_id))
    locked = lock_rows(TakenBack.objects.filter(pk=row.pk).select_related("invoice"))[0]
    check_mode(locked.invoice.mode)
    return locked


def _facts(row: TakenBack) -> dict[str, object]:
    """Return what the audit keeps of it, the reason with it: it was written to be read later."""
    shown = ("cause", "state", "amount_minor", "problem", "close_reason")
    facts: dict[str, object] = {name: str(getattr(row, name)) for name in shown if getattr(row, name)}
    return {**facts, "amount_minor": row.amount_minor, "moved_minor": row.moved_minor, "invoice": str(row.invoice_id)}


def _settle(row: TakenBack) -> None:
    for kind in (FindingKind.TRANSFER_REFUSED, FindingKind.RETURN_REFUSED):
        settle_of(kind, row.pk)
