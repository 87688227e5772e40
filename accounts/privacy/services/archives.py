"""Asking for an archive of one's data, making it, and deleting it when its time is over."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from accounts.models import User
from accounts.privacy.archive_file import write_archive
from accounts.privacy.models import ArchiveState, DataArchive
from accounts.privacy.selectors import archive_path
from accounts.services.auditing import audit
from accounts.services.notifications import notify
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.failpoints import failpoint
from common.realtime import publish
from common.tasks import enqueue

# Renewed after each part; a worker that is silent for longer is taken for dead.
LEASE = timedelta(minutes=10)
MOST_ATTEMPTS = 3
UNFINISHED = (ArchiveState.WAITING, ArchiveState.MAKING)
# Making one reads everything that there is.
PAUSE = timedelta(hours=1)


@transaction.atomic
def request_archive(*, user: User) -> DataArchive:
    """Ask for an archive; whoever has one under way gets that. Raises DomainError ARCHIVE_TOO_SOON (429)."""
    lock_rows(User.objects.filter(pk=user.pk))
    under_way = DataArchive.objects.filter(user=user, state__in=UNFINISHED).first()
    if under_way is not None:
        return under_way
    recent = DataArchive.objects.filter(user=user, state=ArchiveState.READY, created_at__gt=wall_now() - PAUSE)
    if recent.exists():
        message = "You have an archive that is less than an hour old."
        raise DomainError("ARCHIVE_TOO_SOON", message, status=429)
    archive = DataArchive.objects.create(user=user)
    audit(action="person.exported", obj=user, actor=user)
    _enqueue(archive.pk)
    return archive


def make_archive(*, archive_id: UUID) -> bool:
    """Make an archive if nobody else does, and return whether it is ready now."""
    archive = _claim(archive_id)
    if archive is None:
        return False
    failpoint("archive_claimed")
    path = archive_path(archive)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f"{archive.pk}.{archive.attempts}.part")
    try:
        # Nobody else's to read from its first byte on.
        part.touch(mode=0o600)
        rows = write_archive(part, archive.user, lambda done, parts, seen: _told(archive, done, parts, seen))
        return _finish(archive, part, path, rows)
    finally:
        part.unlink(missing_ok=True)


def _claim(archive_id: UUID) -> DataArchive | None:
    now = wall_now()
    free = Q(state=ArchiveState.WAITING) | Q(state=ArchiveState.MAKING, lease_until__lte=now)
    mine = DataArchive.objects.filter(free, pk=archive_id, user__is_active=True, attempts__lt=MOST_ATTEMPTS)
    told = {"state": ArchiveState.MAKING, "lease_until": now + LEASE, "parts_done": 0, "rows": 0}
    if not mine.update(**told, attempts=F("attempts") + 1):
        return None
    return DataArchive.objects.select_related("user__profile").get(pk=archive_id)


def _told(archive: DataArchive, done: int, parts: int, rows: int) -> None:
    """Say how far it is, for whoever waits and for the sweeper."""
    told = {"parts_done": done, "parts": parts, "rows": rows, "lease_until": wall_now() + LEASE}
    DataArchive.objects.filter(pk=archive.pk, attempts=archive.attempts).update(**told)
    publish([(f"user:{archive.user_id}", {"refresh": ["archives"]})])


@transaction.atomic
def _finish(archive: DataArchive, part: Path, path: Path, rows: int) -> bool:
    now, size = wall_now(), part.stat().st_size
    mine = DataArchive.objects.filter(pk=archive.pk, state=ArchiveState.MAKING, attempts=archive.attempts)
    expires_at = now + timedelta(hours=settings.ARCHIVE_HOURS)
    told = {"rows": rows, "size_bytes": size, "ready_at": now, "expires_at": expires_at, "lease_until": None}
    if not mine.update(state=ArchiveState.READY, **told):
        return False  # another took it over, or its person left meanwhile
    part.replace(path)
    publish([(f"user:{archive.user_id}", {"refresh": ["archives"]})])
    notify(user=archive.user, event="archive.ready", context={"hours": settings.ARCHIVE_HOURS})
    return True


def sweep_archives() -> None:
    """Have made what a lost task or a dead worker left, give up what failed thrice, delete what has expired."""
    now = wall_now()
    late = DataArchive.objects.filter(
        Q(state=ArchiveState.WAITING, created_at__lte=now - timedelta(minutes=1))
        | Q(state=ArchiveState.MAKING, lease_until__lte=now)
    )
    late.filter(attempts__gte=MOST_ATTEMPTS).update(state=ArchiveState.FAILED, lease_until=None)
    for pk in late.values_list("pk", flat=True):
        _enqueue(pk)
    for archive in DataArchive.objects.filter(state=ArchiveState.READY, expires_at__lte=now):
        delete_file(archive)
        DataArchive.objects.filter(pk=archive.pk).update(state=ArchiveState.EXPIRED)
    for part in Path(settings.ARCHIVE_DIR).glob("*.part"):
        # What is being written is touched all the time; this was left by a worker that was killed.
        with suppress(FileNotFoundError):
            if part.stat().st_mtime < (now - LEASE).timestamp():
                part.unlink()


def delete_file(archive: DataArchive) -> None:
    """Delete what lies on the disk of an archive, begun or whole."""
    for path in archive_path(archive).parent.glob(f"{archive.pk}.*"):
        path.unlink(missing_ok=True)


def record_download(*, archive: DataArchive) -> None:
    """Write down that an archive was fetched."""
    audit(action="archive.downloaded", obj=archive, actor=archive.user)


def _enqueue(archive_id: UUID) -> None:
    from accounts.tasks import make_archive as task

    enqueue(task, str(archive_id))
