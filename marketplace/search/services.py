"""The index, kept in step: of some listings at once, of all each hour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Q, QuerySet

from common.db import bulk_insert, bulk_update, lock_rows
from marketplace.models import Listing, ListingState
from marketplace.search.exclusions import excluded_listings
from marketplace.search.gathering import FIGURES, WORDS, Gathered, gather
from marketplace.search.models import ListingIndex, ListingWords, SearchBook, SearchWord

# So many listings are gathered and written at a time, under a lock that whoever publishes waits for.
BATCH = 2_000
# So many at a time are given a place of their own, which is counted for each.
MOST_PLACED = 500
_PLACED = ("place", "exclusion")


@transaction.atomic
def index_listings(*, listing_ids: Sequence[UUID]) -> int:
    """Bring the index of these listings up to date, and find their places; return how many rows changed."""
    return _write(_lock_book(), gather(listing_ids), find_place=True)


def index_changed(*, most: int = MOST_PLACED) -> int:
    """Index listings of which the index knows nothing, or another state; return how many. What a lost call left behind."""
    shown = Q(state=ListingState.PUBLISHED)
    stale = Q(index=None) | (shown & Q(index__is_listed=False)) | (~shown & Q(index__is_listed=True))
    waiting = list(_published_once().filter(stale).order_by("pk").values_list("pk", flat=True)[:most])
    return index_listings(listing_ids=waiting) if waiting else 0


def refresh_ranking() -> int:
    """Bring the whole index up to date and rank it anew; return how many rows changed. Runs once an hour.

    In batches, each a transaction of its own: nobody waits for the index longer than a second. Withdrawn listings are
    brought up to date like the others: what a kind came to is told with them in it (copy-trading rule 40).
    """
    listing_ids = list(_published_once().order_by("pk").values_list("pk", flat=True))
    changed = 0
    for start in range(0, len(listing_ids), BATCH):
        with transaction.atomic():
            # Locked first: what somebody writes meanwhile must not be written over by what was read before it.
            book = _lock_book()
            changed += _write(book, gather(listing_ids[start : start + BATCH]), find_place=False)
    excluded = excluded_listings()
    with transaction.atomic():
        changed += _rank(_lock_book(), excluded)
    return changed


def _published_once() -> QuerySet[Listing]:
    """Return all that was ever public: a draft has no past to be told."""
    return Listing.objects.exclude(published_at=None)


def _lock_book() -> SearchBook:
    SearchBook.objects.get_or_create(pk=1)
    return lock_rows(SearchBook.objects.filter(pk=1))[0]


def _stamp(book: SearchBook, rows: Iterable[ListingIndex]) -> None:
    """Number the changes of rows, under the book's lock: whoever follows them sees none before an earlier one."""
    for row in rows:
        book.last_change += 1
        row.change = book.last_change
    book.save(update_fields=["last_change"])


# --- figures and words ----------------------------------------------------------------------------------------------
def _write(book: SearchBook, found: Sequence[Gathered], *, find_place: bool) -> int:
    """Write what differs, columns that nothing differs in left out: most rows are as they were in most columns."""
    wanted = [one.listing_id for one in found]
    rows = (
        ListingIndex.objects.filter(listing__among=wanted).order_by().values_list("listing", "pk", *FIGURES, *_PLACED)
    )
    held = {row[0]: row[1:] for row in rows}
    new, changed, names = [], [], set()
    for one in found:
        row = held.get(one.listing_id)
        if row is None:
            new.append(ListingIndex(listing_id=one.listing_id, **one.figures))
        elif differing := [name for name, value in zip(FIGURES, row[1:], strict=False) if one.figures[name] != value]:
            names.update(differing)
            placed = dict(zip(_PLACED, row[-2:], strict=True))
            changed.append(ListingIndex(pk=row[0], listing_id=one.listing_id, **placed, **one.figures))
    if find_place:
        _place([*new, *changed])
        names.update(_PLACED)
    _stamp(book, [*new, *changed])
    bulk_insert(ListingIndex, new)
    bulk_update(ListingIndex, changed, ["change", *sorted(names)])
    keys = {listing: row[0] for listing, row in held.items()}
    if new:
        rows = ListingIndex.objects.filter(listing__among=[one.listing_id for one in new]).order_by()
        keys |= dict(rows.values_list("listing", "pk"))
    _write_words({keys[one.listing_id]: one.words for one in found})
    return len(new) + len(changed)


def _write_words(wanted: Mapping[int, Mapping[str, str]]) -> None:
    rows = ListingWords.objects.filter(pk__among=list(wanted)).order_by().values_list("pk", *WORDS)
    held = {row[0]: row[1:] for row in rows}
    differing = {key: words for key, words in wanted.items() if held.get(key) != tuple(words[name] for name in WORDS)}
    bulk_insert(ListingWords, [ListingWords(index_id=key, **one) for key, one in differing.items() if key not in held])
    changed = [ListingWords(index_id=key, **one) for key, one in differing.items() if key in held]
    bulk_update(ListingWords, changed, WORDS)
    texts = [one[name] for one in differing.values() for name in ("title", "tags", "handle")]
    words = sorted({word for text in texts for word in text.split()})
    bulk_insert(SearchWord, [SearchWord(word=word) for word in words], ignore_conflicts=True)


# --- places ---------------------------------------------------------------------------------------------------------
def _place(rows: Iterable[ListingIndex]) -> None:
    """Give rows the place that they would have among those ranked already; the next hour settles equal ones."""
    for row in rows:
        row.place = None
        if not row.is_listed or row.exclusion:
            continue
        others = ListingIndex.objects.filter(kind=row.kind, is_listed=True, place__isnull=False).exclude(pk=row.pk)
        row.place = 1 + others.filter(_better_than(row)).count()


def _better_than(row: ListingIndex) -> Q:
    """What is ranked before a row: by what followers' money came to, where there is any, then by the lead's own return."""
    own = Q(return_ratio__gt=row.return_ratio)
    if row.follower_return_ratio is None:
        return Q(follower_return_ratio__isnull=False) | own
    followers = Q(follower_return_ratio__gt=row.follower_return_ratio)
    return followers | (Q(follower_return_ratio=row.follower_return_ratio) & own)


def _rank(book: SearchBook, excluded: dict[UUID, str]) -> int:
    """Rank all rows anew; return how many places changed."""
    columns = ("pk", "listing", "kind", "is_listed", "follower_return_ratio", "return_ratio", "place", "exclusion")
    rows = list(ListingIndex.objects.order_by("pk").values_list(*columns))
    places: dict[int, int] = {}
    for kind in {row[2] for row in rows}:
        ranked = [row for row in rows if row[2] == kind and row[3] and row[1] not in excluded]
        places |= dict(
            zip((row[0] for row in ranked), ranks([row[4] for row in ranked], [row[5] for row in ranked]), strict=True)
        )
    moved = [
        ListingIndex(pk=pk, place=places.get(pk), exclusion=excluded.get(listing, ""))
        for pk, listing, _, _, _, _, place, exclusion in rows
        if place != places.get(pk) or exclusion != excluded.get(listing, "")
    ]
    _stamp(book, moved)
    bulk_update(ListingIndex, moved, ["change", *_PLACED])
    return len(moved)


def ranks(of_followers: Sequence[float | None], of_leads: Sequence[float]) -> list[int]:
    """Return the place of each: followers' return first, where there is one, the lead's own second; equals share a place."""
    if not of_leads:
        return []
    first = np.array([-np.inf if one is None else one for one in of_followers])
    second = np.array(of_leads)
    order = np.lexsort((-second, -first))
    first, second = first[order], second[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    places = np.empty(len(order), np.int64)
    places[order] = np.maximum.accumulate(np.where(is_new, np.arange(len(order)) + 1, 0))
    return [int(place) for place in places]
