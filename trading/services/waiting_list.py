"""A full lead's waiting list: whoever is first on it follows when there is room (copy-trading rule 33)."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from accounts.services import audit, notify
from common.db import lock_rows
from common.errors import DomainError
from common.realtime import publish
from portfolios.models import PortfolioState
from portfolios.services.books import lock_portfolios
from trading.copy_accounts.services.settling import open_account
from trading.follow_models import WaitingFollow
from trading.models import Follow, FollowState
from trading.services.follows import begin
from trading.services.lead_caps import room_of


def place_on_list(follow: Follow) -> int | None:
    """Return a waiting follow's place, 1 for the next; None where it does not wait."""
    if follow.state != FollowState.WAITING:
        return None
    return Follow.objects.filter(lead=follow.lead_id, state=FollowState.WAITING, pk__lte=follow.pk).count()


def admit_waiting(*, lead_id: UUID) -> int:
    """Let those follow for whom there is room now, in the order in which they came; return how many it let in.

    Whoever's money is gone from the portfolio that was to fund it loses the place, and is told.
    """
    admitted = 0
    waiting = Follow.objects.filter(lead=lead_id, state=FollowState.WAITING).order_by("pk")
    for follow_id in list(waiting.values_list("pk", flat=True)):
        outcome = _admit(follow_id)
        if outcome is None:
            break
        admitted += outcome
    return admitted


@transaction.atomic
def _admit(follow_id: UUID) -> bool | None:
    """Begin one waiting follow and return True; False where it has lost its place, None where there is no room for it."""
    follow = lock_rows(Follow.objects.filter(pk=follow_id).select_related("follower"))[0]
    place = WaitingFollow.objects.filter(pk=follow_id).first()
    if follow.state != FollowState.WAITING or place is None:
        return False
    locked = lock_portfolios([follow.lead_id, follow.portfolio_id, place.source_id])
    follow.lead, follow.portfolio = locked[follow.lead_id], locked[follow.portfolio_id]
    if follow.lead.state != PortfolioState.OPEN or not room_of(follow.lead).has(place.amount):
        return None
    try:
        with transaction.atomic():
            begin(follow, source=locked[place.source_id], amount=place.amount, start=place.start)
            if place.profit_share is not None:
                open_account(follow=follow, ratio=place.profit_share)
    except DomainError as refusal:
        _lose_place(follow, refusal)
        return False
    place.delete()
    facts = {"portfolio": str(follow.portfolio_id), "name": follow.lead.name}
    notify(user=follow.follower, event="follow.admitted", context=facts)
    return True


def _lose_place(follow: Follow, refusal: DomainError) -> None:
    from trading.services.follows import end_unbegun  # one name more than the door above needs

    end_unbegun(follow, code="WAITING_UNFUNDED")
    audit(action="follow.place_lost", obj=follow, after={"code": refusal.code})
    facts = {"portfolio": str(follow.portfolio_id), "name": follow.lead.name, "words": refusal.message}
    notify(user=follow.follower, event="follow.place_lost", context=facts)
    publish([(f"portfolio:{follow.portfolio_id}", {"refresh": ["follow", "summary"]})])
