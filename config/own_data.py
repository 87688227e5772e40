"""What a one-process site keeps in its folder: used by one process at a time, never left half made, emptied on request."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection, connections

from common.errors import DomainError


@contextmanager
def sole_use() -> Iterator[None]:
    """Hold the folder while the block runs; raise DomainError ALREADY_RUNNING where another process holds it.

    Two processes without a Redis know nothing of each other: each would move the market of the one database.
    """
    handle = os.open(settings.VAR_DIR, os.O_RDONLY)
    try:
        if not settings.REDIS_URL:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        message = (
            f"Slipstream already runs on {settings.VAR_DIR}: stop it, or give this one a folder of its own with "
            "SLIPSTREAM_VAR_DIR."
        )
        raise DomainError("ALREADY_RUNNING", message, status=409) from error
    finally:
        os.close(handle)


def discard() -> None:
    """Forget everything: the next migration makes an empty database. Raises DomainError where it is not the folder's own."""
    if settings.DATABASE_URL:
        raise DomainError("DATABASE_NOT_OURS", "Only a database of its own is emptied: unset DATABASE_URL.")
    connections.close_all()
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{connection.settings_dict['NAME']}{suffix}").unlink(missing_ok=True)
    if settings.VAR_DIR in settings.CANDLE_DIR.parents:
        shutil.rmtree(settings.CANDLE_DIR, ignore_errors=True)
    _mark().unlink(missing_ok=True)


@contextmanager
def whole_or_not_at_all() -> Iterator[None]:
    """Have what the block puts into an empty database forgotten by the next start, should this one end within the block."""
    if not settings.DATABASE_URL:
        _mark().touch()
    yield
    _mark().unlink(missing_ok=True)


def is_half_made() -> bool:
    """Tell whether an earlier start ended while it filled an empty database."""
    return not settings.DATABASE_URL and _mark().exists()


def _mark() -> Path:
    mark: Path = settings.VAR_DIR / "half-made"
    return mark
