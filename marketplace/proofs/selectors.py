"""Reads of proofs: a record's seals and roots, the proof of one fill, and what is wrong with a record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, QuerySet

from accounts.models import User
from common.clock import wall_now
from common.db import one_moment
from common.errors import DomainError, NotFound
from common.fields import DecimalSum
from engine.decimals import ZERO
from engine.records.checking import Fault, KeptSeal, Proof, fill_fault, root_faults, seal_faults
from engine.records.hashes import link_after, split_hashes
from engine.records.statements import RootStatement
from marketplace.entitlements import withheld
from marketplace.models import Listing, TrackRecord
from marketplace.proofs.keys import trusted_keys
from marketplace.proofs.models import RecordKey, RecordRoot, Seal, SealedBook
from marketplace.proofs.statements import kept_seal, seal_statement, signed_root
from portfolios.models import EquitySnapshot, Portfolio, Position
from trading.canonical import fill_lines
from trading.models import Fill, change_of

# How late whoever does not subscribe to a paid listing gets its fills (wall time).
DELAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class SealedUpTo:
    """How far a portfolio's record is sealed, when that was, and which root holds the newest seal (none yet: None)."""

    number: int
    fills: int
    at: datetime | None
    root: int | None


def sealed_up_to(portfolio: Portfolio) -> SealedUpTo:
    newest = Seal.objects.filter(portfolio=portfolio).order_by("-first").defer("leaves").first()
    if newest is None:
        return SealedUpTo(0, portfolio.fill_count, None, None)
    return SealedUpTo(newest.last, portfolio.fill_count, newest.sealed_at, newest.root_id)


def public_keys() -> dict[str, bytes]:
    """Return the public keys, by id, whose roots are trusted here."""
    known = trusted_keys() or dict(RecordKey.objects.values_list("pk", "public"))
    return {key: bytes.fromhex(public) for key, public in known.items()}


def delay_of(listing: Listing, reader: User | None) -> timedelta | None:
    """Return how old a listing's fills are when a reader may have them; None: at once.

    A record is everybody's to check; of a paid listing its newest fills are what is sold.
    """
    return DELAY if withheld([listing], reader) else None


def shown_seals(listing: Listing, delay: timedelta | None) -> QuerySet[Seal]:
    """Return a record's seals, or those of them that were made so long ago and are in a signed root."""
    seals = Seal.objects.filter(portfolio=listing.portfolio_id)
    return seals if delay is None else seals.filter(sealed_at__lte=wall_now() - delay, root__isnull=False)


def proof_of(listing: Listing, number: int, *, delay: timedelta | None = None) -> Proof:
    """Return the proof that a fill of a listing's portfolio is in a signed root.

    DomainError NOT_SEALED_YET, NOT_SIGNED_YET; RECORD_DELAYED for what was sealed less than `delay` ago.
    """
    seals = Seal.objects.filter(portfolio=listing.portfolio_id, first__lte=number).select_related("root")
    # The newest that begins there or before: by the index, however long the record is.
    seal = seals.order_by("-first").first()
    if seal is None or seal.last < number:
        if not 1 <= number <= listing.portfolio.fill_count:
            raise NotFound("fill")
        message = "This fill is not sealed yet: that is done once a minute."
        raise DomainError("NOT_SEALED_YET", message, status=409)
    if seal.root is None:
        message = "No root has been signed since this fill was sealed: that is done once an hour."
        raise DomainError("NOT_SIGNED_YET", message, status=409)
    if delay is not None and seal.sealed_at > wall_now() - delay:
        message = "The newest day of this record is its subscribers': ask again when this fill is a day old."
        raise DomainError("RECORD_DELAYED", message, status=409)
    leaves, at = split_hashes(bytes(seal.leaves)), number - seal.first
    return Proof(
        number=number,
        leaf=leaves[at],
        before=link_after(bytes.fromhex(seal.previous_link), leaves[:at]),
        after=tuple(leaves[at + 1 :]),
        seal=seal_statement(seal),
        place=seal.place,
        path=tuple(split_hashes(bytes(seal.path))),
        root=signed_root(seal.root),
    )


def fill_text(listing: Listing, number: int) -> str:
    """Return a stored fill's canonical bytes as text."""
    return b"".join(fill_lines(listing.portfolio_id, first=number, last=number)).decode("ascii")


def public_key_text(key: str) -> str:
    """Return a public key (hex) by its id; blank for one that is not trusted here."""
    return public_keys().get(key, b"").hex()


@dataclass(slots=True)
class Verdict:
    """What checking a record found: how much was looked at, and what is wrong with it, the first fault first."""

    portfolio: UUID
    fills: int = 0
    sealed: int = 0
    seals: int = 0
    signed: int = 0
    roots: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.faults


def verify(listing: Listing) -> Verdict:
    """Compute a listing's record anew from its stored fills, as of one moment, and compare it with seals, roots and figures."""
    with one_moment():
        portfolio = Portfolio.objects.get(pk=listing.portfolio_id)
        roots = [signed_root(one) for one in RecordRoot.objects.order_by("number").iterator()]
        seals = [kept_seal(one) for one in Seal.objects.filter(portfolio=portfolio).order_by("first").iterator()]
        verdict = Verdict(portfolio.pk, portfolio.fill_count, seals=len(seals), roots=len(roots))
        verdict.sealed = seals[-1].statement.last if seals else 0
        verdict.signed = max((one.statement.last for one in seals if one.root), default=0)
        by_number = {one.statement.number: one.statement for one in roots}
        verdict.faults += root_faults(roots, public_keys())
        verdict.faults += seal_faults(str(portfolio.pk), seals, by_number)
        verdict.faults += _head_faults(portfolio, seals)
        verdict.faults += _fill_faults(portfolio, seals, verdict)
        verdict.faults += _lost_faults(by_number)
        verdict.faults += _figure_faults(listing)
    return verdict


def _lost_faults(roots: dict[int, RootStatement]) -> Iterator[Fault]:
    """Count each root's seals: one that was taken out, to be made anew and signed again as if it were new, is missed here."""
    rows = Seal.objects.exclude(root=None).order_by().values_list("root").annotate(count=Count("pk"))
    kept = dict(rows)
    for number, root in roots.items():
        if kept.get(number, 0) != root.size:
            yield Fault(
                "ROOT", number, f"Root {number} is over {root.size} seals, and {kept.get(number, 0)} are there."
            )


def _head_faults(portfolio: Portfolio, seals: list[KeptSeal]) -> Iterator[Fault]:
    """Compare how far the sealing task says it is with the last seal: seals cut off at the end are missed here."""
    book = SealedBook.objects.filter(portfolio=portfolio).first()
    said = (0, None) if book is None or not book.number else (book.number, book.link)
    kept = (seals[-1].statement.last, seals[-1].statement.link) if seals else (0, None)
    if said != kept:
        yield Fault("SEAL", kept[0] + 1, f"Seals end at fill {kept[0]}, and fills are sealed up to {said[0]}.")


def _fill_faults(portfolio: Portfolio, seals: list[KeptSeal], verdict: Verdict) -> Iterator[Fault]:
    counted = _Counted(fill_lines(portfolio.pk))
    fault = None if any(one.part == "SEAL" for one in verdict.faults) else fill_fault(counted, seals)
    # All of them, so that they can be counted, and that the connection is free for what is asked next.
    for _ in counted:
        continue
    if fault is not None:
        yield fault
    elif counted.count != portfolio.fill_count:
        number = min(counted.count, portfolio.fill_count) + 1
        yield Fault("FILL", number, f"{counted.count} fills are stored, and {portfolio.fill_count} were booked.")


class _Counted:
    """Fills on their way, counted."""

    def __init__(self, fills: Iterator[bytes]) -> None:
        self._fills, self.count = fills, 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        found = next(self._fills)
        self.count += 1
        return found


def _figure_faults(listing: Listing) -> Iterator[Fault]:
    """Compare what follows from fills: what each position holds and has paid; and the newest figures with their snapshot."""
    made = _positions_made(listing.portfolio_id)
    rows = Position.objects.filter(portfolio=listing.portfolio_id)
    kept = {row.instrument_id: (row.quantity, row.fees_paid) for row in rows}
    for key in sorted(made.keys() | kept.keys()):
        if made.get(key, _NOTHING) != kept.get(key, _NOTHING):
            yield Fault("FIGURE", 0, f"The position in instrument {key} is not what the fills make of it.")
    record = TrackRecord.objects.filter(listing=listing).first()
    if record is None:
        return
    told = (record.as_of, record.equity, record.net_deposits)
    newest = (record.newest_as_of, record.newest_equity, record.newest_net_deposits)
    for at, *shown in dict.fromkeys((told, newest)):
        if at is None:
            continue
        snapshots = EquitySnapshot.objects.filter(portfolio=listing.portfolio_id, at=at)
        taken = set(snapshots.values_list("equity", "net_deposits"))
        if taken and taken != {tuple(shown)}:
            yield Fault("FIGURE", 0, f"The equity shown as of {at:%Y-%m-%d %H:%M} is not what was measured then.")


_NOTHING = (ZERO, ZERO)


def _positions_made(portfolio_id: UUID) -> dict[UUID, tuple[Decimal, Decimal]]:
    """Return what all fills come to, by instrument: signed base units, and fees in quote units."""
    rows = (
        Fill.objects.filter(portfolio=portfolio_id)
        .values("instrument", "side")
        .annotate(moved=DecimalSum("quantity"), kept=DecimalSum("base_fee"), fees=DecimalSum("fee"))
    )
    made: dict[UUID, tuple[Decimal, Decimal]] = {}
    for row in rows:
        quantity, fees = made.get(row["instrument"], _NOTHING)
        change = change_of(row["side"], row["moved"], row["kept"])
        made[row["instrument"]] = (quantity + change, fees + row["fees"])
    return made
