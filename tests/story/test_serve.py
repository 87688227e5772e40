"""`make run` and the command behind it, as processes: what they refuse, how they end, and how they start again."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.fixtures_first_start import FirstStart
from tests.story.processes import ROOT, own_environment
from tests.story.sites import embedded_site
from tools.services import free_port

DEMO = {"accounts_user": 6, "trading_follow": 5, "community_competitionentry": 2, "marketplace_trackrecord": 2}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def _serve(port: int, *arguments: str) -> list[str]:
    return [sys.executable, "manage.py", "serve", "--port", str(port), *arguments]


def _run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    own = dict(environment or own_environment(folder))
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False, timeout=60)


def _rows(folder: Path) -> dict[str, int]:
    """Return how many rows the tables of DEMO have."""
    with closing(sqlite3.connect(folder / "slipstream.sqlite3")) as database:
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in DEMO}


def test_a_taken_port_is_refused_in_one_sentence_and_nothing_is_made(taken_port: int, tmp_path: Path) -> None:
    done = _run(_serve(taken_port), tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"CommandError: Port {taken_port} on 127.0.0.1 is taken: stop what uses it, or choose another: "
        f"make run PORT={taken_port + 1}\n"
    )
    assert not (tmp_path / "slipstream.sqlite3").exists()


def test_replayed_candles_on_a_taken_port_leave_what_is_there(taken_port: int, tmp_path: Path) -> None:
    database = tmp_path / "slipstream.sqlite3"
    database.write_bytes(b"somebody's")
    done = _run(_serve(taken_port, "--fresh", "--candles", "no.parquet"), tmp_path)
    assert (done.returncode, database.read_bytes()) == (1, b"somebody's")


def test_a_port_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    done = _run(_serve(70_000), tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == "CommandError: There is no port 70000: choose one up to 65535, for example make run PORT=8001.\n"
    )


def what_was_broken_off_said_nothing_and_was_begun_anew(first_start: FirstStart) -> None:
    assert [code for code, _, _ in first_start.broken] == [0, -signal.SIGKILL]
    for _, output, is_half_made in first_start.broken:
        assert re.fullmatch(r"(.+ … [\d.]+ s\n){2}Letting the demo live .* …\n?", output)
        assert is_half_made
    assert first_start.last_code == 0
    assert _rows(first_start.folder) == DEMO
    assert not (first_start.folder / "half-made").exists()


# One test of both: in two, two workers would wait for the same first start.
@pytest.mark.timeout(300)
def test_a_site_begun_anew_keeps_others_out_ends_on_sigterm_and_starts_again_where_it_stood(
    first_start: FirstStart, tmp_path: Path
) -> None:
    what_was_broken_off_said_nothing_and_was_begun_anew(first_start)
    first_start.copy(tmp_path)
    with embedded_site(tmp_path) as site:
        port = int(site.address.rpartition(":")[2])
        same_port = _run(["make", "run", f"PORT={port}"], tmp_path)
        same_folder = _run(_serve(free_port()), tmp_path)
        first = site.running["serve"].end()
        assert (first.code, "Traceback" in first.output) == (0, False)
        site.start("serve")
        assert _rows(tmp_path) == DEMO
        # As Ctrl-C does.
        second = site.running["serve"].end(signal.SIGINT)
        assert (second.code, "Traceback" in second.output) == (0, False)

    assert same_port.returncode == 2  # make's own, for whatever a command of its ends with
    sentence = f"Port {port} on 127.0.0.1 is taken: stop what uses it, or choose another: make run PORT={port + 1}"
    assert same_port.stderr.splitlines()[0] == f"CommandError: {sentence}"
    assert "Preparing" not in same_port.stdout
    assert (same_folder.returncode, same_folder.stdout) == (1, "")
    assert same_folder.stderr == (
        f"CommandError: Slipstream already runs on {tmp_path}: stop it, or give this one a folder of its own with "
        "SLIPSTREAM_VAR_DIR.\n"
    )


def test_a_fresh_start_forgets_its_own_data_and_nothing_else(tmp_path: Path) -> None:
    kept = tmp_path / "slipstream.sqlite3.backup"
    for path in (tmp_path / "slipstream.sqlite3", tmp_path / "slipstream.sqlite3-wal", kept):
        path.write_bytes(b"from an earlier start")
    (tmp_path / "candles" / "old").mkdir(parents=True)
    done = _run(_serve(free_port(), "--fresh", "--candles", "no.parquet"), tmp_path)
    assert (done.returncode, done.stderr.partition(" (")[0]) == (1, "CommandError: no.parquet: it cannot be read")
    assert set(_rows(tmp_path).values()) == {0}
    assert not (tmp_path / "candles" / "old").exists()
    assert kept.read_bytes() == b"from an earlier start"


def test_a_fresh_start_leaves_a_database_that_is_named_from_outside(tmp_path: Path) -> None:
    database = tmp_path / "named.sqlite3"
    database.write_bytes(b"somebody's")
    environment = own_environment(tmp_path, DATABASE_URL=f"sqlite:///{database}")
    done = _run(_serve(free_port(), "--fresh"), tmp_path, environment)
    assert done.returncode == 1
    assert done.stderr == "CommandError: Only a database of its own is emptied: unset DATABASE_URL.\n"
    assert database.read_bytes() == b"somebody's"
