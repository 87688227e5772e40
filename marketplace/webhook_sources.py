"""What webhooks tell of the marketplace: one's own listings, read from the audit that is kept of them anyway."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import AuditEntry
from accounts.webhooks.sources import Fact, Source, register_source
from marketplace.models import Listing

EVENTS = {
    "listing.published": "a listing of yours was published",
    "listing.changed": "a listing of yours was changed",
    "listing.withdrawn": "a listing of yours was withdrawn",
}
LISTING = "marketplace.listing"


def _acts(users: Collection[UUID]) -> QuerySet[AuditEntry]:
    named = [str(pk) for pk in Listing.objects.filter(owner__in=users).values_list("pk", flat=True)]
    return AuditEntry.objects.filter(object_kind=LISTING, object_id__in=named, action__in=list(EVENTS))


def _facts(acts: Iterable[AuditEntry]) -> list[Fact]:
    acts = list(acts)
    listings = Listing.objects.in_bulk([UUID(act.object_id) for act in acts])
    return [
        Fact(
            listings[UUID(act.object_id)].owner_id,
            act.action,
            f"act-{act.pk}",
            act.at,
            {"listing": act.object_id, "event": act.action.partition(".")[2]},
        )
        for act in acts
    ]


def register_sources() -> None:
    """Declare the events of listings."""
    register_source(Source("listings", EVENTS, AuditEntry.objects.all, "at", _acts, _facts))
