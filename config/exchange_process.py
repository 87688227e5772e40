"""The test exchange as a process beside the site: started with it, ended with it, whatever ends it."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from common import clock
from common.errors import DomainError

HOST = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.1


def memory() -> Path:
    """Return the file in which a test exchange beside the site keeps what it must not forget."""
    file: Path = settings.VAR_DIR / "exchange.memory"
    return file


@contextmanager
def running_exchange(port: int, arguments: Sequence[str] = ()) -> Iterator[str]:
    """Run a test exchange while the block lasts, and yield what it said: its addresses and the keys of its account.

    What it holds of accounts and orders lies in the site's folder. Raises DomainError EXCHANGE_NOT_STARTED.
    It ends with its standard input, so that it outlives no killed parent.
    """
    log = settings.VAR_DIR / "exchange.log"
    command = [sys.executable, "-m", "sandbox", "--host", HOST, "--port", str(port), "--end-with-stdin"]
    command += ["--memory", str(memory()), *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the site, which ends it in its turn.
            start_new_session=True,
        )
    try:
        _wait_until_it_answers(process, port)
        yield log.read_text()
    finally:
        _end(process)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = clock.monotonic() + _START_SECONDS
    while process.poll() is None and clock.monotonic() < deadline:
        if _answers(port):
            return
        clock.sleep(_POLL_SECONDS)
    said = (settings.VAR_DIR / "exchange.log").read_text().strip().splitlines()
    raise DomainError(
        "EXCHANGE_NOT_STARTED", f"The test exchange did not start: {said[-1] if said else 'it said nothing.'}"
    )


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/sandbox/status")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
