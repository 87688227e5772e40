"""Reads about archives, consents and leaving, and the gate of an archive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import User
from accounts.privacy.models import ArchiveState, Consent, ConsentKind, DataArchive, Departure
from common.clock import wall_now
from common.errors import DomainError, NotFound

# What can be taken back; of the others one can only leave.
REVOCABLE = frozenset({ConsentKind.MARKETING})


def archives_of(user: User) -> QuerySet[DataArchive]:
    """Return the archives that somebody asked for, newest first."""
    return DataArchive.objects.filter(user=user)


def archive_for_user(user: User, archive_id: UUID) -> DataArchive:
    """Gate: one's own archive."""
    found = archives_of(user).filter(pk=archive_id).first()
    if found is None:
        raise NotFound("archive")
    return found


def archive_path(archive: DataArchive) -> Path:
    """Return where an archive's file lies, or will."""
    return Path(settings.ARCHIVE_DIR) / f"{archive.pk}.zip"


def check_ready(archive: DataArchive) -> Path:
    """Return the file of an archive that can be had now; DomainError ARCHIVE_NOT_READY (409) or ARCHIVE_EXPIRED (410)."""
    if archive.state in (ArchiveState.WAITING, ArchiveState.MAKING):
        raise DomainError("ARCHIVE_NOT_READY", "This archive is still being made.", status=409)
    path = archive_path(archive)
    late = archive.expires_at is None or archive.expires_at <= wall_now()
    if archive.state != ArchiveState.READY or late or not path.exists():
        raise DomainError("ARCHIVE_EXPIRED", "This archive is no longer kept: ask for a new one.", status=410)
    return path


def departure_of(user: User) -> Departure | None:
    """Return somebody's wish to leave; None where they stay."""
    return Departure.objects.filter(pk=user.pk).first()


WORDS = {
    ConsentKind.TERMS: "The terms of this site, as its operator publishes them.",
    ConsentKind.RISK: "What is traded can lose all its worth, copying a lead included; past results promise nothing.",
    ConsentKind.MARKETING: "Mail about what is new here, now and then.",
}


@dataclass(frozen=True, slots=True)
class ConsentState:
    """One kind of consent as its person stands to it: what is in force (if anything), and what may be done about it."""

    kind: str
    label: str
    version: str
    given_version: str
    given_at: datetime | None
    can_revoke: bool

    @property
    def words(self) -> str:
        return WORDS[ConsentKind(self.kind)]

    @property
    def address(self) -> str:
        """Where its text can be read; "" where the words are all there is of it."""
        return str(settings.TERMS_URL) if self.kind == ConsentKind.TERMS else ""

    @property
    def is_current(self) -> bool:
        return self.given_at is not None and self.given_version == self.version


def current_version(kind: str) -> str:
    """Return the version that is asked for now; "" where this site asks for none."""
    versions = {ConsentKind.TERMS: settings.TERMS_VERSION, ConsentKind.RISK: settings.RISK_VERSION}
    return str(versions.get(ConsentKind(kind), "1"))


def consents_of(user: User) -> list[ConsentState]:
    """Return each kind of consent that this site asks for, or that somebody gave."""
    given = {one.kind: one for one in Consent.objects.filter(user=user, revoked_at=None).order_by("id")}
    return [
        ConsentState(
            kind.value,
            kind.label,
            current_version(kind),
            given[kind].version if kind in given else "",
            given[kind].given_at if kind in given else None,
            kind in REVOCABLE and kind in given,
        )
        for kind in ConsentKind
        if current_version(kind) or kind in given
    ]


def consent_log(user: User) -> QuerySet[Consent]:
    """Return every consent that somebody gave, newest first, those taken back as well."""
    return Consent.objects.filter(user=user)
