"""Leaving: asked for, thought over for some days, done by a task."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.privacy.models import Departure
from accounts.registry import personal_data
from accounts.services.auditing import audit
from accounts.services.notifications import notify
from accounts.services.personal_data import erase_person
from accounts.teams.services import check_leaving
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.tasks import enqueue

# What stands in the way is mostly an order that is still being sold.
TRIED_AGAIN = timedelta(hours=1)
AT_ONCE = 100


@transaction.atomic
def ask_to_leave(*, user: User, keeps_holdings: bool) -> Departure:
    """Begin to close an account: its follows are stopped now, the rest happens when its days of grace are over.

    `keeps_holdings` says what becomes of what the follows hold: kept as it is, or sold. Raises DomainError
    ALREADY_LEAVING (409), or what an app refuses, with nothing changed.
    """
    lock_rows(User.objects.filter(pk=user.pk))
    if Departure.objects.filter(pk=user.pk).exists():
        raise DomainError("ALREADY_LEAVING", "Your account is being closed already.", status=409)
    due_at = wall_now() + timedelta(days=settings.LEAVING_DAYS)
    departure = Departure.objects.create(user=user, keeps_holdings=keeps_holdings, due_at=due_at)
    # Before the follows are stopped, which nobody undoes: what a workspace keeps them for would keep them in the end.
    check_leaving(user)
    for kept in personal_data().values():
        if kept.unwind is not None:
            kept.unwind(user, keeps_holdings, due_at)
    audit(action="person.leaving", obj=user, actor=user, after={"due_at": due_at, "keeps_holdings": keeps_holdings})
    notify(user=user, event="account.leaving", context={"due": f"{due_at:%Y-%m-%d %H:%M} UTC"})
    if settings.LEAVING_DAYS == 0:
        from accounts.tasks import close_due_accounts as task

        enqueue(task)
    return departure


@transaction.atomic
def stay(*, user: User) -> bool:
    """Take back the wish to leave, and return whether there was one. Follows that were stopped stay stopped."""
    ended, _ = Departure.objects.filter(pk=user.pk).delete()
    if ended:
        audit(action="person.stays", obj=user, actor=user)
        notify(user=user, event="account.stays", context={})
    return bool(ended)


def close_due_accounts() -> int:
    """Close the accounts whose days of grace are over, and return how many could be."""
    due = Departure.objects.filter(due_at__lte=wall_now()).order_by("due_at")
    return sum(_close(pk) for pk in list(due.values_list("pk", flat=True)[:AT_ONCE]))


def _close(user_id: UUID) -> bool:
    try:
        with transaction.atomic():
            # Who came second finds it gone, or taken back.
            if not lock_rows(Departure.objects.filter(pk=user_id, due_at__lte=wall_now())):
                return False
            erase_person(user=User.objects.select_related("profile").get(pk=user_id))
    except DomainError as error:
        _postpone(user_id, error)
        return False
    return True


@transaction.atomic
def _postpone(user_id: UUID, error: DomainError) -> None:
    rows = lock_rows(Departure.objects.filter(pk=user_id))
    if not rows:
        return
    told = {"obstacle": error.message[:300], "due_at": wall_now() + TRIED_AGAIN}
    Departure.objects.filter(pk=user_id).update(**told)
    if rows[0].obstacle != told["obstacle"]:
        notify(user=User.objects.get(pk=user_id), event="account.not_closed", context={"reason": error.message})
