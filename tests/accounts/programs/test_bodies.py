"""What the types of a body and of an address's parameters may be, before anything is made of them."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.programs.bodies import check_body
from accounts.programs.doors import ApiView
from accounts.programs.parameters import check_parameters
from accounts.programs.scopes import Scope
from tests.accounts.programs.test_doors import _program


class _Inner(serializers.Serializer[Any]):
    on = serializers.BooleanField(required=False)


class _Wish(serializers.Serializer[Any]):
    text = serializers.CharField()
    count = serializers.IntegerField(allow_null=True)
    amount = serializers.DecimalField(max_digits=None, decimal_places=None)
    key = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=["A", "B"])
    names = serializers.ListField(child=serializers.CharField())
    inner = _Inner(many=True)
    anything = serializers.JSONField()


class _View(ApiView):
    scope: ClassVar[Scope] = Scope.READ

    @extend_schema(request=_Wish)
    def put(self, request: Request) -> Response:
        return Response()

    @extend_schema(request=None)
    def post(self, request: Request) -> Response:
        return Response()

    @extend_schema(
        parameters=[
            OpenApiParameter("unread", bool),
            OpenApiParameter("side", enum=["BUY", "SELL"]),
            OpenApiParameter("q"),
        ]
    )
    def get(self, request: Request) -> Response:
        return Response()


def _wrong(method: str, data: Any) -> Any:
    """Return what is told of a body; None where nothing is."""
    try:
        check_body(_View(), method, data)
    except ValidationError as refused:
        return refused.detail
    return None


@pytest.mark.parametrize(
    "field",
    [
        {"text": "5"}, {"text": ""}, {"text": None}, {"count": 5}, {"count": 5.0}, {"count": None}, {"amount": "0.5"},
        {"amount": 0.5}, {"key": "no id"}, {"kind": "C"}, {"names": ["a"]}, {"inner": [{"on": True}]}, {"anything": [1]},
        {"unknown": 1}, {},
    ],
)  # fmt: skip
def test_the_right_type_goes_on_to_its_field(field: dict[str, Any]) -> None:
    assert _wrong("PUT", field) is None


@pytest.mark.parametrize(
    "field",
    [
        {"text": 5}, {"text": True}, {"text": ["a"]}, {"count": "5"}, {"count": 5.5}, {"count": True}, {"key": 5},
        {"kind": 5}, {"names": "a"}, {"names": [5]}, {"inner": {"on": True}}, {"inner": [{"on": "yes"}]}, {"inner": [5]},
    ],
)  # fmt: skip
def test_the_wrong_type_is_refused_by_its_name(field: dict[str, Any]) -> None:
    assert list(_wrong("PUT", field)) == list(field)


def test_a_body_is_an_object_and_where_none_is_read_there_is_none() -> None:
    no_objects: list[Any] = [[], "text", 5, None]
    assert [list(_wrong("PUT", data)) for data in no_objects] == [["non_field_errors"]] * 4
    assert _wrong("POST", {}) is None
    assert list(_wrong("POST", {"reason": "because"})) == ["reason"]
    assert list(_wrong("POST", [1])) == ["non_field_errors"]


@pytest.mark.parametrize(("query", "wrong"), [
    ("unread=true&side=BUY&q=", []), ("unread=0", []), ("unread=yes", ["unread"]), ("unread=", ["unread"]),
    ("side=buy", ["side"]), ("side=BUY&side=", ["side"]),
])  # fmt: skip
def test_a_parameter_that_cannot_be_is_not_dropped(query: str, wrong: list[str]) -> None:
    found: Any = {}
    try:
        check_parameters(_View(), "GET", QueryDict(query))
    except ValidationError as refused:
        found = refused.detail
    assert list(found) == wrong


def test_the_api_refuses_a_wrong_type_and_a_body_that_it_does_not_read(alice: User) -> None:
    program = _program(alice)
    named = program.post("/api/v1/watch-lists/", {"name": 5}, format="json")
    assert (named.status_code, list(named.json()["context"]["fields"])) == (400, ["name"])
    sent = program.post("/api/v1/notifications/test/", {"to": "bob"}, format="json")
    assert (sent.status_code, list(sent.json()["context"]["fields"])) == (400, ["to"])
    listed = program.get("/api/v1/backfills/?instrument=")
    assert (listed.status_code, list(listed.json()["context"]["fields"])) == (400, ["instrument"])
