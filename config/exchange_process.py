"""The test exchange and the payment processor as processes beside the site: started and ended with it, whatever ends it."""

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
    """
    command = ["sandbox", "--memory", str(memory()), *arguments]
    with _running(command, port, "exchange") as said:
        yield said


@contextmanager
def running_processor(port: int, webhook: str) -> Iterator[str]:
    """Run a payment processor while the block lasts, which sends its webhooks to an address. It remembers nothing."""
    with _running(["sandbox.stripe", "--webhook", webhook], port, "processor") as said:
        yield said


@contextmanager
def _running(command: Sequence[str], port: int, name: str) -> Iterator[str]:
    """Run a module beside the site; it ends with its standard input, so that it outlives no killed parent."""
    log = settings.VAR_DIR / f"{name}.log"
    module, *arguments = command
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--host", HOST, "--port", str(port), "--end-with-stdin", *arguments],
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the site, which ends it in its turn.
            start_new_session=True,
        )
    try:
        _wait_until_it_answers(process, port, name)
        yield log.read_text()
    finally:
        _end(process)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, name: str) -> None:
    deadline = clock.monotonic() + _START_SECONDS
    while process.poll() is None and clock.monotonic() < deadline:
        if _answers(port):
            return
        clock.sleep(_POLL_SECONDS)
    said = (settings.VAR_DIR / f"{name}.log").read_text().strip().splitlines()
    raise DomainError(
        f"{name.upper()}_NOT_STARTED", f"The test {name} did not start: {said[-1] if said else 'it said nothing.'}"
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
