"""Watch lists: made, named, filled, put in order and deleted by their owners."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from accounts.models import LimitName, User
from accounts.selectors import check_limit
from accounts.services import audit
from common.db import bulk_update, lock_rows
from common.errors import DomainError
from markets.models import Instrument, WatchList, WatchListEntry

_MOST_NAME = 60


@transaction.atomic
def create_watch_list(*, owner: User, name: str) -> WatchList:
    """Make an empty list. Refusals: LIMIT_REACHED, WATCH_LIST_NAME_NOT_VALID, WATCH_LIST_NAME_TAKEN."""
    lock_rows(User.objects.filter(pk=owner.pk))  # two requests at once must not both find room
    check_limit(owner, LimitName.WATCH_LISTS, WatchList.objects.filter(owner=owner).count())
    made = _saved(WatchList(owner=owner, name=_named(name)))
    audit(action="watch_list.created", obj=made, actor=owner, after={"name": made.name})
    return made


@transaction.atomic
def rename_watch_list(*, watch_list: WatchList, name: str) -> WatchList:
    """Give a list another name. Refusals: WATCH_LIST_NAME_NOT_VALID, WATCH_LIST_NAME_TAKEN."""
    before, watch_list.name = watch_list.name, _named(name)
    saved = _saved(watch_list)
    if saved.name != before:
        audit(
            action="watch_list.renamed",
            obj=saved,
            actor=saved.owner,
            before={"name": before},
            after={"name": saved.name},
        )
    return saved


@transaction.atomic
def delete_watch_list(*, watch_list: WatchList) -> None:
    """Delete a list with its entries; a repeat is a no-op."""
    if WatchList.objects.filter(pk=watch_list.pk).delete()[0]:
        audit(action="watch_list.deleted", obj=watch_list, actor=watch_list.owner, before={"name": watch_list.name})


@transaction.atomic
def watch_instrument(*, watch_list: WatchList, instrument: Instrument) -> WatchListEntry:
    """Put an instrument at the end of a list; one that is on it stays where it is. Refusal: LIMIT_REACHED."""
    _lock(watch_list)
    entries = WatchListEntry.objects.filter(watch_list=watch_list)
    if known := entries.filter(instrument=instrument).first():
        return known
    check_limit(watch_list.owner, LimitName.WATCHED_INSTRUMENTS, entries.count())
    last = entries.aggregate(last=Max("position"))["last"]
    position = 0 if last is None else last + 1
    after = {"instrument": str(instrument.pk)}
    audit(action="watch_list.instrument_added", obj=watch_list, actor=watch_list.owner, after=after)
    return WatchListEntry.objects.create(watch_list=watch_list, instrument=instrument, position=position)


@transaction.atomic
def unwatch_instrument(*, watch_list: WatchList, instrument_id: UUID) -> bool:
    """Take an instrument off a list, and return whether it was on it."""
    if not WatchListEntry.objects.filter(watch_list=watch_list, instrument_id=instrument_id).delete()[0]:
        return False
    before = {"instrument": str(instrument_id)}
    audit(action="watch_list.instrument_removed", obj=watch_list, actor=watch_list.owner, before=before)
    return True


@transaction.atomic
def order_watch_list(*, watch_list: WatchList, instrument_ids: Sequence[UUID]) -> None:
    """Put a list's instruments in this order; those not named follow in theirs. Unknown ones are passed over."""
    _lock(watch_list)
    place = {instrument_id: index for index, instrument_id in enumerate(instrument_ids)}
    entries = list(WatchListEntry.objects.filter(watch_list=watch_list))
    before = [str(entry.instrument_id) for entry in sorted(entries, key=lambda entry: entry.position)]
    entries.sort(key=lambda entry: place.get(entry.instrument_id, len(place)))
    for position, entry in enumerate(entries):
        entry.position = position
    bulk_update(WatchListEntry, entries, ["position"])
    after = [str(entry.instrument_id) for entry in entries]
    if after != before:
        audit(
            action="watch_list.ordered",
            obj=watch_list,
            actor=watch_list.owner,
            before={"instruments": before},
            after={"instruments": after},
        )


def _lock(watch_list: WatchList) -> None:
    """Be the only one to change a list's entries."""
    lock_rows(WatchList.objects.filter(pk=watch_list.pk))


def _named(name: str) -> str:
    plain = " ".join(name.split())
    if not plain or len(plain) > _MOST_NAME:
        message = f"Give the list a name of at most {_MOST_NAME} characters."
        raise DomainError("WATCH_LIST_NAME_NOT_VALID", message, {"field": "name"})
    return plain


def _saved(watch_list: WatchList) -> WatchList:
    try:
        with transaction.atomic():
            watch_list.save()
    except IntegrityError as error:
        message = f"You have a list called {watch_list.name!r} already: choose another name."
        raise DomainError("WATCH_LIST_NAME_TAKEN", message, {"field": "name"}, status=409) from error
    return watch_list
