"""Searches that somebody keeps, and what is new in them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import QueryDict

from accounts.models import User
from accounts.services import audit, changes, notify
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from marketplace.models import Listing
from marketplace.search.models import SavedSearch
from marketplace.search.selectors import Query, search
from marketplace.selectors import Asker

MOST_SAVED = 20
EVERY = timedelta(days=1)
BATCH = 200
# So many titles a notification names.
NAMED = 3


def saved_searches_of(owner: User) -> QuerySet[SavedSearch]:
    return SavedSearch.objects.filter(owner=owner).order_by("name")


def saved_search_for_owner(user: Asker, search_id: UUID) -> SavedSearch:
    """The gate: a search that the user keeps, or NotFound."""
    owner = user.pk if user is not None and user.is_authenticated else None
    found = SavedSearch.objects.filter(owner=owner, pk=search_id).first()
    if found is None:
        raise NotFound("search")
    return found


@transaction.atomic
def save_search(*, owner: User, name: str, query: str) -> SavedSearch:
    """Keep a search under a name; the same name again keeps the newer one. Told of is what is published from now on."""
    name, query = name.strip(), Query.of(QueryDict(query)).address()
    if not name or len(name) > 60:
        raise DomainError("NAME_INVALID", "Give the search a name of 1 to 60 characters.", {"field": "name"})
    if len(query) > 1_000:
        raise DomainError("QUERY_TOO_LONG", "Choose fewer things at a time.", {"field": "name"})
    lock_rows(User.objects.filter(pk=owner.pk))
    mine = SavedSearch.objects.filter(owner=owner)
    now = wall_now()
    if not mine.filter(name=name).exists() and mine.count() >= MOST_SAVED:
        message = f"You keep {MOST_SAVED} searches; forget one first."
        raise DomainError("TOO_MANY_SEARCHES", message, {"field": "name"}, status=409)
    facts = {"query": query, "seen_until": now, "due_at": now + EVERY}
    before = mine.filter(name=name).first()
    saved, _ = SavedSearch.objects.update_or_create(
        owner=owner, name=name, defaults=facts, create_defaults={**facts, "created_at": now}
    )
    audit(action="search.saved", obj=saved, actor=owner, **changes(before, saved))
    return saved


@transaction.atomic
def delete_search(*, search: SavedSearch) -> None:
    """Forget a search; nothing more is told of it."""
    audit(action="search.deleted", obj=search, actor=search.owner, **changes(search, None))
    search.delete()


def tell_of_matches() -> int:
    """Tell the owners of searches that are due what is new in them; return how many were told."""
    due = SavedSearch.objects.filter(due_at__lte=wall_now()).order_by("due_at").values_list("pk", flat=True)
    return sum(_tell(pk) for pk in list(due[:BATCH]))


@transaction.atomic
def _tell(pk: UUID) -> bool:
    """Tell of one search, once: the row that is locked says up to when it was told of."""
    now = wall_now()
    locked = lock_rows(SavedSearch.objects.filter(pk=pk, due_at__lte=now).select_related("owner"))
    if not locked:
        return False
    saved = locked[0]
    found = search(Query.of(QueryDict(saved.query)))
    fresh = Listing.objects.filter(published_at__gt=saved.seen_until, published_at__lte=now)
    new = list(
        fresh.filter(index__in=list(found.keys)).exclude(owner=saved.owner).order_by("-published_at")[: NAMED + 1]
    )
    saved.seen_until, saved.due_at = now, now + EVERY
    saved.save(update_fields=["seen_until", "due_at"])
    if not new:
        return False
    titles = ", ".join(one.title for one in new[:NAMED])
    count = str(len(new)) if len(new) <= NAMED else f"more than {NAMED}"
    notify(
        user=saved.owner,
        event="search.matched",
        context={"name": saved.name, "count": count, "titles": titles, "query": saved.query},
    )
    return True
