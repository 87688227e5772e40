"""How long a person waits between the command and the page."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tools.bench_rows import Measurement, at_most, row
from tools.services import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
GIVE_UP_SECONDS = 600.0


def seconds_to_page(folder: Path, environment: Mapping[str, str]) -> float:
    """Run `make run` in a checkout until its first page comes, stop it as Ctrl-C would, and return the wait."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    began = time.monotonic()
    process = subprocess.Popen(
        ["make", "run", f"PORT={port}"],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not _answers(address):
            if process.poll() is not None or time.monotonic() - began > GIVE_UP_SECONDS:
                raise RuntimeError(f"make run did not serve {address}; it ended with {process.poll()}")
            time.sleep(0.05)
        return time.monotonic() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=30) as page:
            return bool(page.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@row("first_start", what="make run on a fresh clone until the first page", unit="s", target=at_most(180))
def first_start(environment: Mapping[str, str]) -> Measurement:
    """Clone what is committed, install, build, migrate, seed, serve."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "clone")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        return Measurement([seconds_to_page(clone, environment)])


@row("second_start", what="make run again until the first page", unit="s", target=at_most(8))
def second_start(environment: Mapping[str, str]) -> Measurement:
    """Start on data of its own once to seed it, then three times to measure."""
    with tempfile.TemporaryDirectory() as data:
        own = {**environment, "SLIPSTREAM_VAR_DIR": data}
        seconds_to_page(ROOT, own)
        return Measurement([seconds_to_page(ROOT, own) for _ in range(3)])
