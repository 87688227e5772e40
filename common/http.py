"""How HTTP doors answer a refusal: RFC 9457 problem details for programs, a page for people; request ids for both."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.defaults import page_not_found as django_page_not_found
from django.views.defaults import server_error as django_server_error
from rest_framework import exceptions
from rest_framework.response import Response

from common import ids
from common.errors import DomainError, NotFound
from common.parsers import body_too_large
from common.problems import type_of

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
request_id: ContextVar[str] = ContextVar("request_id", default="")


def problem(error: DomainError) -> dict[str, Any]:
    """Return the RFC 9457 body of a refusal."""
    return {
        "type": type_of(error.code),
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "context": error.context,
        "request_id": request_id.get(),
    }


def problem_response(error: DomainError) -> JsonResponse:
    return JsonResponse(problem(error), status=error.status, content_type="application/problem+json")


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a DRF view raised into problem details (the EXCEPTION_HANDLER setting)."""
    # DRF's views import the authentication class that settings name, whose services import this module.
    from rest_framework.views import exception_handler as drf_exception_handler

    headers: dict[str, str] = {}
    if isinstance(error, DomainError):
        refusal = error
    elif isinstance(error, RequestDataTooBig):
        refusal = body_too_large()
    else:
        answer = drf_exception_handler(error, context)
        if answer is None:
            return None
        refusal = _from_drf(error, answer)
        headers = {name: answer[name] for name in ("WWW-Authenticate", "Retry-After") if name in answer}
    return Response(problem(refusal), status=refusal.status, headers=headers, content_type="application/problem+json")


def _from_drf(error: Exception, answer: Response) -> DomainError:
    if isinstance(error, exceptions.ValidationError):
        return DomainError(
            "INVALID_INPUT", "Some fields need another value.", {"fields": answer.data}, answer.status_code
        )
    if isinstance(error, exceptions.APIException):
        return DomainError(str(error.get_codes()).upper(), str(error.detail), status=answer.status_code)
    # Django's own Http404 and PermissionDenied, which name no code.
    if answer.status_code == 403:
        return DomainError("PERMISSION_DENIED", "You may not do this.", status=403)
    return NotFound("thing")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that no route has: a program gets problem details, a person the page (handler404)."""
    if request.path.startswith("/api/"):
        return problem_response(NotFound("address"))
    return django_page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a failure of ours: a program gets problem details as well (handler500)."""
    if request.path.startswith("/api/"):
        message = "Something failed on our side: try again in a while, and tell us the request's id if it stays so."
        return problem_response(DomainError("SERVER_ERROR", message, status=500))
    return django_server_error(request)


class RequestIdMiddleware:
    """Give every request an id (the caller's, where it is a plain one) and send it back: a report can be traced."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        token = request_id.set(given if _GIVEN_ID.fullmatch(given) else ids.new_id().hex)
        try:
            response = self._get_response(request)
            response["X-Request-ID"] = request_id.get()
            return response
        finally:
            request_id.reset(token)


class PrivateAnswersMiddleware:
    """Let no cache between us and a person keep an answer, unless its view says otherwise: most show somebody's own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response.headers.setdefault("Cache-Control", "private")
        return response


class PlainAddressMiddleware:
    """Find nothing at an address with a NUL in it: no name of ours has one, and PostgreSQL would take it for a failure."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: dict[str, object]
    ) -> HttpResponse | None:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return page_not_found(request, Http404())
        return None


class DomainErrorMiddleware:
    """Turn a DomainError that a page's view let through into that page's answer; a form catches its own beforehand."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        if "application/json" in request.headers.get("Accept", ""):
            return problem_response(error)
        template = "404.html" if error.status == 404 else "refused.html"
        return render(request, template, {"error": error}, status=error.status)
