"""The one style of every API route: who may, how often, with which parameters, carried out once, told as asked for.

Every view of the API is an ApiView or an ApiListView; tests/routes/test_scopes.py holds them to that.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import http_date
from rest_framework.exceptions import Throttled
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.programs.answers import Expansion, check_known, expand, matches, named, only_fields, tag_of, tag_of_data
from accounts.programs.bodies import check_body
from accounts.programs.parameters import check_parameters
from accounts.programs.rates import counted
from accounts.programs.scopes import Scope
from accounts.programs.services import answer_of, answer_request, claim_request, release_request
from common.errors import DomainError
from common.parsers import body_too_large
from common.prepared import Question
from common.rendering import FastJSON
from common.value_rows import ValueRows

Item = TypeVar("Item", bound=Model)
Handler = Callable[..., Response]
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Deprecation:
    """A route that is to go: since when one is told, when it goes, and what takes its place (docs/api.md)."""

    since: datetime
    sunset: datetime
    successor: str = ""

    def headers(self) -> dict[str, str]:
        links = ['</api/v1/docs/>; rel="deprecation"']
        if self.successor:
            links.append(f'<{self.successor}>; rel="successor-version"')
        return {
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Sunset": http_date(self.sunset.timestamp()),
            "Link": ", ".join(links),
        }


class ApiView(APIView):
    """A route of the API. `scope` is what changing something here takes of a token (accounts/programs/scopes.py)."""

    scope: ClassVar[Scope]
    # What `?expand=` can put in the place of an id.
    expands: ClassVar[Mapping[str, Expansion]] = {}
    deprecation: ClassVar[Deprecation | None] = None
    # A door with limits of its own says so.
    is_limited: ClassVar[bool] = True
    # Whether bodies are of the JSON types that the schema names. A door that judges bytes by their signature says no.
    judges_types: ClassVar[bool] = True
    # Whether a POST may be one transaction with its stored answer. One that asks another server in between may not.
    is_atomic: ClassVar[bool] = True

    @property
    def reads_fields(self) -> bool:
        """Whether `get` itself reads no other fields than those that are asked for."""
        return False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        _refuse_large(request)
        super().initial(request, *args, **kwargs)
        method = request.method or ""
        if request.query_params and hasattr(self, method.lower()):
            check_parameters(self, method, request.query_params)
        if method in {"POST", "PUT", "PATCH"} and self.judges_types:
            self._wrap(method.lower(), self._checked)
        if method == "POST" and "Idempotency-Key" in request.headers and isinstance(request.user, User):
            self._wrap("post", self._once)
        elif method == "GET" and ("fields" in request.query_params or "expand" in request.query_params):
            self._wrap("get", self._shaped)
        elif method in {"PUT", "PATCH", "DELETE"} and "If-Match" in request.headers:
            self._require_match(request, *args, **kwargs)

    def check_throttles(self, request: Request) -> None:
        if self.is_limited:
            self.headers.update(counted(request))
        super().check_throttles(request)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Throttled):
            self.headers.update(getattr(exc, "rate_headers", {}))
        return super().handle_exception(exc)

    def finalize_response(  # type: ignore[override]  # see below
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        if self.deprecation is not None:
            self.headers.update(self.deprecation.headers())
        # DRF's types name its own answers only; it takes any.
        answer: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        if request.method in {"GET", "HEAD"} and isinstance(answer, Response) and answer.status_code == 200:
            answer.add_post_render_callback(_tagged(request.headers.get("If-None-Match", "")))
        return answer

    def _wrap(self, method: str, wrapper: Callable[..., HttpResponseBase]) -> None:
        """Let a handler of this one request be called through a wrapper."""
        inner = getattr(self, method, None)
        if inner is not None:
            setattr(self, method, lambda request, *args, **kwargs: wrapper(inner, request, *args, **kwargs))

    # --- what is read ------------------------------------------------------------------------------------------
    def _shaped(self, inner: Handler, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = inner(request, *args, **kwargs)
        if isinstance(response, Response):
            user = request.user if isinstance(request.user, User) else None
            if wanted := named(request.query_params.get("expand", "")):
                expand(response.data, wanted, self.expands, user)
            if (names := named(request.query_params.get("fields", ""))) and not self.reads_fields:
                only_fields(response, names, self.known_fields())
        return response

    def known_fields(self) -> tuple[str, ...]:
        """Return the fields of what is listed here; () where only an answer tells."""
        return ()

    def _require_match(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a change of something that is no longer what the caller read; `get` is that thing's version."""
        read = getattr(self, "get", None)
        told = tag_of_data(read(request, *args, **kwargs).data) if read is not None else ""
        if not told or not matches(request.headers["If-Match"], told):
            message = "It changed since you read it: read it again, and change what you find."
            raise DomainError("PRECONDITION_FAILED", message, {"etag": told}, status=412)

    def _checked(self, inner: Handler, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Refuse a body of other types than the schema names."""
        if not getattr(request._request, "_read_started", False):
            _ = request._request.body  # else nobody could read it again
        check_body(self, request.method or "", request.data)
        return inner(request, *args, **kwargs)

    # --- what is done once -------------------------------------------------------------------------------------
    def _once(self, inner: Handler, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Carry out a POST under its key once, and answer it again as it was answered (docs/api.md)."""
        key = request.headers["Idempotency-Key"]
        if not _KEY.fullmatch(key):
            message = "An Idempotency-Key has 1 to 255 characters of ASCII without spaces."
            raise DomainError("IDEMPOTENCY_KEY_INVALID", message)
        asked = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode() + request._request.body)
        user = request.user
        assert isinstance(user, User), "nobody's requests have no keys"
        row = claim_request(user=user, key=key, request_hash=asked.hexdigest(), is_atomic=self.is_atomic)
        if row.status is not None:
            body = answer_of(row=row, key=key)
            headers = {"Idempotency-Replayed": "true"}
            return HttpResponse(body, status=row.status, content_type=row.media_type or None, headers=headers)

        def keep(response: HttpResponseBase) -> None:
            data = getattr(response, "data", None)
            kind = PROBLEM if getattr(response, "exception", False) else "application/json"
            body = b"" if data is None else FastJSON().render(data)
            answer_request(row=row, key=key, status=response.status_code, media_type=kind if body else "", body=body)

        try:
            if not self.is_atomic:
                response: HttpResponseBase = inner(request, *args, **kwargs)
                keep(response)
                return response
            # Effects and answer come about together or not at all: who dies in between has done nothing.
            with transaction.atomic():
                response = self._carried_out(inner, request, *args, **kwargs)
                keep(response)
            return response
        except Exception as error:
            try:
                refusal = self.handle_exception(error)
            except Exception:
                # Without a transaction around it, what it did before it failed may stand: the key must not do it twice.
                if self.is_atomic:
                    release_request(row=row)
                raise
            if self.is_atomic and isinstance(error, DomainError):
                error.write_again()
            refusal.exception = True
            # "Not now" is no answer for good: the same key may ask later.
            if refusal.status_code == 429 or refusal.status_code >= 500:
                release_request(row=row)
            else:
                keep(refusal)
            return refusal

    def _carried_out(self, inner: Handler, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Call a handler; what it raises with a status below 400 is its answer, whose effects are to stay."""
        try:
            return inner(request, *args, **kwargs)
        except DomainError as told:
            if told.status >= 400:
                raise
            answer = self.handle_exception(told)
            answer.exception = True
            return answer


class ApiListView(ApiView, ListAPIView[Item]):
    """A list. With `rows` it is read by columns and sent without a serializer; what it asks for is a `question` then."""

    rows: ClassVar[ValueRows | None] = None

    def question(self) -> Question[Item]:
        """Return what is asked for, past the gates; of lists with `rows` alone."""
        raise NotImplementedError

    @property
    def reads_fields(self) -> bool:
        return self.rows is not None

    def known_fields(self) -> tuple[str, ...]:
        if self.rows is not None:
            return self.rows.names
        serializer: Any = self.get_serializer_class()
        return tuple(serializer().fields)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if self.rows is None:
            return super().list(request, *args, **kwargs)
        names = named(request.query_params.get("fields", "")) or self.rows.names
        check_known(names, self.rows.names, "UNKNOWN_FIELD", "field")
        # Not a queryset, but all that a paginator asks of one.
        asked: Any = self.rows.asked(self.question(), names)
        page: Any = self.paginate_queryset(asked)
        return self.get_paginated_response(self.rows.finish(page, names))


def _refuse_large(request: Request) -> None:
    """Refuse a body by its length, before any of it is read."""
    length = request._request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise body_too_large()


def _tagged(known: str) -> Callable[[Response], None]:
    def tag(response: Response) -> None:
        response["ETag"] = tag_of(response.content)
        if known and matches(known, response["ETag"]):
            response.status_code = 304
            response.content = b""
            del response["Content-Type"]

    return tag
