"""What every test gets. Fixtures of one subject stand in tests/fixtures_<subject>.py and are found by their name."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.db import connection, connections
from pytest_django import DjangoDbBlocker

from tests import environment

pytest_plugins = [f"tests.{path.stem}" for path in sorted(Path(__file__).parent.glob("fixtures_*.py"))]

# Two noisy cores: how long an example takes says nothing. What fails must be repeatable from the printed blob alone.
hypothesis.settings.register_profile("slipstream", deadline=None, print_blob=True)
hypothesis.settings.load_profile("slipstream")


def pytest_configure(config: pytest.Config) -> None:
    """Spare tests the seconds that a password hash is meant to cost, and give them the signer's public key."""
    from tests.fixtures_signer import PUBLIC  # its models need settings first

    settings.SIGNER_PUBLIC_KEY = PUBLIC.text
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs services when there are none; the closing line says so."""
    for item in items:
        if item.get_closest_marker("services") and not environment.on_services():
            item.add_marker(pytest.mark.skip(reason="needs PostgreSQL and Redis"))


@pytest.fixture(autouse=True)
def own_decimal_context() -> Iterator[None]:
    """Undo what a test did to the thread's decimal context: ccxt, used by itself, rounds by another one from then on."""
    before = decimal.getcontext().copy()
    yield
    decimal.setcontext(before)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """Keep SQLite's test database in a file: threads and other processes must meet in it as they do in the product."""
    database = connections.databases["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"]["NAME"] = str(settings.VAR_DIR / "test.sqlite3")
    yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Before the database is dropped, end the sessions of threads that outlive their test: they would keep it."""
    yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        connection.close()
