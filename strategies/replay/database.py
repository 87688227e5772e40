"""A fresh database of the configured kind for one replay, dropped at its end, and candles and Redis names of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import environ
from celery import current_app
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from common.bus import bus
from common.ids import new_token


@dataclass(frozen=True, slots=True)
class ReplayWorld:
    """Where a replay lives: environment variables with which another process reaches the same world."""

    database_url: str
    environment: dict[str, str]


@contextmanager
def without_mail() -> Iterator[None]:
    """Send no mail from this process while the block runs: made-up people have no mailboxes."""
    before, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.dummy.EmailBackend"
    try:
        yield
    finally:
        settings.EMAIL_BACKEND = before


@contextmanager
def fresh_world(*, database_url: str | None, keep: bool) -> Iterator[ReplayWorld]:
    """Point this process at an empty migrated database and an empty candle directory; clean both up afterwards."""
    name = f"replay_{new_token(6).lower().replace('-', '_')}"
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    before = dict(connection.settings_dict), settings.CANDLE_DIR, settings.REDIS_PREFIX
    url = database_url or _create_database(name, folder)
    try:
        _point_at(url, folder / "candles", f"{settings.REDIS_PREFIX}{name}:")
        call_command("migrate", verbosity=0, interactive=False)
        yield ReplayWorld(
            database_url=url,
            environment={
                "DATABASE_URL": url,
                "SLIPSTREAM_CANDLE_DIR": str(settings.CANDLE_DIR),
                "SLIPSTREAM_REDIS_PREFIX": settings.REDIS_PREFIX,
                "EMAIL_URL": "dummymail://",
            },
        )
    finally:
        _disconnect()
        connection.settings_dict.update(before[0])
        _use(*before[1:])
        if not keep:
            if database_url is None and connection.vendor == "postgresql":
                _execute_outside(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            shutil.rmtree(folder, ignore_errors=True)


def _create_database(name: str, folder: Path) -> str:
    if connection.vendor == "sqlite":
        return f"sqlite:///{folder / 'replay.sqlite3'}"
    _execute_outside(f'CREATE DATABASE "{name}"')
    # A replay that loses its server is begun anew: its commits need not wait for the disk, as a site's must. Whoever else
    # is killed, loses nothing by it.
    _execute_outside(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    return _with_name(settings.DATABASE_URL, name)


def _with_name(url: str, name: str) -> str:
    head, _, tail = url.partition("://")
    place, _, path = tail.rpartition("/")
    query = f"?{path.partition('?')[2]}" if "?" in path else ""
    return f"{head}://{place}/{name}{query}"


def _execute_outside(sql: str) -> None:
    """Run a statement that no transaction may hold, on the configured database's server."""
    with connection._nodb_cursor() as cursor:
        cursor.execute(sql)


def _point_at(url: str, candle_dir: Path, redis_prefix: str) -> None:
    _disconnect()
    connection.settings_dict["NAME"] = environ.Env.db_url_config(url)["NAME"]
    candle_dir.mkdir(parents=True, exist_ok=True)
    _use(candle_dir, redis_prefix)


def _disconnect() -> None:
    connection.close()
    if hasattr(connection, "close_pool"):
        connection.close_pool()


def _use(candle_dir: Path, redis_prefix: str) -> None:
    """Take other candles, and other names in Redis: the bus's, and those under which tasks are sent."""
    options = current_app.conf.broker_transport_options
    if "global_keyprefix" in options:
        renamed = options["global_keyprefix"].replace(settings.REDIS_PREFIX, redis_prefix, 1)
        current_app.conf.broker_transport_options = {**options, "global_keyprefix": renamed}
        # Connections that this process has sent tasks over keep the old names: forget them, as a forked child would.
        current_app._after_fork()  # type: ignore[attr-defined]  # Celery has no public name for it
    settings.CANDLE_DIR, settings.REDIS_PREFIX = candle_dir, redis_prefix
    bus.cache_clear()
