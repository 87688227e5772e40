"""Where the candle store's files lie: a local directory, or any object storage that fsspec speaks to.

Both replace a file whole: whoever reads, or is killed, has the old one or the new one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Protocol

import fsspec  # type: ignore[import-untyped]  # it has no types
import pyarrow as pa
import pyarrow.parquet as pq

from common import clock
from common.ids import new_token
from common.lease import lease

# Whatever tells one content of a name from another.
Identity = tuple[Any, ...]
Fill = Callable[[IO[bytes]], None]

# A remote file's identity is asked for again after this long: readers of other processes see a new file that much later.
FRESH_SECONDS = 2.0
# Writing a file takes seconds; a writer that died is waited for this long.
_WRITE_SECONDS = 60.0
_WAIT_SECONDS = 0.02


class Files(Protocol):
    """Named files in one place."""

    def names(self, pattern: str) -> list[str]:
        """Return the names that match a pattern of fnmatch, in order."""

    def identity(self, name: str) -> Identity | None:
        """Return what tells this content of the file from others; None where there is no such file."""

    def open(self, name: str) -> tuple[Identity, pq.ParquetFile]:
        """Open a Parquet file for reads of its parts, with the identity of exactly that content."""

    def is_still(self, name: str, identity: Identity) -> bool:
        """Tell whether what was read from an opened file was of that content throughout."""

    def read(self, name: str) -> bytes | None:
        """Return a small file whole; None where there is none."""

    def replace(self, name: str, fill: Fill) -> None:
        """Put a finished file in place of whatever has the name."""

    def move(self, name: str, other: str) -> None:
        """Give a file another name, over whatever has it."""

    def writing(self, name: str) -> AbstractContextManager[None]:
        """Be the only writer of a file, among threads and processes."""


class LocalFiles:
    """A directory of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self, pattern: str) -> list[str]:
        return (
            sorted(path.name for path in self.root.iterdir() if fnmatchcase(path.name, pattern)) if self._is() else []
        )

    def _is(self) -> bool:
        return self.root.is_dir()

    def identity(self, name: str) -> Identity | None:
        try:
            status = (self.root / name).stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def open(self, name: str) -> tuple[Identity, pq.ParquetFile]:
        """Map it into memory, so that it stays whole for its readers when a newer one takes its name."""
        while True:
            identity = self.identity(name)
            mapped = pa.memory_map(str(self.root / name))
            if identity is not None and self.identity(name) == identity:
                return identity, pq.ParquetFile(mapped)

    def is_still(self, name: str, identity: Identity) -> bool:
        return True

    def read(self, name: str) -> bytes | None:
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def replace(self, name: str, fill: Fill) -> None:
        """Sync the finished file, then rename it into place, then sync the directory."""
        temporary = self.root / f"{name}.{new_token(8)}.tmp"
        with temporary.open("wb") as opened:
            fill(opened)
            opened.flush()
            os.fsync(opened.fileno())
        temporary.replace(self.root / name)
        self._sync()

    def move(self, name: str, other: str) -> None:
        (self.root / name).replace(self.root / other)
        self._sync()

    def _sync(self) -> None:
        directory = os.open(self.root, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Hold the file's lock; sweep what a killed writer left behind."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / name).with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for orphan in self.root.glob(f"{Path(name).stem}.*.tmp"):
                orphan.unlink(missing_ok=True)
            yield


class RemoteFiles:
    """Object storage by its URL, such as s3://bucket/candles. Writing an object is atomic there; locks are leases."""

    def __init__(self, url: str) -> None:
        self._system, root = fsspec.core.url_to_fs(url)
        self._root = root.rstrip("/")
        self._identities: dict[str, tuple[float, Identity | None]] = {}
        self._listed: tuple[float, list[str]] = (float("-inf"), [])

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def names(self, pattern: str) -> list[str]:
        listed_at, names = self._listed
        if clock.monotonic() - listed_at > FRESH_SECONDS:
            names = self._list()
            self._listed = clock.monotonic(), names
        return [name for name in names if fnmatchcase(name, pattern)]

    def _list(self) -> list[str]:
        self._system.invalidate_cache(self._root)
        try:
            found = self._system.ls(self._root, detail=False)
        except FileNotFoundError:
            return []
        return sorted(path.rpartition("/")[2] for path in found)

    def identity(self, name: str) -> Identity | None:
        asked_at, identity = self._identities.get(name, (float("-inf"), None))
        if clock.monotonic() - asked_at > FRESH_SECONDS:
            identity = self._ask(name)
            self._identities[name] = clock.monotonic(), identity
        return identity

    def _ask(self, name: str) -> Identity | None:
        self._system.invalidate_cache(self._root)
        try:
            return (self._system.ukey(self._at(name)),)
        except FileNotFoundError:
            return None

    def open(self, name: str) -> tuple[Identity, pq.ParquetFile]:
        """Open it for reads of ranges: nothing but the footer and the columns asked for is fetched."""
        identity = self._ask(name)
        if identity is None:
            raise FileNotFoundError(name)
        return identity, pq.ParquetFile(self._system.open(self._at(name), "rb", cache_type="none"), pre_buffer=True)

    def is_still(self, name: str, identity: Identity) -> bool:
        """Ask again: an object that was replaced meanwhile would mix its parts with the old one's."""
        return self._ask(name) == identity

    def read(self, name: str) -> bytes | None:
        try:
            return bytes(self._system.cat_file(self._at(name)))
        except FileNotFoundError:
            return None

    def replace(self, name: str, fill: Fill) -> None:
        whole = BytesIO()
        fill(whole)
        self._system.pipe_file(self._at(name), whole.getvalue())
        self._forget(name)

    def move(self, name: str, other: str) -> None:
        self._system.copy(self._at(name), self._at(other))
        self._system.rm_file(self._at(name))
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._identities.pop(name, None)
        self._listed = float("-inf"), []

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        held = lease(f"candles:{self._root}/{name}", _WRITE_SECONDS)
        while not held.hold():
            clock.sleep(_WAIT_SECONDS)
        try:
            # What another wrote while this one waited is what is written over.
            self._forget(name)
            yield
        finally:
            held.release()
