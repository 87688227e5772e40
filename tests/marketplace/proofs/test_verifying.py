"""verify_record: a record that was left alone holds; whatever is edited makes it fail, and the first fault is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F
from pytest_django import Settings

from common.clock import wall_now
from common.db import bulk_insert
from common.ids import new_id, seeded_random
from marketplace.proofs.models import RecordRoot, Seal, SealedBook
from marketplace.proofs.selectors import verify
from marketplace.proofs.services.sealing import ROOT_EVERY, seal_fills, sign_root
from portfolios.models import Portfolio, Position
from tests.fixtures_verified import Sealed
from trading.canonical import fill_bytes, fill_lines
from trading.models import Fill

D = Decimal


def shift(since: int, by: int) -> None:
    """Move numbers from `since` on, the outermost first, so that none is there twice."""
    order = "-number" if by > 0 else "number"
    for fill in Fill.objects.filter(number__gte=since).order_by(order):
        Fill.objects.filter(pk=fill.pk).update(number=F("number") + by)


def delete_and_close_up() -> None:
    Fill.objects.filter(number=2).delete()
    shift(3, -1)


def insert(number: int) -> None:
    shift(number, 1)
    fill = Fill.objects.order_by("number")[0]
    fill.pk, fill.number, fill.venue_fill_id = new_id(), number, "inserted"
    Fill.objects.bulk_create([fill])
    Portfolio.objects.filter(pk=fill.portfolio_id).update(fill_count=F("fill_count") + 1)


def swap() -> None:
    for before, after in ((2, 99), (3, 2), (99, 3)):
        Fill.objects.filter(number=before).update(number=after)


def edit(number: int, **facts: object) -> Callable[[], object]:
    return lambda: Fill.objects.filter(number=number).update(**facts)


def seal(first: int, **facts: object) -> Callable[[], object]:
    return lambda: Seal.objects.filter(first=first).update(**facts)


def root(number: int, **facts: object) -> Callable[[], object]:
    return lambda: RecordRoot.objects.filter(number=number).update(**facts)


def forge() -> None:
    """Change a fill as somebody would who has the database and no key: its seal is made anew, to be signed within the hour."""
    Fill.objects.filter(number=4).update(price=D(1))
    old = Seal.objects.get(first=4)
    Seal.objects.filter(pk=old.pk).delete()
    SealedBook.objects.update(number=old.first - 1, link=old.previous_link)
    seal_fills()
    sign_root(now=wall_now() + 9 * ROOT_EVERY)


WRONG = "ab" * 32
EDITS: dict[str, tuple[Callable[[], object], str, int]] = {
    "a price": (edit(4, price=D("104.000000000000000001")), "FILL", 4),
    "a quantity": (edit(1, quantity=D(7)), "FILL", 1),
    "a fee": (edit(5, fee=D("0.1")), "FILL", 5),
    "a fee in kind": (edit(2, base_fee=D("0.1")), "FILL", 2),
    "a side": (edit(3, side="SELL"), "FILL", 3),
    "a time by a microsecond": (edit(2, happened_at=F("happened_at") + timedelta(microseconds=1)), "FILL", 2),
    "when it was recorded": (edit(2, recorded_at=F("recorded_at") + timedelta(seconds=1)), "FILL", 2),
    "the venue's id": (edit(3, venue_fill_id="other"), "FILL", 3),
    "a fill deleted": (lambda: Fill.objects.filter(number=2).delete(), "FILL", 2),
    "the last deleted": (lambda: Fill.objects.filter(number=5).delete(), "FILL", 5),
    "a fill deleted, the rest renumbered": (delete_and_close_up, "FILL", 2),
    "a fill inserted": (lambda: insert(3), "FILL", 3),
    "two fills swapped": (swap, "FILL", 2),
    "a seal's link": (seal(1, link=WRONG), "SEAL", 1),
    "a seal's former link": (seal(4, previous_link=WRONG), "SEAL", 4),
    "a seal's time": (seal(4, sealed_at=F("sealed_at") - timedelta(days=1)), "SEAL", 4),
    "a seal's leaves": (seal(4, leaves=bytes(64)), "SEAL", 4),
    "a seal's path": (seal(4, path=bytes(32)), "SEAL", 4),
    "a seal's place": (seal(4, place=1), "SEAL", 4),
    "a seal deleted": (lambda: Seal.objects.filter(first=1).delete(), "SEAL", 1),
    "the last seal deleted": (lambda: Seal.objects.filter(first=4).delete(), "SEAL", 4),
    "a seal in another root": (seal(4, root=1), "SEAL", 4),
    "how far it is sealed": (lambda: SealedBook.objects.update(number=3), "SEAL", 6),
    "a root's head": (root(2, root=WRONG), "ROOT", 2),
    "a root's time": (root(1, at=F("at") - timedelta(days=1)), "ROOT", 1),
    "a root's size": (root(2, size=2), "ROOT", 2),
    "a root's former one": (root(2, previous=WRONG), "ROOT", 2),
    "a signature": (root(2, signature="00" * 64), "ROOT", 2),
    "no signature at all": (root(2, signature="none"), "ROOT", 2),
    "a fill and its seal, signed again": (forge, "ROOT", 2),
    "a position": (lambda: Position.objects.update(quantity=D(1)), "FIGURE", 0),
}


def test_whatever_is_edited_is_found(sealed: Sealed) -> None:
    assert verify(sealed.listing).faults == []
    wrong = {}
    for name, (change, part, number) in EDITS.items():
        with transaction.atomic():
            change()
            found = [(one.part, one.number) for one in verify(sealed.listing).faults]
            transaction.set_rollback(True)
        if found[:1] != [(part, number)]:
            wrong[name] = found
    assert wrong == {}


def test_the_command_tells_and_fails(sealed: Sealed) -> None:
    def told(*options: str) -> str:
        out = StringIO()
        call_command("verify_record", str(sealed.listing.pk), *options, stdout=out)
        return out.getvalue()

    assert told() == "ok      5 fills, 5 of them in 2 seals, up to 5 in signed roots; 2 roots.\n"
    sealed.pit.buy(1)
    found = json.loads(told("--json"))
    assert (found["holds"], found["fills"], found["sealed"], found["faults"]) == (True, 6, 5, [])
    Fill.objects.filter(number=3).update(price=D("103.1"))
    with pytest.raises(CommandError, match=r"^Fill 3 is not what was sealed\.$"):
        told()
    with pytest.raises(CommandError, match="no such listing"):
        call_command("verify_record", str(new_id()))


def test_a_fill_that_is_not_sealed_yet_cannot_vanish(sealed: Sealed) -> None:
    sealed.pit.buy(1)
    sealed.pit.buy(1)
    Fill.objects.filter(number=6).delete()
    assert next(one.message for one in verify(sealed.listing).faults) == "Fill 6 is missing."


def test_roots_of_a_key_that_is_not_trusted_are_refused(sealed: Sealed, settings: Settings) -> None:
    settings.RECORD_PUBLIC_KEYS = ["11" * 32]
    assert [one.part for one in verify(sealed.listing).faults] == ["ROOT", "ROOT"]


def test_the_bytes_made_by_the_database_are_those_of_each_fill(sealed: Sealed) -> None:
    """The fast way on PostgreSQL against the slow one, over odd amounts, times and texts."""
    chance, texts = seeded_random("fills"), ["paper", 'a "b"', "back\\slash", "é\n\t", "del\x7f", "\x01😀", "a/b"]
    one = Fill.objects.order_by("number")[0]
    odd = []
    for number in range(6, 206):
        one.pk, one.number, one.venue_fill_id = new_id(), number, f"{chance.choice(texts)}{number}"
        one.venue_account, one.side = chance.choice(texts), chance.choice(["BUY", "SELL"])
        for name in ("quantity", "price", "fee", "base_fee"):
            setattr(one, name, D(chance.randrange(10 ** chance.randrange(1, 21))).scaleb(-chance.randrange(19)))
        one.base_fee *= chance.randrange(2)
        one.happened_at += timedelta(microseconds=chance.randrange(10**9))
        odd.append(Fill(**{field.attname: getattr(one, field.attname) for field in Fill._meta.concrete_fields}))
    Fill.objects.bulk_create(odd)
    stored = [fill_bytes(fill) for fill in Fill.objects.order_by("number")]
    assert list(fill_lines(sealed.pit.lead.pk)) == stored
    assert list(fill_lines(sealed.pit.lead.pk, first=7, last=9)) == stored[6:9]


@pytest.mark.services
def test_a_fault_among_many_fills_leaves_the_connection_usable(sealed: Sealed) -> None:
    """More than a socket holds: what the server still had to say must not break what is asked after it."""
    one = Fill.objects.order_by("number")[4]
    columns = {field.attname: getattr(one, field.attname) for field in Fill._meta.concrete_fields}
    more = [columns | {"id": new_id(), "number": number, "venue_fill_id": str(number)} for number in range(6, 8_006)]
    bulk_insert(Fill, [Fill(**facts) for facts in more])
    lines = fill_lines(sealed.pit.lead.pk)
    next(lines)
    del lines
    Fill.objects.filter(number=2).update(price=D(1))
    faults = verify(sealed.listing).faults
    assert [(one.part, one.number) for one in faults[:2]] == [("FILL", 2), ("FIGURE", 0)]
