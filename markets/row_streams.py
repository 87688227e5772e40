"""Lists as files, written part by part while they are sent: NDJSON, CSV and Arrow streams of any length in the same memory.

Parts follow each other by primary key, a query each: no cursor stays open while a slow client reads, and a pooler
between us and the database may hand the session on.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from accounts.programs.answers import check_known, named
from common.fields import canonical
from common.rendering import ArrowRenderer, CsvRenderer, NdjsonRenderer, to_json
from common.value_rows import Rows, ValueRows
from markets.candle_streams import Pipe, streamed
from markets.serializers import ExactField

Names = list[str]
ROWS_AT_ONCE = 2_000
FILE_RENDERERS = [NdjsonRenderer, CsvRenderer, ArrowRenderer]


def exported(request: Request, queryset: QuerySet[Any], rows: ValueRows, name: str) -> StreamingHttpResponse:
    """Return all rows of a queryset as a file of the kind that the request accepts, newest first."""
    media_type = str(request.accepted_renderer.media_type)
    write = _WRITERS[media_type]
    suffix = str(request.accepted_renderer.format)
    is_async = isinstance(request._request, ASGIRequest)
    names = named(request.query_params.get("fields", "")) or list(rows.names)
    check_known(names, rows.names, "UNKNOWN_FIELD", "field")
    return streamed(
        write(_parts(queryset, rows, names), rows, names), media_type, f"{name}.{suffix}", is_async=is_async
    )


def _parts(queryset: QuerySet[Any], rows: ValueRows, names: Names) -> Iterator[Rows]:
    following, rest = queryset.order_by("-pk"), queryset.order_by("-pk")
    while part := list(rows.read(rest, names)[:ROWS_AT_ONCE]):
        rest = following.filter(pk__lt=part[-1]["id"])
        yield rows.finish(part, names)


def _ndjson(parts: Iterable[Rows], rows: ValueRows, names: Names) -> Iterator[bytes]:
    for part in parts:
        yield b"".join(to_json(row) + b"\n" for row in part)


def _csv(parts: Iterable[Rows], rows: ValueRows, names: Names) -> Iterator[bytes]:
    yield (",".join(names) + "\r\n").encode()
    for part in parts:
        text = io.StringIO()
        csv.writer(text).writerows([_cell(row[name]) for name in names] for row in part)
        yield text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat()).replace("+00:00", "Z")
    return canonical(value) if hasattr(value, "as_tuple") else str(value)


def _arrow(parts: Iterable[Rows], rows: ValueRows, names: Names) -> Iterator[bytes]:
    schema = pa.schema([pa.field(name, _arrow_type(rows.field(name))) for name in names])
    pipe = Pipe()
    writer = pa.ipc.new_stream(pa.PythonFile(pipe, mode="w"), schema)
    yield pipe.empty()
    for part in parts:
        columns = [_column([row[name] for row in part], schema.field(name).type) for name in names]
        writer.write_table(pa.table(columns, schema=schema))
        yield pipe.empty()
    writer.close()
    yield pipe.empty()


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        values = [None if value is None else str(value) for value in values]
    return pa.array(values, type=kind)


def _arrow_type(field: serializers.Field[Any, Any, Any, Any]) -> pa.DataType:
    kinds: list[tuple[type, pa.DataType]] = [
        (ExactField, pa.decimal128(38, 18)),
        (serializers.DateTimeField, pa.timestamp("us", tz="UTC")),
        (serializers.BooleanField, pa.bool_()),
        (serializers.IntegerField, pa.int64()),
    ]
    return next((kind for known, kind in kinds if isinstance(field, known)), pa.string())


_WRITERS: dict[str, Callable[[Iterable[Rows], ValueRows, Names], Iterator[bytes]]] = {
    NdjsonRenderer.media_type: _ndjson,
    CsvRenderer.media_type: _csv,
    ArrowRenderer.media_type: _arrow,
}
