"""Candles as the files that programs read: Arrow streams and Parquet, written part by part while they are sent.

Both have the columns of the candle store's own files (timestamp in ms since 1970 UTC, open, high, low, close, volume),
so `manage.py import_candles` reads what the API gave.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from engine.candles import Candles
from markets.candle_store import COLUMNS, SCHEMA

ARROW, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"
# Candles of one part: three megabytes, and 45 days of minutes.
ROWS_AT_ONCE = 65_536


class Pipe:
    """What the writers take for a file: what they wrote since it was last emptied."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def empty(self) -> bytes:
        found, self._parts = b"".join(self._parts), []
        return found


def encoded(parts: Iterable[Candles], media_type: str) -> Iterator[bytes]:
    """Yield the bytes of a whole file of one of the two types; without candles it has none, yet its columns."""
    pipe = Pipe()
    sink = pa.PythonFile(pipe, mode="w")
    if media_type == PARQUET:
        writer = pq.ParquetWriter(sink, SCHEMA, compression="zstd")
        write = partial(writer.write_table, row_group_size=ROWS_AT_ONCE)
    else:
        writer = pa.ipc.new_stream(sink, SCHEMA)
        write = writer.write_table
    for part in parts:
        write(_table(part))
        yield pipe.empty()
    writer.close()
    yield pipe.empty()


def streamed(chunks: Iterator[bytes], media_type: str, name: str, *, is_async: bool) -> StreamingHttpResponse:
    """Return an answer that is made while it is sent; under ASGI each part is made in a thread."""
    response = StreamingHttpResponse(_in_threads(chunks) if is_async else chunks, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


async def _in_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = sync_to_async(partial(next, chunks, None), thread_sensitive=False)
    while (chunk := await following()) is not None:
        yield chunk


def _table(candles: Candles) -> pa.Table:
    columns = (candles.opened_at, *(getattr(candles, name) for name in COLUMNS))
    return pa.table([pa.array(column) for column in columns], schema=SCHEMA)
