"""How every list of the API is cut into pages."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.exceptions import ValidationError as ValidationFailed
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from common.errors import DomainError

# What an address may ask for without becoming another list.
_NOT_THE_LIST = {"cursor", "page_size", "fields", "expand", "format"}
# More digits than any page has entries are cut to the greatest page, as ever.
_WHOLE = re.compile(r"0*[1-9][0-9]{0,17}")


class NewestFirst(CursorPagination):
    """Pages by primary key, newest first: ids (UUIDv7 and bigint alike) grow with time, so pages never shift.

    `?page_size=` goes up to 200; `next` and `previous` in the answer are the addresses of the neighbours. A cursor
    belongs to its list, filters included: with another it is refused.
    """

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    _mark = ""

    def paginate_queryset(
        self, queryset: QuerySet[Any, Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        self._mark = _mark_of(request)
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, ValidationError, ValueError, OverflowError):
            # A cursor whose position is no id of this list: somebody changed it by hand.
            raise _invalid() from None

    def get_page_size(self, request: Request) -> int | None:
        """Return how many a page; DRF takes what is no number for nothing said, and answers another question than was asked."""
        given = request.query_params.get(self.page_size_query_param)
        if given is not None and not _WHOLE.fullmatch(given):
            raise ValidationFailed({self.page_size_query_param: ["A whole number from 1 on."]})
        return super().get_page_size(request)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """Return what a list takes, with the range of a page's size."""
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for one in parameters:
            if one["name"] == self.page_size_query_param:
                one["schema"] = {"type": "integer", "minimum": 1}
        return parameters

    def decode_cursor(self, request: Request) -> Cursor | None:
        given = request.query_params.get(self.cursor_query_param)
        if given is None:
            return None
        mark, _, rest = given.partition(".")
        if mark != self._mark:
            raise _invalid()
        shown = SimpleNamespace(query_params={self.cursor_query_param: rest})
        return super().decode_cursor(cast(Request, shown))

    def encode_cursor(self, cursor: Cursor) -> str:
        parts = {"o": str(cursor.offset) if cursor.offset else "", "r": "1" if cursor.reverse else ""}
        parts["p"] = "" if cursor.position is None else str(cursor.position)
        text = b64encode(urlencode({name: part for name, part in parts.items() if part}).encode()).decode()
        return replace_query_param(self.base_url or "", self.cursor_query_param, f"{self._mark}.{text}")

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema of a page. (DRF's own is one of OpenAPI 3.0, with an example that is no address.)"""
        neighbour = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results"],
            "properties": {
                "next": {**neighbour, "description": "The address of the next page; null on the last."},
                "previous": {**neighbour, "description": "The address of the page before; null on the first."},
                "results": schema,
            },
        }


def _mark_of(request: Request) -> str:
    """Return what tells one list from another: its address and its filters."""
    filters = sorted((name, value) for name, value in request.query_params.items() if name not in _NOT_THE_LIST)
    return hashlib.blake2b(repr((request.path, filters)).encode(), digest_size=6).hexdigest()


def _invalid() -> DomainError:
    message = "This cursor is none of this list's: take `next` and `previous` as they come, with the same filters."
    return DomainError("CURSOR_INVALID", message)
