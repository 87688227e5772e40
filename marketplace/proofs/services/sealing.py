"""Sealing: what is new of every portfolio's fills becomes links of its chain; seals become leaves of a signed root."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import reduce
from itertools import groupby, islice
from operator import attrgetter, or_
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from common.clock import wall_now
from common.db import bulk_insert, bulk_update, lock_rows
from common.ids import first_id_at
from engine.records.hashes import first_link, leaf_hash, link_after
from engine.records.statements import NO_ROOT, sign
from engine.records.tree import paths, tree_head
from marketplace.proofs.keys import own_public_key, signing_key
from marketplace.proofs.models import RecordKey, RecordRoot, Seal, SealedBook
from marketplace.proofs.statements import root_statement, seal_statement
from portfolios.models import Portfolio
from trading.canonical import fill_bytes
from trading.models import Fill

# So many fills a seal at most, and so many portfolios a transaction.
FILLS, PORTFOLIOS = 1_000, 100
ROOT_EVERY = timedelta(hours=1)
# A tree of so many leaves takes a second.
SEALS_OF_ROOT = 100_000
# A fill gets its key so long, at most, before it is there to be sealed.
LATE = timedelta(minutes=10)


def seal_fills(*, since: datetime | None = None) -> int:
    """Seal what is new of portfolios that have traded; return how many seals were made.

    Of all of them; or, which costs nothing where nobody has, of those with fills recorded after `since` (wall time). Rows
    say what is left to do: two that run at once share the work, and one that is killed leaves nothing half done.
    """
    made, last = 0, UUID(int=0)
    while due := _due_after(last, since):
        while sealed := _seal_batch(due):
            made += sealed
        last = due[-1]
    return made


def seal_recent_fills() -> int:
    """Seal what came since the last seal, and somewhat before: of what commits late, or was left by a killed call."""
    newest = Seal.objects.order_by("-pk").values_list("sealed_at", flat=True).first()
    return seal_fills(since=None if newest is None else newest - LATE)


def _due_after(last: UUID, since: datetime | None) -> list[UUID]:
    """Return the next portfolios, by key, that have counted more fills than are sealed."""
    behind = Q(sealed_book=None) | Q(fill_count__gt=F("sealed_book__number"))
    rows = Portfolio.objects.filter(behind, fill_count__gt=0, pk__gt=last).order_by("pk")
    if since is not None:
        # Keys begin with the time they were made at: their index finds what is new.
        rows = rows.filter(pk__in=Fill.objects.filter(pk__gte=first_id_at(since)).values("portfolio"))
    return list(rows.values_list("pk", flat=True)[:PORTFOLIOS])


@transaction.atomic
def _seal_batch(portfolio_ids: Sequence[UUID]) -> int:
    """Make one seal for each of these portfolios that has fills to seal."""
    fresh = [SealedBook(portfolio_id=one, link=first_link(str(one)).hex()) for one in portfolio_ids]
    bulk_insert(SealedBook, fresh, ignore_conflicts=True)
    books = {one.pk: one for one in lock_rows(SealedBook.objects.filter(pk__among=portfolio_ids))}
    # Bounds in numbers, so that each is a range of the index: joined to the book, a long record would be read from its beginning.
    bounds = (Q(portfolio=one.pk, number__gt=one.number, number__lte=one.number + FILLS) for one in books.values())
    fills = Fill.objects.filter(reduce(or_, bounds)).order_by("portfolio", "number").iterator(chunk_size=FILLS)
    now = wall_now()
    seals = [
        seal
        for portfolio_id, rows in groupby(fills, key=attrgetter("portfolio_id"))
        if (seal := _sealed(books[portfolio_id], rows, now)) is not None
    ]
    bulk_insert(Seal, seals)
    bulk_update(SealedBook, [books[seal.portfolio_id] for seal in seals], ["number", "link"])
    return len(seals)


def _sealed(book: SealedBook, fills: Iterator[Fill], now: datetime) -> Seal | None:
    """Return the seal of a book's next fills and move the book on; None where the very next one is not there."""
    leaves = [leaf_hash(fill_bytes(fill)) for fill in _following(book.number, fills)]
    if not leaves:
        return None
    before, first = book.link, book.number + 1
    book.number += len(leaves)
    book.link = link_after(bytes.fromhex(before), leaves).hex()
    return Seal(
        portfolio_id=book.pk,
        first=first,
        last=book.number,
        previous_link=before,
        link=book.link,
        leaves=b"".join(leaves),
        sealed_at=now,
    )


def _following(number: int, fills: Iterator[Fill]) -> Iterator[Fill]:
    """Yield fills up to the first that is missing: what comes after a gap is never sealed."""
    for expected, fill in enumerate(fills, number + 1):
        if fill.number != expected:
            return
        yield fill


def root_is_due(*, now: datetime | None = None) -> bool:
    """Say whether a root is signed as soon as there is anything to sign."""
    return _is_due(RecordRoot.objects.order_by("-number").first(), now or wall_now())


def _is_due(former: RecordRoot | None, now: datetime) -> bool:
    return former is None or former.at <= now - ROOT_EVERY or former.size >= SEALS_OF_ROOT


@transaction.atomic
def sign_root(*, now: datetime | None = None) -> RecordRoot | None:
    """Sign a root over the seals that have none, an hour after the last one, or when that one was full; None where nothing is due.

    Of two at once the second finds the number taken and does nothing.
    """
    now = now or wall_now()
    former = RecordRoot.objects.order_by("-number").first()
    if not _is_due(former, now):
        return None
    unsigned = Seal.objects.filter(root=None).defer("leaves").order_by("pk")
    seals = list(islice(unsigned.iterator(), SEALS_OF_ROOT))
    if not seals:
        return None
    private = signing_key()
    key, public = own_public_key(private)
    bulk_insert(RecordKey, [RecordKey(id=key, public=public, first_used_at=now)], ignore_conflicts=True)
    leaves = [seal_statement(seal).leaf for seal in seals]
    root = RecordRoot(
        number=1 if former is None else former.number + 1,
        previous=NO_ROOT if former is None else root_statement(former).hash,
        size=len(leaves),
        root=tree_head(leaves).hex(),
        at=now,
        key_id=key,
    )
    root.signature = sign(root_statement(root), private).hex()
    if not bulk_insert(RecordRoot, [root], ignore_conflicts=True):
        return None
    for place, (seal, path) in enumerate(zip(seals, paths(leaves), strict=True)):
        seal.root, seal.place, seal.path = root, place, b"".join(path)
    bulk_update(Seal, seals, ["root", "place", "path"])
    return root
