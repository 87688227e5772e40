"""The services that tests and benches run on: they come up, they are ours alone, and they are gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tools import services

pytestmark = pytest.mark.services

ROOT = Path(__file__).resolve().parent.parent.parent
SHOW = "import os; [print(os.environ.get(name)) for name in ('DATABASE_URL', 'REDIS_URL', 'SLIPSTREAM_LEFT_OUT')]"
WAIT = "import os, time; print(os.getpid(), os.environ['DATABASE_URL'], flush=True); time.sleep(60)"


def _beside_services(script: str, **extra: str) -> subprocess.Popen[str]:
    """Start a Python script under tools.services, as somebody who has no services yet."""
    inherited = {
        key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "REDIS_URL", services.OWNED}
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tools.services", "--", sys.executable, "-c", script],
        cwd=ROOT,
        env=inherited | extra,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _ends_well(process: subprocess.Popen[str]) -> bool:
    return process.communicate(timeout=60) == ("", "") and process.returncode == 0


def _refuses_connections(database: str) -> bool:
    try:
        psycopg.connect(database, connect_timeout=1).close()
    except psycopg.OperationalError as error:
        return "Connection refused" in str(error)
    return False


@pytest.fixture(scope="module")
def started() -> Iterator[dict[str, str]]:
    with services.running_services() as environment:
        yield environment


def test_postgres_is_empty_and_ours(started: dict[str, str]) -> None:
    with psycopg.connect(started["DATABASE_URL"]) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        databases = connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1").fetchall()
    assert tables == (0,)
    assert databases == [("postgres",), ("slipstream",)]


def test_postgres_refuses_another_password(started: dict[str, str]) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(started["DATABASE_URL"], password="guess")


def test_redis_is_empty_and_asks_for_a_password(started: dict[str, str]) -> None:
    with redis.Redis.from_url(started["REDIS_URL"]) as client:
        assert client.dbsize() == 0
    stranger = redis.Redis.from_url(started["REDIS_URL"].replace("redis://:", "redis://:not-"))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_neither_runs_as_root(started: dict[str, str]) -> None:
    with psycopg.connect(started["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        assert Path(f"/proc/{row[0]}").stat().st_uid != 0
    with redis.Redis.from_url(started["REDIS_URL"]) as client:
        assert Path(f"/proc/{client.info('server')['process_id']}").stat().st_uid != 0


def test_a_command_sees_them_and_its_exit_code_is_ours() -> None:
    process = _beside_services(SHOW + "; raise SystemExit(7)")
    output, errors = process.communicate(timeout=60)
    database, store, left_out = output.splitlines()
    assert (process.returncode, errors) == (7, "")
    assert database.startswith("postgres://slipstream:")
    assert store.startswith("redis://:")
    assert left_out == "None"


def test_nothing_is_left_when_it_is_terminated() -> None:
    with _beside_services(WAIT) as process:
        assert process.stdout
        pid, database = process.stdout.readline().split()
        assert not _refuses_connections(database)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert not Path(f"/proc/{pid}").exists()
    assert _refuses_connections(database)


def test_the_servers_end_even_when_nobody_can_end_them_and_the_next_run_sweeps() -> None:
    with _beside_services(WAIT) as process:
        assert process.stdout
        _pid, database = process.stdout.readline().split()
        with psycopg.connect(database) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        os.killpg(process.pid, signal.SIGKILL)
    assert row is not None
    left = Path(row[0]).parent
    assert left.exists()
    deadline = time.monotonic() + 20
    while not _refuses_connections(database) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _refuses_connections(database)
    assert _ends_well(_beside_services("pass"))
    assert not left.exists()


def test_a_run_beside_ours_leaves_ours_alone(started: dict[str, str]) -> None:
    assert _ends_well(_beside_services("pass"))
    with psycopg.connect(started["DATABASE_URL"]) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    assert Path(row[0]).is_dir()


def test_programs_that_are_not_there_are_named() -> None:
    there = Path("/usr/bin/anything")
    assert services.Programs(initdb=there, postgres=there, redis=there).missing == ""
    assert services.Programs(initdb=there, postgres=None, redis=there).missing == "PostgreSQL"
    assert services.Programs(initdb=None, postgres=None, redis=None).missing == "PostgreSQL and Redis"


def test_without_redis_the_command_runs_on_the_embedded_default(tmp_path: Path) -> None:
    process = _beside_services(SHOW, PATH=str(tmp_path), CI="")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert output.splitlines()[:2] == ["None", "None"]
    assert output.endswith("Redis (not installed)\n")


def test_without_redis_ci_refuses_to_run(tmp_path: Path) -> None:
    process = _beside_services(SHOW, PATH=str(tmp_path), CI="true")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert errors.endswith("Redis not found: install postgresql and redis-server.\n")


def test_services_of_somebody_else_are_not_passed_on(tmp_path: Path) -> None:
    process = _beside_services(SHOW, PATH=str(tmp_path), CI="", DATABASE_URL="postgres://theirs@127.0.0.1/books")
    output, _errors = process.communicate(timeout=60)
    assert output.splitlines()[0] == "None"
