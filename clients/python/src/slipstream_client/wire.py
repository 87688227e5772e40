"""How values travel: Python's into query, body and headers, the API's into models. No network here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, TypeAdapter

from slipstream_client.retrying import KEY

M = TypeVar("M", bound=BaseModel)
QueryValue = str | int | float | bool | None  # as httpx types it; ours are texts
FINAL_ORDER_STATES = frozenset({"FILLED", "CANCELED", "EXPIRED", "REJECTED", "DENIED"})
FINAL_JOB_STATES = frozenset({"DONE", "FAILED", "CANCELED"})


def text(value: Any) -> Any:
    """Return a value as JSON or a query holds it; TypeError for a float, which is no amount, and for a naive time.

    A request's model knows by its types where a float is meant.
    """
    if isinstance(value, BaseModel):
        return {name: _told(one) for name, one in value.model_dump(exclude_unset=True).items()}
    if isinstance(value, float):
        raise TypeError(f"{value!r}: amounts are Decimal or str, never float.")
    return _told(value)


def _told(value: Any) -> Any:
    if isinstance(value, bool | int | str | float) or value is None:
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError("Give times with their zone: datetime(…, tzinfo=UTC).")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _told(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_told(one) for one in value]
    raise TypeError(f"{value!r} has no form in the API.")


def query(parameters: Mapping[str, Any]) -> list[tuple[str, QueryValue]]:
    """Return query parameters without those that are None; a list becomes several of one name."""
    found: list[tuple[str, QueryValue]] = []
    for name, value in parameters.items():
        if value is not None:
            values = value if isinstance(value, list | tuple) else [value]
            found += [(name, str(text(one)).lower() if isinstance(one, bool) else str(text(one))) for one in values]
    return found


def body(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON body without the fields that are None."""
    return {name: text(value) for name, value in fields.items() if value is not None}


def own_headers(method: str, idempotency_key: str | None) -> dict[str, str]:
    """Return a request's own headers: every POST gets a key, one of its own where the caller names none."""
    return {KEY: idempotency_key or str(uuid.uuid4())} if method == "POST" else {}


def many(model: type[M], rows: Any) -> list[M]:
    """Return models of a list of rows."""
    return TypeAdapter(list[model]).validate_python(rows)  # type: ignore[valid-type]


def same_site(address: str) -> str:
    """Return path and query of an address that the API told.

    It is followed at the base address only: behind a proxy it may be told with another scheme or host, and a token must
    not go where an answer points.
    """
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


class PartFile:
    """A file that is there whole or not at all: written beside its name, and given it when nothing went wrong."""

    def __init__(self, target: Path) -> None:
        self._target, self._part = target, target.with_name(f"{target.name}.part")
        self.size = 0

    def __enter__(self) -> PartFile:
        self._file = self._part.open("wb")
        return self

    def write(self, chunk: bytes) -> None:
        self.size += self._file.write(chunk)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self._target)
        else:
            self._part.unlink()
