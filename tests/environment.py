"""Settles, before Django reads its settings, which database, Redis and folder a test process works on.

PostgreSQL and Redis are used only when tools.services started them for this run; a DATABASE_URL that happens to stand
in somebody's shell names a database that is not ours to fill and empty.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import pytest

from tools.services import LEFT_OUT, OWNED

CHROMIUM = os.environ.get("CHROME_PATH") or shutil.which("chromium") or shutil.which("google-chrome")

_HIDDEN = ("DATABASE_URL", "REDIS_URL", OWNED)


def on_services() -> bool:
    """Tell whether this run has a PostgreSQL and a Redis of its own."""
    return os.environ.get(OWNED) == "1"


def in_ci() -> bool:
    """Tell whether nothing may be left out."""
    return os.environ.get("CI") == "true"


def left_out() -> list[str]:
    """Name what this run does without, each with the reason."""
    missing = []
    if not on_services():
        missing.append(os.environ.get(LEFT_OUT, "PostgreSQL and Redis (this run was not started by make test)"))
    if not CHROMIUM:
        missing.append("the browser tests (Chromium is not installed)")
    return missing


def conformance_dir() -> Path | None:
    """Return the folder of conformance cases that CONFORMANCE_DIR names; None while it is unset."""
    named = os.environ.get("CONFORMANCE_DIR")
    return Path(named).resolve() if named else None


def market_data_dir() -> Path | None:
    """Return the folder of real candles that MARKET_DATA_DIR names; None while it is unset."""
    named = os.environ.get("MARKET_DATA_DIR")
    return Path(named).resolve() if named else None


@dataclass(frozen=True)
class Fuzzing:
    """How much the fuzzers of the API ask (tests/routes/fuzzing.py), with which seed, and where they note how much it was."""

    seed: int
    factor: int
    log: Path | None


def fuzzing() -> Fuzzing:
    """Return what API_FUZZ_… say, which the soak sets; without them the fuzzers ask little, and the same each time."""
    log = os.environ.get("API_FUZZ_LOG")
    seed, factor = (
        int(os.environ.get(f"API_FUZZ_{name}", default)) for name, default in (("SEED", "1"), ("FACTOR", "1"))
    )
    return Fuzzing(seed, factor, Path(log) if log else None)


def _unread() -> list[str]:
    # Unlike the above these may be missing in CI too: they are not part of the project.
    named = [
        ("the conformance cases (CONFORMANCE_DIR is unset)", conformance_dir()),
        ("the days of a lost peg (MARKET_DATA_DIR is unset)", market_data_dir()),
    ]
    return [what for what, folder in named if folder is None]


def _settle() -> None:
    """Give this process its own folder, Redis keys and, without services of ours, the embedded default."""
    if not on_services():
        for name in _HIDDEN:
            os.environ.pop(name, None)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    folder = tempfile.mkdtemp(prefix=f"slipstream-tests-{worker}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["SLIPSTREAM_VAR_DIR"] = folder
    # With services these two come from the environment; the embedded default makes them in its folder.
    for name in ("vapid_key", "identity_key"):
        os.environ[f"SLIPSTREAM_{name.upper()}_FILE"] = f"{folder}/{name}"
    # Compiling kernels afresh for every run would take longer than the tests; numba tells stale ones by their source.
    os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parent.parent / ".pytest_cache" / "numba"))
    os.environ["SLIPSTREAM_REDIS_PREFIX"] = f"test-{worker}-{os.getpid()}:"


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a CI run that would leave something out; end on SIGTERM as on Ctrl-C, with every fixture torn down."""
    if in_ci() and left_out() and not config.option.collectonly:
        raise pytest.UsageError(
            f"CI=true allows nothing to be left out, yet this run lacks {' and '.join(left_out())}."
        )
    for name, folder in (("CONFORMANCE_DIR", conformance_dir()), ("MARKET_DATA_DIR", market_data_dir())):
        if folder and not folder.is_dir():
            raise pytest.UsageError(f"{name} names {folder}, which is no folder.")
    signal.signal(signal.SIGTERM, _interrupt)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close a run of which something was left out by saying what."""
    missing = left_out() + _unread()
    if missing and not hasattr(config, "workerinput"):
        database = "PostgreSQL and Redis" if on_services() else "the embedded default: one process, SQLite, memory"
        print(f"\nLeft out: {'; '.join(missing)}. The tests ran on {database}.")


_settle()
