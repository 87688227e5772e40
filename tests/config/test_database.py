"""What a site keeps of a PostgreSQL that was restarted: nothing that a request or a task would stumble over."""

from __future__ import annotations

import os

import psycopg
import pytest
from django.db import connection


def _backend() -> int:
    """Return the id of the server process behind this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_connections_that_died_in_the_pool_are_given_to_nobody() -> None:
    died = _backend()
    # Back into the pool, as at the end of a request.
    connection.close()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as operator:
        name = connection.settings_dict["NAME"]
        backends = operator.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", [name]).fetchall()
        alive = [pid for (pid,) in backends]
        assert died in alive
        operator.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [alive])
        while operator.execute("SELECT 1 FROM pg_stat_activity WHERE pid = ANY(%s)", [alive]).fetchone():
            pass
    assert _backend() not in alive
