"""Forgetting what is older than settings allow (docs/privacy.md); small, so that no lock lasts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from accounts.models import Invitation, Notification, SignIn
from accounts.notifying.models import Delivery
from accounts.privacy.models import ArchiveState, DataArchive
from accounts.registry import retentions
from accounts.teams.models import WorkspaceInvitation
from accounts.webhooks.models import DeliveryState
from common.clock import wall_now

AT_ONCE = 1_000
# In one run, so that it ends.
MOST_ROUNDS = 100


def forget_old() -> dict[str, int]:
    """Forget what is due, and return how many rows of each kind that was."""
    now = wall_now()
    done = {name: work(before) for name, work in _WORK.items() if (before := _before(name, now)) is not None}
    done["sessions"] = _delete(Session.objects.filter(expire_date__lt=now))
    return done | {name: forget() for name, forget in retentions().items()}


def _before(name: str, now: datetime) -> datetime | None:
    days = settings.RETENTION_DAYS[name]
    return now - timedelta(days=days) if days > 0 else None


def _sign_ins(before: datetime) -> int:
    return _delete(SignIn.objects.filter(at__lt=before))


def _addresses(before: datetime) -> int:
    """Take network addresses and browsers off the log of sign-ins; that somebody signed in stays."""
    told = SignIn.objects.filter(at__lt=before).filter(Q(address__isnull=False) | ~Q(user_agent=""))
    return told.update(address=None, user_agent="")


def _notifications(before: datetime) -> int:
    waiting = Delivery.objects.filter(notification=OuterRef("pk"), state=DeliveryState.PENDING)
    return _delete(Notification.objects.filter(~Exists(waiting), created_at__lt=before))


def _deliveries(before: datetime) -> int:
    gone = _delete(Delivery.objects.filter(created_at__lt=before).exclude(state=DeliveryState.PENDING))
    ended = [ArchiveState.EXPIRED, ArchiveState.FAILED]
    return gone + _delete(DataArchive.objects.filter(created_at__lt=before, state__in=ended))


def _invitations(before: datetime) -> int:
    """Delete invitations that nobody used, and take the address off those that were."""
    used = Invitation.objects.filter(expires_at__lt=before, used_at__isnull=False).exclude(email="").update(email="")
    teams = _delete(WorkspaceInvitation.objects.filter(expires_at__lt=before))
    return used + teams + _delete(Invitation.objects.filter(expires_at__lt=before, used_at=None))


_WORK: dict[str, Callable[[datetime], int]] = {
    "sign_ins": _sign_ins,
    "addresses": _addresses,
    "notifications": _notifications,
    "deliveries": _deliveries,
    "invitations": _invitations,
}


def _delete(rows: QuerySet[Model]) -> int:
    total = 0
    for _ in range(MOST_ROUNDS):
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        if not keys:
            break
        rows.model._default_manager.filter(pk__in=keys).delete()
        total += len(keys)
    return total
