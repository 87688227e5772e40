"""Refusals as problem details for programs and as pages for people, and the request's id on both."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from rest_framework import exceptions
from rest_framework.response import Response

from common.errors import DomainError, NotFound
from common.http import (
    DomainErrorMiddleware,
    RequestIdMiddleware,
    api_exception_handler,
    problem,
    problem_response,
    request_id,
)

REFUSAL = DomainError("QUANTITY_BELOW_MINIMUM", "Order at least 0.001 BTC.", {"minimum": "0.001"}, status=409)


def _answer(error: Exception) -> Response:
    response = api_exception_handler(error, {})
    assert response is not None
    return response


def test_a_problem_carries_code_sentence_facts_and_request_id() -> None:
    token = request_id.set("request-1")
    try:
        assert problem(REFUSAL) == {
            "type": "/api/v1/problems/QUANTITY_BELOW_MINIMUM/",
            "title": "Quantity below minimum",
            "status": 409,
            "detail": "Order at least 0.001 BTC.",
            "code": "QUANTITY_BELOW_MINIMUM",
            "context": {"minimum": "0.001"},
            "request_id": "request-1",
        }
    finally:
        request_id.reset(token)


def test_a_problem_response_has_the_media_type_of_problems() -> None:
    response = problem_response(REFUSAL)
    assert response.status_code == 409
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["code"] == "QUANTITY_BELOW_MINIMUM"


def test_the_api_answers_a_domain_error_with_its_status_and_code() -> None:
    response = _answer(REFUSAL)
    assert (response.status_code, response.content_type) == (409, "application/problem+json")
    assert response.data["code"] == "QUANTITY_BELOW_MINIMUM"
    assert response.data["context"] == {"minimum": "0.001"}


def test_the_api_names_the_fields_that_do_not_fit() -> None:
    response = _answer(exceptions.ValidationError({"amount": ["Enter a number."]}))
    assert (response.status_code, response.data["code"]) == (400, "INVALID_INPUT")
    assert response.data["context"] == {"fields": {"amount": ["Enter a number."]}}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (exceptions.NotAuthenticated(), 401, "NOT_AUTHENTICATED"),
        (exceptions.PermissionDenied(), 403, "PERMISSION_DENIED"),
        (exceptions.NotFound(), 404, "NOT_FOUND"),
        (exceptions.MethodNotAllowed("PUT"), 405, "METHOD_NOT_ALLOWED"),
        (exceptions.ParseError(), 400, "PARSE_ERROR"),
        (exceptions.AuthenticationFailed(code="BAD_TOKEN"), 401, "BAD_TOKEN"),
        (NotFound("portfolio"), 404, "NOT_FOUND"),
        (Http404(), 404, "NOT_FOUND"),
        (PermissionDenied(), 403, "PERMISSION_DENIED"),
    ],
)
def test_the_api_gives_every_refusal_one_shape(error: Exception, status: int, code: str) -> None:
    response = _answer(error)
    assert (response.status_code, response.data["status"], response.data["code"]) == (status, status, code)
    assert set(response.data) == {"type", "title", "status", "detail", "code", "context", "request_id"}
    assert response.data["detail"]


def test_a_throttled_program_learns_when_to_come_back() -> None:
    response = _answer(exceptions.Throttled(wait=7))
    assert (response.status_code, response.data["code"], response["Retry-After"]) == (429, "THROTTLED", "7")


def test_an_error_nobody_foresaw_is_not_swallowed() -> None:
    assert api_exception_handler(ZeroDivisionError(), {}) is None


def _asked(given: str | None) -> tuple[str, HttpResponse]:
    seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request_id.get())
        return HttpResponse()

    headers = {} if given is None else {"X-Request-ID": given}
    response = RequestIdMiddleware(view)(RequestFactory().get("/", headers=headers))
    return seen[0], response


def test_a_plain_request_id_of_the_caller_is_kept_and_sent_back() -> None:
    inside, response = _asked("trace-0123456789")
    assert inside == response["X-Request-ID"] == "trace-0123456789"
    assert request_id.get() == ""


@pytest.mark.parametrize("given", [None, "", "short", "x" * 65, "has spaces in it", "new\nline-0123"])
def test_any_other_request_id_is_replaced(given: str | None) -> None:
    inside, response = _asked(given)
    assert inside == response["X-Request-ID"]
    assert inside != given
    assert len(inside) == 32


def test_two_requests_have_two_ids() -> None:
    assert _asked(None)[0] != _asked(None)[0]


def _page(error: Exception, accept: str = "text/html") -> HttpResponse | None:
    request = RequestFactory().get("/", headers={"Accept": accept})
    return DomainErrorMiddleware(lambda _: HttpResponse()).process_exception(request, error)


def test_a_page_shows_the_sentence_of_a_refusal() -> None:
    response = _page(REFUSAL)
    assert response is not None
    assert response.status_code == 409
    assert "Order at least 0.001 BTC." in response.content.decode()


def test_a_page_of_something_unknown_is_404() -> None:
    response = _page(NotFound("portfolio"))
    assert response is not None
    assert response.status_code == 404


def test_a_script_of_a_page_gets_the_problem() -> None:
    response = _page(REFUSAL, accept="application/json")
    assert response is not None
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["detail"] == "Order at least 0.001 BTC."


def test_other_errors_of_a_page_are_left_alone() -> None:
    assert _page(ZeroDivisionError()) is None


@pytest.mark.parametrize("address", ["/api/v1/nowhere/", "/api/v1/portfolios/not-an-id/"])
def test_an_unknown_address_of_the_api_is_a_problem(client: Client, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert (answer.json()["code"], answer.json()["detail"]) == ("NOT_FOUND", "There is no such address.")


@pytest.mark.django_db
def test_an_unknown_address_of_the_site_is_a_page(client: Client) -> None:
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()
